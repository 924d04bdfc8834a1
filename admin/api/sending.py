"""
Routes that send: as JSON, as a raw mail, again, and stop what waits.

All go through the very acceptance of SMTP. A token without admin says a word only about what it sent itself: the mails
of others are not there for it.
"""

import asyncio
import re
from email import message_from_bytes
from email.errors import MessageError
from email.policy import compat32
from email.utils import getaddresses

from admin.api.compose import compose, envelope
from admin.api.models.send import AgainOut, CancelledOut, SendIn, SendQuery, TakenOut
from admin.api.outside import Envelope, Outcome, Outside
from admin.api.problems import Problem, invalid, missing
from admin.api.route import Call, Route
from store.open import Store
from store.queries.search import Search
from store.queries.standing import Standing
from store.token_nouns import Scope

RAW = "message/rfc822"
MOST_AGAIN = 1_000  # recipients that one call sends to again
_GROUP = "Sending"
_FAILED = (Standing.BOUNCED, Standing.NOT_DELIVERED)
_KEY = re.compile(r"[!-~]{1,200}")
_BARE_LINE_END = re.compile(rb"\r\n|\r|\n")
_STATUS = {Outcome.REFUSED: 422, Outcome.FORBIDDEN: 403, Outcome.TOO_OFTEN: 429, Outcome.LATER: 503}
_IDEMPOTENCY = "With `Idempotency-Key`, the same key within 24 hours gives the first message's id and sends nothing."


