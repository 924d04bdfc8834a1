"""
The torture table against Homing, stock aiosmtpd and a real Postfix, side by side: writes docs/torture.md.

Run it as root, or with sudo at hand, after `scripts/provision`: `python -m bench.torture`. All of it on loopback; it
takes about a minute. What the differences mean is written in bench/torture.md, which goes on top of the table.
"""

import asyncio
import contextlib
import gzip
import itertools
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.e2e.rigs.postfix import Postfix
from tests.relay.submission import torture
from tests.relay.submission.rig import HOSTNAME, LIMITS, PASSWORD, USER, serving
from tests.relay.submission.torture_case import Case
from tests.relay.submission.torture_chunks import CHUNKS

_HERE = Path(__file__).parent
_QUIET = 0.5  # seconds without a reply, when more or fewer than Homing's may come
_PATIENCE = 5.0  # seconds for the replies that should come
_AT_ONCE = 8  # conversations with one server
# The answer to a NOOP at the end of a conversation, and what it says.
_END = {"250": "in step", "": "closed", "waits": "waits for more"}
_GROUPS = {
    "Commands": torture.COMMANDS,
    "Order": torture.ORDER,
    "Addresses and parameters": torture.ADDRESSES,
    "Sizes and numbers": torture.SIZES,
    "Contents": torture.CONTENTS,
    "Chunks": CHUNKS,
    "Smuggling": torture.SMUGGLING,
    "AUTH": torture.AUTH,
    "Open relay": torture.RELAY,
}

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
Server = Callable[[Case], AbstractAsyncContextManager[Connect]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one server said in one conversation."""

    replies: tuple[str, ...]  # code and enhanced code of each
    end: str  # of _END, or "out of step"

    @property
    def codes(self) -> tuple[str, ...]:
        """Only the codes, as older servers say them."""
        return tuple(reply[:3] for reply in self.replies)


async def _reply(reader: asyncio.StreamReader, seconds: float) -> str | None:
    """Read one reply: its codes; "" when the connection is closed, None when nothing comes."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                line = await reader.readline()
                if not line:
                    return ""
                if line[3:4] != b"-":
                    break
    except TimeoutError:
        return None
    except OSError:
        return ""
    words = line.decode("utf-8", "replace").split()
    enhanced = len(words) > 1 and words[1].count(".") == 2 and words[1].replace(".", "").isdigit()
    return " ".join(words[: 1 + enhanced])


async def _converse(case: Case, connect: Connect, *, login: bool) -> Outcome:
    """Hold one conversation of the table, and see where it leaves the server."""
    reader, writer = await connect()
    try:
        assert (await _reply(reader, _PATIENCE) or "").startswith("220")
        if case.begin != "greeted":
            await _say(writer, b"EHLO client.test\r\n")
            await _reply(reader, _PATIENCE)
        if case.begin == "ready" and login:
            await _say(writer, b"AUTH PLAIN " + b64encode(f"\0{USER}\0{PASSWORD}".encode()) + b"\r\n")
            assert (await _reply(reader, _PATIENCE) or "").startswith("235")
        said: list[str] = []
        for sent, expected in case.steps:
            await _say(writer, sent)
            for n in range(expected.count(" | ") + 1):
                said.append(await _reply(reader, _PATIENCE if n == 0 else 4 * _QUIET) or "-")
                if said[-1] == "-":
                    break
        while said[-1] != "-" and (more := await _reply(reader, _QUIET)):
            said.append(more)
        replies = tuple(reply for reply in said if reply != "-")
        await _say(writer, b"NOOP\r\n")
        last = await _reply(reader, 4 * _QUIET)
        return Outcome(replies, _END.get("waits" if last is None else last[:3], "out of step"))
    finally:
        writer.transport.abort()


async def _say(writer: asyncio.StreamWriter, octets: bytes) -> None:
    with contextlib.suppress(OSError, TimeoutError):
        writer.write(octets)
        async with asyncio.timeout(_PATIENCE):
            await writer.drain()


# The servers


@asynccontextmanager
async def _homing(_case: Case) -> AsyncIterator[Connect]:
    async with serving() as relay:
        yield lambda: asyncio.open_connection(*relay.server.address)


class _Handler:
    """What the tests' handler does, for aiosmtpd."""

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("trouble@"):
            raise RuntimeError("secret detail")
        if address.startswith("refused@"):
            return "550 5.1.1 No such address here"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        if b"TROUBLE" in (envelope.original_content or b""):
            raise RuntimeError("secret detail")
        return "250 2.0.0 Ok"


def _authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, login: Any) -> AuthResult:
    right = isinstance(login, LoginPassword) and (login.login, login.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


@asynccontextmanager
async def _aiosmtpd(_case: Case) -> AsyncIterator[Connect]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(
            _Handler(),
            hostname=HOSTNAME,
            data_size_limit=LIMITS.max_message_size,
            enable_SMTPUTF8=True,
            authenticator=_authenticate,
            auth_required=True,
            auth_require_tls=False,
            loop=loop,
        ),
        "127.0.0.1",
        0,
    )
    address = server.sockets[0].getsockname()
    yield lambda: asyncio.open_connection(*address)
    server.close()


