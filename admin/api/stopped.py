"""Routes about suppressions and opt-outs: list, get, add, lift; import and export as CSV."""

import csv
import io

from aiohttp import web

from admin.api import shown
from admin.api.models.base import Paged, when
from admin.api.models.filters import AddressQuery, SuppressionQuery
from admin.api.models.stopped import ImportedOut, OptOutOut, SuppressionIn, SuppressionOut
from admin.api.problems import Problem, missing
from admin.api.route import Call, Route
from store.addresses import address_key, split_address
from store.open import Store
from store.queries.page import LARGEST_PAGE
from store.queries.stopped import Stopped
from store.queries.words import clean
from store.rows import Suppression
from store.token_nouns import Scope

CSV = "text/csv"
AT_ONCE = 500  # addresses of one transaction, each with its line of the audit
MOST_LINES = 50_000  # of one import
_GROUP = "Suppressions"
_HEAD = ("address", "reason", "since", "until", "note")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would calculate (W1)


class StoppedRoutes:
    """Answers about addresses that mail is not sent to, or whose opens are not noted."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        """Give the routes."""
        return [
            Route(
                method="GET", path="/suppressions", handler=self.listed, scope=Scope.READ, group=_GROUP,
                summary="List suppressed addresses, in order of address", query=SuppressionQuery,
                answer=Paged[SuppressionOut],
            ),
            Route(
                method="GET", path="/suppressions.csv", handler=self.exported, scope=Scope.READ, group=_GROUP,
                summary="Export all suppressed addresses", produces=CSV,
            ),
            Route(
                method="POST", path="/suppressions.csv", handler=self.imported, scope=Scope.ADMIN, group=_GROUP,
                summary="Import suppressed addresses", accepts=CSV, has_body=True, answer=ImportedOut,
                description="A line each: address, and a note if you like. A first line of names is left out.",
            ),
            Route(
                method="GET", path="/suppressions/{address}", handler=self.one, scope=Scope.READ, group=_GROUP,
                summary="Get the suppression of an address", answer=SuppressionOut, errors=(404,),
            ),
            Route(
                method="PUT", path="/suppressions/{address}", handler=self.add, scope=Scope.ADMIN, group=_GROUP,
                summary="Send no more mail to an address", body=SuppressionIn, answer=SuppressionOut,
                errors=(404, 409), description="409: it would have ended already.",
            ),
            Route(
                method="DELETE", path="/suppressions/{address}", handler=self.lift, scope=Scope.ADMIN, group=_GROUP,
                summary="Send mail to an address again", errors=(404,),
            ),
            Route(
                method="GET", path="/opt-outs", handler=self.opt_outs, scope=Scope.READ, group=_GROUP,
                summary="List addresses whose opens are not noted", query=AddressQuery, answer=Paged[OptOutOut],
            ),
            Route(
                method="PUT", path="/opt-outs/{address}", handler=self.opt_out, scope=Scope.ADMIN, group=_GROUP,
                summary="Note opens of an address no more", errors=(404,),
            ),
            Route(
                method="DELETE", path="/opt-outs/{address}", handler=self.opt_in, scope=Scope.ADMIN, group=_GROUP,
                summary="Note opens of an address again", errors=(404,),
            ),
        ]  # fmt: skip

    async def listed(self, call: Call) -> Paged[SuppressionOut]:
        """List suppressions."""
        query = call.query
        page = await self._store.queries.stopped.suppressions(
            text=clean(query.q), reasons=tuple(query.reason), limit=query.limit, cursor=query.cursor
        )
        return Paged[SuppressionOut](items=[_shown(it) for it in page.items], next=page.next)

    async def one(self, call: Call) -> SuppressionOut:
        """Give one suppression."""
        return await self._get(_address(call))

    async def add(self, call: Call) -> SuppressionOut:
        """Suppress an address because a person says so."""
        address, told = _address(call), call.body
        before = await self._store.suppressions.get(address)
        until = told.until.timestamp() if told.until else None
        if until is not None and until <= call.now:
            raise Problem(409, "It would have ended already.")
        was = {"reason": before.reason.value, "note": before.note} if before else {}
        noted = await call.noting("suppression.add", address, before=was, after={"note": told.note})
        await self._store.suppressions.add(address, note=clean(told.note), expires_at=until, noted=noted)
        return await self._get(address)

    async def lift(self, call: Call) -> None:
        """Let mail go to an address again."""
        address = _address(call)
        before = await self._store.suppressions.get(address)
        if before is None:
            raise missing("suppression")
        was = {"reason": before.reason.value, "note": before.note}
        noted = await call.noting("suppression.lift", address, before=was)
        if not await self._store.suppressions.lift(address, noted=noted):
            raise missing("suppression")

    async def _get(self, address: str) -> SuppressionOut:
        found = await self._store.suppressions.get(address)
        if found is None:
            raise missing("suppression")
        cause = None
        if found.caused_by is not None:
            cause = next(iter(await self._store.queries.recipients.get([found.caused_by])), None)
        about = (cause.message_id, cause.subject) if cause else (None, "")
        return shown.suppression(found, message_id=about[0], subject=about[1])

    async def exported(self, call: Call) -> web.StreamResponse:
        """Write all of them, page by page, as they are read (W19)."""
        response = web.StreamResponse(
            headers={
                "Content-Type": f"{CSV}; charset=utf-8",
                "Content-Disposition": 'attachment; filename="suppressions.csv"',
            }
        )
        await response.prepare(call.request)
        await response.write(_line(_HEAD))
        cursor: str | None = None
        while True:
            page = await self._store.queries.stopped.suppressions(limit=LARGEST_PAGE, cursor=cursor)
            rows = [it.suppression for it in page.items]
            await response.write(
                b"".join(
                    _line((it.address, it.reason.value, _time(it.at), _time(it.expires_at), it.note)) for it in rows
                )
            )
            if page.next is None:
                break
            cursor = page.next
        await response.write_eof()
        return response

    async def imported(self, call: Call) -> ImportedOut:
        """Add what a CSV lists; what is no address is told, and the rest is taken."""
        try:
            lines = list(csv.reader(io.StringIO(call.body.decode("utf-8-sig"))))
        except (UnicodeDecodeError, csv.Error):
            raise Problem(422, "The body is not CSV in UTF-8.") from None
        if len(lines) > MOST_LINES:
            raise Problem(413, f"At most {MOST_LINES} lines at once.")
        wanted: list[tuple[str, str]] = []
        refused: list[str] = []
        for number, cells in enumerate(lines, 1):
            if not cells or (number == 1 and "@" not in cells[0]):
                continue
            address = clean(cells[0].lstrip("'"))
            if not all(split_address(address)) or " " in address:
                refused.append(f"line {number}: {address[:80]}")
                continue
            note = clean(cells[-1].lstrip("'")) if len(cells) > 1 else ""
            wanted.append((address, note))
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            noted = await call.noting("suppression.import", after={"added": len(some), "refused": len(refused)})
            await self._store.suppressions.add_all(some, noted=noted)
        return ImportedOut(added=len(wanted), refused=refused[:50])

    async def opt_outs(self, call: Call) -> Paged[OptOutOut]:
        """List opt-outs."""
        query = call.query
        page = await self._store.queries.stopped.opt_outs(text=clean(query.q), limit=query.limit, cursor=query.cursor)
        items = [OptOutOut(address=it.address_key, since=when(it.at)) for it in page.items]
        return Paged[OptOutOut](items=items, next=page.next)

    async def opt_out(self, call: Call) -> None:
        """Note opens of an address no more."""
        address = _address(call)
        noted = await call.noting("opt-out.add", address_key(address))
        await self._store.opens.opt_out(address, noted=noted)

    async def opt_in(self, call: Call) -> None:
        """Note them again."""
        address = _address(call)
        noted = await call.noting("opt-out.lift", address_key(address))
        if not await self._store.opens.opt_in(address, noted=noted):
            raise missing("opt-out")


def _address(call: Call) -> str:
    """Give the address of the path. Problem 404 where it cannot be one: nothing is kept of such."""
    address = clean(call.path["address"])
    if not all(split_address(address)) or " " in address:
        raise missing("address")
    return address


def _shown(it: Stopped) -> SuppressionOut:
    return shown.suppression(it.suppression, message_id=it.message_id, subject=it.subject)


def _csv(it: Suppression) -> bytes:
    return _line((it.address, it.reason.value, _time(it.at), _time(it.expires_at), it.note))


def _time(at: float | None) -> str:
    return "" if at is None else when(at).isoformat()


def _line(cells: tuple[str, ...]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
    return out.getvalue().encode("utf-8", "replace")