class Sending:
    """Answers what is to be sent."""

    def __init__(self, store: Store, outside: Outside) -> None:
        self._store = store
        self._outside = outside

    def routes(self) -> list[Route]:
        """Give the routes."""
        largest = self._outside.largest_message
        return [
            Route(
                method="POST", path="/messages", handler=self.send, scope=Scope.SEND, group=_GROUP,
                summary="Send a mail", body=SendIn, answer=TakenOut, status=202, keyed=True,
                largest_body=largest * 2, description=f"202: it is on disk. {_IDEMPOTENCY}",
            ),
            Route(
                method="POST", path="/messages/mime", handler=self.send_raw, scope=Scope.SEND, group=_GROUP,
                summary="Send a mail as it is", query=SendQuery, accepts=RAW, has_body=True, answer=TakenOut,
                status=202, keyed=True, largest_body=largest,
                description=f"Every byte stays, but for line ends and the documented changes. {_IDEMPOTENCY}",
            ),
            Route(
                method="POST", path="/messages/{message_id}/cancel", handler=self.cancel, scope=Scope.SEND,
                group=_GROUP, summary="Stop what of a message was not sent yet", answer=CancelledOut,
            ),
            Route(
                method="POST", path="/messages/{message_id}/resend", handler=self.resend, scope=Scope.SEND,
                group=_GROUP, summary="Send a message again to those who did not get it", answer=AgainOut, status=202,
                errors=(409, 410),
                description="To the recipients that bounced or were not delivered, as a new message. 409: there are "
                "none. What is suppressed stays so: lift it first.",
            ),
            Route(
                method="POST", path="/recipients/{recipient_id}/resend", handler=self.resend_one, scope=Scope.SEND,
                group=_GROUP, summary="Send a message again to one recipient, whatever became of it",
                answer=AgainOut, status=202, errors=(410,),
            ),
        ]  # fmt: skip

    async def send(self, call: Call) -> TakenOut:
        """Send what JSON says."""
        mail: SendIn = call.body
        paths = envelope(mail)
        content = await asyncio.to_thread(compose, mail, idempotency_key=_key(call))
        return await self._hand_over(call, content, mail.return_path or mail.from_.address, paths)

    async def send_raw(self, call: Call) -> TakenOut:
        """Send a mail as it is; the addresses are of the query, or of its own fields."""
        content = _BARE_LINE_END.sub(b"\r\n", call.body)
        if not content.endswith(b"\r\n"):
            content += b"\r\n"
        sender, named = await asyncio.to_thread(_addresses, content)
        paths = list(dict.fromkeys(call.query.to or named))
        if not paths:
            raise invalid("query.to", "must name a recipient, since no field of the mail does")
        if key := _key(call):
            content = f"X-Homing-Idempotency-Key: {key}\r\n".encode("ascii") + content
        return await self._hand_over(call, content, call.query.return_path or sender, paths)

    async def _hand_over(self, call: Call, content: bytes, reverse_path: str, paths: list[str]) -> TakenOut:
        if len(paths) > self._outside.most_recipients:
            raise invalid("body.to", f"must be at most {self._outside.most_recipients} addresses in all")
        if len(content) > self._outside.largest_message:
            raise Problem(413, f"The mail is larger than {self._outside.largest_message} octets.")
        about = Envelope(token=call.token, address=call.address, reverse_path=reverse_path, forward_paths=tuple(paths))
        handed = await self._outside.send(about, content)
        if handed.outcome is not Outcome.TAKEN:
            wait = {"Retry-After": "60"} if handed.outcome in (Outcome.TOO_OFTEN, Outcome.LATER) else {}
            raise Problem(_STATUS[handed.outcome], handed.words, headers=wait)
        return TakenOut(message_id=str(handed.message_id), recipients=len(paths))

    async def cancel(self, call: Call) -> CancelledOut:
        """Stop what waits."""
        message_id = await self._own(call, call.id("message_id"))
        ids = await self._store.queries.recipients.ids(Search(message_id=message_id), limit=100_000)
        noted = await call.noting("message.cancel", str(message_id), tell=lambda stopped: {"recipients": stopped})
        stopped = await self._store.queue.cancel(ids, note=f"stopped by the token {call.token.name}", noted=noted)
        return CancelledOut(recipients=stopped)

    async def resend(self, call: Call) -> AgainOut:
        """Send again to those who did not get it."""
        message_id = await self._own(call, call.id("message_id"))
        ids = await self._store.queries.recipients.ids(
            Search(message_id=message_id, standings=_FAILED), limit=MOST_AGAIN
        )
        if not ids:
            raise Problem(409, "Everybody got it, or may still get it.")
        return await self._again(call, message_id, ids)

    async def resend_one(self, call: Call) -> AgainOut:
        """Send again to one recipient."""
        found = await self._store.queries.recipients.get([call.id("recipient_id")])
        if not found:
            raise missing("recipient")
        message_id = await self._own(call, found[0].message_id, what="recipient")
        return await self._again(call, message_id, [found[0].recipient_id])

    async def _again(self, call: Call, message_id: int, ids: list[int]) -> AgainOut:
        if await self._store.contents.ref(message_id) is None:
            raise Problem(410, "Its content is no longer kept.")
        made = await self._outside.send_again(ids)
        await call.note("message.resend", str(message_id), after={"messages": [str(it) for it in made]})
        return AgainOut(message_ids=[str(it) for it in made])

    async def _own(self, call: Call, message_id: int, *, what: str = "message") -> int:
        """Give the id of a message that this token may say a word about."""
        line = await self._store.queries.messages.get(message_id)
        if line is None or not (call.token.may(Scope.ADMIN) or line.message.credential == f"token:{call.token.name}"):
            raise missing(what)
        return message_id


def _key(call: Call) -> str:
    """Give the idempotency key; Problem 422 where it cannot be one."""
    key = call.request.headers.get("Idempotency-Key")
    if key is None:
        return ""
    if not _KEY.fullmatch(key):
        raise invalid("header.Idempotency-Key", "must be 1 to 200 printable ASCII characters without blanks")
    return key


def _addresses(content: bytes) -> tuple[str, list[str]]:
    """Give the address in From and those in To, Cc and Bcc, as far as they can be read."""
    end = content.find(b"\r\n\r\n")
    try:
        header = message_from_bytes(content[: end + 4] if end >= 0 else content, policy=compat32)
        sender = [it for _, it in getaddresses(map(str, header.get_all("From", []))) if "@" in it]
        fields = [str(value) for name in ("To", "Cc", "Bcc") for value in header.get_all(name, [])]
        named = [it for _, it in getaddresses(fields) if "@" in it]
    except (MessageError, ValueError, LookupError):
        return "", []
    return next(iter(sender), ""), named
