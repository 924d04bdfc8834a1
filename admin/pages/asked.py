"""What the address bar of a list asks for: a line of words, chips, and where the page before ended."""

from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from admin.pages.told import standings
from store.queries.page import Page
from store.queries.search import Search
from store.queries.standing import Standing
from store.queries.words import Typed, clean, parse


@dataclass(frozen=True, slots=True)
class Asked:
    """One question to a list."""

    line: str  # as it was typed
    typed: Typed
    status: tuple[Standing, ...]
    kind: str  # "", "invoices" or "messages"
    cursor: str | None

    @property
    def search(self) -> Search:
        """All of it as one filter."""
        search = self.typed.search
        if self.status:
            search = replace(search, standings=self.status)
        if self.kind:
            search = replace(search, kind=self.kind)  # type: ignore[arg-type]  # one of the three by ``asked``
        return search

    @property
    def words(self) -> dict[str, str]:
        """The query of links that ask the same; without the cursor."""
        return {"q": self.line, "status": ",".join(self.status), "type": self.kind}


def asked(request: web.Request) -> Asked:
    """Read the address bar; what makes no sense there is left out."""
    query = request.query
    line = clean(query.get("q", ""), 1_000)
    kind = query.get("type", "")
    return Asked(
        line=line,
        typed=parse(line),
        status=standings(query.get("status", "")),
        kind=kind if kind in ("invoices", "messages") else "",
        cursor=query.get("cursor") or None,
    )


def older(request: web.Request, page: Page[Any]) -> str:
    """Give the address of the next page; "": this is the last."""
    return str(request.rel_url.update_query(cursor=page.next)) if page.next else ""


def newest(request: web.Request) -> str:
    """Give the address of the first page; "": this is it."""
    if "cursor" not in request.query:
        return ""
    return str(request.rel_url.without_query_params("cursor"))
