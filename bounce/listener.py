"""
What the bounce listener answers: the handler of the SMTP server that the MX of our return paths leads to.

It takes mail for a return path that we signed and that is in time, and for postmaster@ and abuse@ of its domain; all
else is refused at RCPT, with one text whatever the cause. It never answers whoever wrote, so no loop can begin here; a
copy for the original sender is the affair of ``relay/forward.py``. Who a report is about is read from the return path
it came to, never from its text (promise 7).
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from bounce.consequence import Consequence
from bounce.report import Report, read
from bounce.settings import BounceSettings
from bounce.verp import ReturnPaths
from store.errors import StoreUnavailable
from store.nouns import Reply
from store.reports import NOBODY

DAY = 86_400.0
READ_SECONDS = 30.0  # a report that takes longer to read is kept unread; its thread ends by its own limits
ROLE = "role"  # kind of what came to postmaster@ or abuse@ and is about none of our mails
READERS = 2  # threads: a flood of reports must not take the machine from submission and delivery

NO_SUCH_ADDRESS = Reply.make(550, "5.1.1", "No such address here")
TOO_MANY_REPORTS = Reply.make(452, "4.2.1", "Too many reports for this address today")
TOO_LARGE = Reply.make(552, "5.3.4", "Report too large")
OUR_FAULT = Reply.make(451, "4.3.0", "Temporary trouble here, try again later")
TAKEN = Reply.make(250, "2.0.0", "Ok")

UNREAD = Report(kind="not-a-bounce", recipients=())

_ROLES = frozenset({"postmaster", "abuse"})  # RFC 2142; postmaster also without a domain, RFC 5321 section 4.5.1


class Session(Protocol):
    """What is needed of the server's session."""

    @property
    def reverse_path(self) -> str | None:
        """Path of MAIL FROM without its angle brackets; "" for the null path, None between messages."""

    @property
    def forward_paths(self) -> Sequence[tuple[str, dict[str, str]]]:
        """Each path of RCPT TO that was accepted, with its parameters."""

    @property
    def client_address(self) -> str:
        """IP address of the client."""


class Recipients(Protocol):
    """What is needed of ``store.find``."""

    async def recipient(self, recipient_id: int) -> object | None:
        """Give the recipient; None where there is none (any more)."""


class Reports(Protocol):
    """What is needed of ``store.reports``."""

    async def count_since(self, recipient_id: int, at: float) -> int:
        """How many reports came for the recipient since then."""

    async def keep(self, recipient_id: int, at: float, kind: str, raw: bytes) -> object:
        """Keep a raw report."""


class Forward(Protocol):
    """What hands a copy on to the original sender."""

    async def __call__(
        self, recipient_id: int, report: Report, content: bytes, now: float, *, null_reverse_path: bool
    ) -> None:
        """Hand a copy on, where the configuration wants it; raises StoreUnavailable."""


