"""
One attempt at a call: signed, posted, and its answer read as far as it is of use.

The connector is handed in and keeps the door to our own network. There are no redirects, no cookies, no proxy from the
environment, no compression; all of it ends after ten seconds.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp

from admin.webhooks.body import body as body_of
from admin.webhooks.body import say
from admin.webhooks.retry import Answer
from admin.webhooks.shape_mailgun import signature as mailgun_signature
from admin.webhooks.signature import signed_headers
from admin.webhooks.signature_sendgrid import sendgrid_headers
from admin.webhooks.url import UrlRules, url_problem
from store.events import Delivered
from store.journal_record import EventRecord, ToldEvent
from store.webhook_nouns import Shape, Webhook

TIMEOUT = 10.0  # seconds
LARGEST_ANSWER = 64 * 1024  # octets that are read
ANSWER_SHOWN = 500  # characters that are kept
_BLOCK = 8 * 1024


class Sender:
    """Posts calls."""

    def __init__(
        self,
        *,
        connect: Callable[[], aiohttp.BaseConnector],
        rules: UrlRules,
        clock: Callable[[], float],
        draw: Callable[[], float],
        timeout: float = TIMEOUT,
    ) -> None:
        """
        Build it.

        Args:
            connect: Makes the connector that all calls go through, within the event loop.
            rules: Which URLs may be called.
            clock: Unix seconds, for the signature.
            draw: Random numbers from 0.0 up to 1.0, for the token that Mailgun puts into each body.
            timeout: Seconds for a whole attempt.
        """
        self._connect = connect
        self._rules = rules
        self._clock = clock
        self._draw = draw
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def send(self, webhook: Webhook, name: str, text: str) -> Answer:
        """Make one attempt. Whatever happens is an answer."""
        if problem := url_problem(webhook.url, self._rules):
            return Answer(status=None, error=problem)
        if not webhook.secret:
            return Answer(status=None, error="its secret cannot be opened any more: rotate it")
        started = asyncio.get_running_loop().time()
        content = self._content(webhook, text)
        headers = signed_headers(name, content, secrets=webhook.secrets(self._clock()), now=self._clock())
        if webhook.shape is Shape.SENDGRID:
            headers |= sendgrid_headers(content, secret=webhook.secret, now=self._clock())
        headers |= {
            "Content-Type": "application/json; charset=utf-8",
            "Accept-Encoding": "identity",
            "User-Agent": "Homing-Webhook",
        }
        try:
            async with asyncio.timeout(self._timeout):
                status, said, retry_after = await self._post(webhook.url, content, headers)
        except TimeoutError:
            error = f"no whole answer within {self._timeout:g} s"
            return Answer(status=None, error=error, seconds=self._since(started))
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            return Answer(status=None, error=_told(fault), seconds=self._since(started))
        return Answer(
            status=status,
            error=_error(status),
            text=said,
            retry_after=retry_after,
            seconds=self._since(started),
        )

    async def test(self, webhook: Webhook) -> Answer:
        """Tell an endpoint of a delivery that never was; its address ends in example.com, its ids are 0."""
        now = self._clock()
        said = say(webhook.shape, _sample(now))
        assert said is not None
        if webhook.shape is Shape.HOMING:
            said["type"] = "test"
        text = body_of(webhook.shape, [said], batch=webhook.batch_size > 1)
        return await self.send(webhook, f"test_{int(now)}", text)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def _post(self, url: str, content: bytes, headers: dict[str, str]) -> tuple[int, str, float]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=self._connect(),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None),
            )
        async with self._session.post(url, data=content, headers=headers, allow_redirects=False) as answer:
            read = b""
            while len(read) < LARGEST_ANSWER and (block := await answer.content.read(_BLOCK)):
                read += block
            if len(read) >= LARGEST_ANSWER:
                answer.close()  # whatever else it wants to say
            said = read[: 4 * ANSWER_SHOWN].decode("utf-8", "replace").replace("\0", "\ufffd")[:ANSWER_SHOWN]
            return answer.status, said, _seconds(answer.headers.get("Retry-After", ""))

    def _content(self, webhook: Webhook, text: str) -> bytes:
        if webhook.shape is not Shape.MAILGUN:
            return text.encode()
        token = "".join(f"{int(self._draw() * 65_536):04x}" for _ in range(12))[:50]
        block = mailgun_signature(webhook.secret, now=self._clock(), token=token)
        return json.dumps(_with_signature(json.loads(text), block), ensure_ascii=False).encode()

    def _since(self, started: float) -> float:
        return asyncio.get_running_loop().time() - started


def _with_signature(whole: Any, block: dict[str, str]) -> Any:
    if isinstance(whole, list):
        return [{"signature": block, **one} for one in whole]
    return {"signature": block, **whole}


def _seconds(header: str) -> float:
    return float(header) if header.isascii() and header.isdigit() and len(header) < 9 else 0.0


def _error(status: int) -> str:
    if 200 <= status < 300:
        return ""
    return f"it answered {status}" + ("; redirects are not followed" if 300 <= status < 400 else "")


def _told(fault: Exception) -> str:
    """Say a fault in plain words."""
    if isinstance(fault, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not good: {fault.certificate_error}"
    if isinstance(fault, aiohttp.ClientConnectorError):
        return f"it could not be reached: {fault.os_error.strerror or fault.os_error}"
    return f"its answer is of no use: {type(fault).__name__}"


def _sample(now: float) -> ToldEvent:
    event = Delivered(message_id=0, recipient_id=0, at=now, reply="250 2.0.0 This is a test", attempt=1)
    record = EventRecord(
        position=0,
        event=event,
        forward_path="test@example.com",
        subject="A test of this webhook",
        customer="",
        invoice="",
        message_accepted_at=now,
    )
    return ToldEvent(
        record=record,
        sender="test@example.com",
        header_message_id="test@example.com",
        tags=(),
        metadata={},
        size=0,
        first_opened_at=None,
    )