_REFUSED = ("refused@example.org", "refused@x.test")
_POSTFIX = f"""
message_size_limit = {LIMITS.max_message_size}
smtpd_recipient_limit = {LIMITS.max_recipients}
smtpd_error_sleep_time = 0
default_transport = discard:
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
"""


class _TorturedPostfix(Postfix):
    """Takes all mail of its own address, with the limits of the table, and forgets it."""

    def configure(self) -> None:
        """Add to what the tests' Postfix has."""
        super().configure()
        main = self.enclosure.home / "files/etc/postfix/main.cf"
        main.write_text(main.read_text() + _POSTFIX)


def _to_postfix(postfix: Postfix) -> Server:
    @asynccontextmanager
    async def server(case: Case) -> AsyncIterator[Connect]:
        own = (postfix.address, 0) if case.begin == "ready" else None  # others are strangers
        yield lambda: asyncio.open_connection(postfix.address, 25, local_addr=own)

    return server


# The page


async def _all(server: Server, cases: list[Case], *, login: bool = True) -> dict[str, Outcome]:
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(case: Case) -> Outcome:
        async with room, server(case) as connect:
            return await _converse(case, connect, login=login)

    return dict(zip([case.name for case in cases], await asyncio.gather(*map(one, cases)), strict=True))


def _short(replies: tuple[str, ...]) -> str:
    runs = [(reply, len(list(group))) for reply, group in itertools.groupby(replies)]
    return ", ".join(reply if count == 1 else f"{reply} x{count}" for reply, count in runs) or "nothing"


def _cell(outcome: Outcome | None, homing: Outcome) -> str:
    if outcome is None:
        return "not asked"
    if (outcome.codes, outcome.end) == (homing.codes, homing.end):
        return "·"
    said = "" if outcome.codes == homing.codes else _short(outcome.codes)
    end = "" if outcome.end == homing.end else outcome.end
    return "; ".join(filter(None, (said, end)))


def _table(group: tuple[Case, ...], outcomes: list[dict[str, Outcome]]) -> list[str]:
    lines = ["| Case | Homing | aiosmtpd | Postfix |", "| --- | --- | --- | --- |"]
    for case in group:
        homing, *others = [them.get(case.name) for them in outcomes]
        assert homing is not None
        cells = [_cell(other, homing) for other in others]
        said = _short(homing.replies) + ("" if homing.end == "in step" else f"; {homing.end}")
        lines.append("| " + " | ".join((case.name.replace("|", "\\|"), said, *cells)) + " |")
    return lines


def _postfix_version() -> str:
    changes = _HERE.parent / ".cache/rigs/postfix/usr/share/doc/postfix/changelog.Debian.gz"
    with gzip.open(changes, "rt", encoding="utf-8") as lines:
        return lines.readline().partition("(")[2].partition(")")[0]


async def main() -> None:
    """Talk to all three and write the page."""
    cases = list(torture.CASES)
    postfix = _TorturedPostfix("mx.club.test", refuse=dict.fromkeys(_REFUSED, "550 5.1.1 No such address here"))
    has_no = {case.name for case in torture.AUTH} | {case.name for case in cases if "handler's fault" in case.name}
    try:
        await asyncio.to_thread(postfix.start)
        outcomes = [
            await _all(_homing, cases),
            await _all(_aiosmtpd, cases),
            await _all(_to_postfix(postfix), [case for case in cases if case.name not in has_no], login=False),
        ]
    finally:
        await asyncio.to_thread(postfix.remove)
    about = (_HERE / "torture.md").read_text("utf-8")
    words = {"AIOSMTPD_VERSION": version("aiosmtpd"), "POSTFIX_VERSION": _postfix_version(), "CASES": str(len(cases))}
    for word, value in words.items():
        about = about.replace(word, value)
    lines = [about.rstrip()]
    for name, group in _GROUPS.items():
        lines += ["", f"### {name}", "", *_table(group, outcomes)]
    page = _HERE.parent / "docs" / "torture.md"
    page.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    asyncio.run(main())