class ReportListener:
    """Answers MAIL, RCPT and DATA of the bounce listener."""

    def __init__(
        self,
        *,
        return_paths: ReturnPaths,
        recipients: Recipients,
        reports: Reports,
        consequence: Consequence,
        settings: BounceSettings,
        clock: Callable[[], float],
        log: logging.Logger | None = None,
        forward: Forward | None = None,
    ) -> None:
        self._return_paths = return_paths
        self._recipients = recipients
        self._reports = reports
        self._consequence = consequence
        self._settings = settings
        self._clock = clock
        self._log = log or logging.getLogger(__name__)
        self._forward = forward
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="report")
        self._under_way: Counter[int] = Counter()  # reports being settled, by recipient: they count for its rate
        self.counts: Counter[str] = Counter()  # "refused", "over_rate", "unread", and each kind taken; for metrics

    def close(self) -> None:
        """End the reading threads; a read under way ends by its own limits."""
        self._readers.shutdown(wait=False, cancel_futures=True)

    async def auth(self, session: Session, user: str, password: str) -> None:  # noqa: ARG002 - the server's contract
        """Nobody logs in here."""
        return

    async def mail(
        self,
        session: Session,  # noqa: ARG002 - the server's contract
        reverse_path: str,  # noqa: ARG002 - any is taken: what has a sender is no bounce, see data()
        parameters: dict[str, str],  # noqa: ARG002
    ) -> Reply | None:
        """MAIL FROM: any reverse-path is taken."""
        return None

    async def rcpt(
        self,
        session: Session,
        forward_path: str,
        parameters: dict[str, str],  # noqa: ARG002 - the server's contract
    ) -> Reply | None:
        """
        RCPT TO: only what we signed, in time, of a recipient we still know.

        A wrong signature, a past one and an unknown recipient get the same answer, and leave no row.
        """
        now = self._clock()
        recipient_id = self._return_paths.decode(forward_path, now)
        try:
            if self._role(forward_path):
                return None if await self._room(NOBODY, now) > 0 else self._over_rate(NOBODY)
            if recipient_id is None or await self._recipients.recipient(recipient_id) is None:
                self.counts["refused"] += 1
                return NO_SUCH_ADDRESS
            if await self._room(recipient_id, now) < 1:
                return self._over_rate(recipient_id)
        except StoreUnavailable as fault:
            return self._fault(session, fault)
        return None

    async def data(self, session: Session, content: bytes) -> Reply:
        """
        DATA: read the report once, settle it for each recipient of the transaction on its own.

        250 means that all of it is committed. On a fault of ours the other side sends it again, and what was settled
        before the fault is known as a repetition then.
        """
        if len(content) > self._settings.max_report_size:
            return TOO_LARGE
        now = self._clock()
        report = await self._read(content)
        try:
            concerned, over_rate = self._concerned(session, report, content, now), False
            for recipient_id in sorted(concerned):
                over_rate |= not await self._settle(session, recipient_id, report, content, now)
            if not concerned and any(self._role(path) for path, _ in session.forward_paths):
                over_rate = not await self._keep_for_people(content, now)
        except StoreUnavailable as fault:
            return self._fault(session, fault)
        if over_rate and len(concerned) <= 1:
            return TOO_MANY_REPORTS
        self.counts[str(report.kind)] += 1
        return TAKEN

    def _concerned(self, session: Session, report: Report, content: bytes, now: float) -> set[int]:
        """
        Say whom a report is about: the return paths it came to.

        A complaint to abuse@ has only the return path of the mail it complains of, in the copy it carries; that one
        is signed as well. It is believed where there is exactly one.
        """
        paths = [path for path, _ in session.forward_paths]
        named = {found for path in paths if (found := self._return_paths.decode(path, now)) is not None}
        if named or not any(map(self._role, paths)):
            return named
        carried = self._return_paths.find(content.decode("ascii", "replace"), now)
        if report.kind == "complaint" and len(carried) == 1:
            return set(carried)
        self._log.info(
            "mail to postmaster or abuse from <%s> at %s: %s, not about one of our mails",
            _printable(session.reverse_path or ""),
            session.client_address,
            report.kind,
        )
        return set()

    async def _settle(self, session: Session, recipient_id: int, report: Report, content: bytes, now: float) -> bool:
        """Settle for one recipient; False where it has had its reports for today."""
        self._under_way[recipient_id] += 1
        try:
            if await self._room(recipient_id, now) < 0:
                self._over_rate(recipient_id)
                return False
            await self._consequence.of_report(
                recipient_id, report, content, now, null_reverse_path=not session.reverse_path
            )
            if self._forward is not None:
                await self._forward(recipient_id, report, content, now, null_reverse_path=not session.reverse_path)
        finally:
            self._under_way[recipient_id] -= 1
            self._under_way += Counter()  # forget what is at zero
        return True

    async def _keep_for_people(self, content: bytes, now: float) -> bool:
        """Keep what came to postmaster@ or abuse@ and is about none of our mails; False: enough came today."""
        self._under_way[NOBODY] += 1
        try:
            if await self._room(NOBODY, now) < 0:
                self._over_rate(NOBODY)
                return False
            await self._reports.keep(NOBODY, now, ROLE, content[: self._settings.raw_copy])
        finally:
            self._under_way[NOBODY] -= 1
            self._under_way += Counter()
        return True

    async def _room(self, recipient_id: int, now: float) -> int:
        """How many more reports a recipient may have today, those under way counted."""
        came = await self._reports.count_since(recipient_id, now - DAY)
        most = self._settings.role_mail if recipient_id == NOBODY else self._settings.reports_per_recipient
        return most - came - self._under_way[recipient_id]

    async def _read(self, content: bytes) -> Report:
        """Read a report in a thread. One that cannot be read is kept all the same, and changes nothing."""
        loop = asyncio.get_running_loop()
        try:
            return await asyncio.wait_for(loop.run_in_executor(self._readers, read, content), READ_SECONDS)
        except TimeoutError:
            self._log.warning("a report of %d octets took more than %.0f s to read", len(content), READ_SECONDS)
        except Exception:  # noqa: BLE001 - whatever a stranger's bytes do to the reader, asking for them again is no use
            self._log.exception("a report of %d octets could not be read", len(content))
        self.counts["unread"] += 1
        return UNREAD

    def _role(self, forward_path: str) -> bool:
        local, at, domain = forward_path.strip("<> ").lower().partition("@")
        if not at:
            return local == "postmaster"
        return local in _ROLES and domain.rstrip(".") in self._return_paths.domains

    def _over_rate(self, recipient_id: int) -> Reply:
        self.counts["over_rate"] += 1
        whose = "postmaster" if recipient_id == NOBODY else f"recipient {recipient_id}"
        self._log.warning("%s has had its mail for today", whose)
        return TOO_MANY_REPORTS

    def _fault(self, session: Session, fault: StoreUnavailable) -> Reply:
        self.counts["fault"] += 1
        self._log.error("report from %s put off: %s", session.client_address, fault)
        return OUR_FAULT


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
