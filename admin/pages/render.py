"""
Turns a template and what it shows into an answer: language, times, icons, the navigation, the form's token.

Everything in a template is escaped. What a template needs of a visit comes from here and from nowhere else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from admin.pages.said import SAID
from admin.routes import Route
from admin.statics import Statics
from admin.times import moment
from admin.visit import VISIT, visit_of
from store.languages import LANGUAGES
from store.nouns import Role
from store.reasons import text as reason_text
from store.sentences import say, say_count, say_note


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the navigation."""

    path: str
    word: str  # English
    icon: str
    role: Role = Role.VIEWER


MAIL = (
    Place("/", "Today", "today"),
    Place("/customers", "Customers", "people"),
    Place("/messages", "Messages", "envelope"),
    Place("/chase", "Chase", "phone"),
)
OPERATE = (
    Place("/queue", "Queue", "queue"),
    Place("/suppressions", "Suppressions", "shield"),
    Place("/domains", "Domains", "globe"),
    Place("/webhooks", "Webhooks", "bolt", Role.ADMIN),
    Place("/credentials", "Credentials", "key", Role.ADMIN),
    Place("/settings", "Settings", "gear"),
)


class Renderer:
    """Renders pages."""

    def __init__(self, statics: Statics, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._environment = Environment(
            loader=PackageLoader("admin"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(
            static=statics.href,
            mail_places=MAIL,
            operate_places=OPERATE,
            languages=LANGUAGES,
            query=query,
            size=size,
            Role=Role,
        )

    def page(
        self,
        request: web.Request,
        template: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **shown: Any,
    ) -> web.Response:
        """Answer with a page. ``shown`` is what the template names."""
        visit = visit_of(request)
        text = self.text(
            template,
            visit.language,
            visit=visit,
            path=request.path,
            here=request.path_qs,
            said=SAID.get(request.query.get("said", ""), ""),
            **shown,
        )
        return web.Response(text=text, status=status, content_type="text/html", charset="utf-8", headers=headers)

    def text(self, template: str, language: str, **shown: Any) -> str:
        """Render a template in a language."""
        now = self._clock()
        return self._environment.get_template(template).render(
            _=partial(_say, language),
            _n=lambda one, more, count, **values: say_count(one, more, count, language, **values),
            _note=lambda note: say_note(note, language),
            at=lambda when: None if when is None else moment(when, now, language),
            now=moment(now, now, language),
            language=language,
            reason=lambda value: reason_text(value, language),
            **shown,
        )

    def missing(self, request: web.Request, status: int) -> web.Response | None:
        """Answer an error with a page, where a person who is logged in asked; None: it was somebody else."""
        visit = request.get(VISIT)
        if visit is None or visit.session is None or "text/html" not in request.headers.get("Accept", ""):
            return None
        return self.page(request, "error.html", status=status, code=status)


def _say(language: str, english: str, **values: Any) -> str:
    return say(english, language, **values)


def query(path: str, **words: Any) -> str:
    """Give an address with a query, without what is empty."""
    given = urlencode({name: word for name, word in words.items() if word not in ("", None)})
    return f"{path}?{given}" if given else path


def go(path: str, said: str = "") -> web.Response:
    """Answer a form: go to a page, which says what was done (a key of ``SAID``)."""
    where = path + ("&" if "?" in path else "?") + f"said={said}" if said else path
    return web.Response(status=303, headers={"Location": where})


def size(octets: float) -> str:
    """Write a size as people read it: ``2.5 KB``."""
    for unit in ("B", "KB", "MB", "GB"):
        if octets < 1_000:
            return f"{octets:.0f} {unit}" if octets >= 100 or unit == "B" else f"{octets:.1f} {unit}"
        octets /= 1_000
    return f"{octets:.1f} TB"


Routes = list[Route]
