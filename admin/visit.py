"""
One request of a person: where from, in which language, with whose session. Cookies and tokens are read and made here.

The token against cross-site requests is made from the session's own token, so that nothing more has to be kept, and
whoever sees a page sees none of the session's.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from aiohttp import web

from store.languages import LANGUAGES, best_language
from store.sessions import LONGEST, Session

_SECURE_COOKIE = "__Host-session"
_PLAIN_COOKIE = "session"
_PATH = re.compile(r"/[!-\[\]-~]*")  # printable ASCII but for the backslash, which browsers take for a slash

Networks = Sequence[IPv4Network | IPv6Network]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What is known of who asks."""

    address: str  # IP address of the client; the one that a trusted proxy names
    secure: bool  # it came by https
    language: str
    token: str = ""  # of the session; "": nobody is logged in
    session: Session | None = None

    @property
    def csrf(self) -> str:
        """What each form of this session carries."""
        return csrf_of(self.token)


VISIT = web.RequestKey("visit", Visit)  # where the visit lies in a request


def visit_of(request: web.Request) -> Visit:
    """Give the visit that the guard put into a request."""
    return request[VISIT]


def read_visit(request: web.Request, proxies: Networks) -> Visit:
    """Read where a request comes from, and its session's token, which nobody has looked up yet."""
    remote = request.remote or ""
    forwarded = _within(remote, proxies)
    address = remote
    if forwarded and request.headers.get("X-Forwarded-For"):
        named = request.headers["X-Forwarded-For"].rpartition(",")[2].strip()
        address = named if _is_address(named) else remote
    # A proxy on this machine needs no line in the configuration to say that it speaks https: who lies about it makes
    # the cookie safer, not less so.
    secure = request.secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"
    token = request.cookies.get(_SECURE_COOKIE if secure else _PLAIN_COOKIE, "")
    wanted = best_language(request.headers.get("Accept-Language", ""))
    return Visit(address=address, secure=secure, language=wanted, token=token[:100])


def in_language(visit: Visit, session: Session) -> Visit:
    """Give the visit with its session, in the language that the person chose."""
    language = session.language if session.language in LANGUAGES else visit.language
    return Visit(address=visit.address, secure=visit.secure, language=language, token=visit.token, session=session)


def may_log_in(request: web.Request, visit: Visit, *, plain_http: bool) -> bool:
    """Whether a password may come this way: by https, or from this machine."""
    host = urlsplit(f"//{request.host}").hostname or ""
    return visit.secure or plain_http or (_is_here(host) and _is_loopback(request.remote or ""))


def set_cookie(response: web.StreamResponse, visit: Visit, token: str) -> None:
    """Hand the token of a new session to the browser."""
    response.set_cookie(
        _SECURE_COOKIE if visit.secure else _PLAIN_COOKIE,
        token,
        max_age=int(LONGEST),
        path="/",
        secure=visit.secure,
        httponly=True,
        samesite="Lax",
    )


def drop_cookie(response: web.StreamResponse, visit: Visit) -> None:
    """Have the browser forget its token."""
    name = _SECURE_COOKIE if visit.secure else _PLAIN_COOKIE
    response.del_cookie(name, path="/", secure=visit.secure, httponly=True, samesite="Lax")


def csrf_of(token: str) -> str:
    """Make what the forms of a session carry."""
    return hmac.digest(token.encode("utf-8", "surrogatepass"), b"csrf", hashlib.sha256).hex()


def from_elsewhere(request: web.Request) -> bool:
    """
    Whether a browser says that another site made this request.

    With ``Referrer-Policy: no-referrer`` browsers write ``Origin: null`` on our own forms too: then only
    ``Sec-Fetch-Site`` knows, and where a browser has neither, the token in the form decides alone.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site != "same-origin"
    origin = request.headers.get("Origin", "null")
    return origin != "null" and urlsplit(origin).netloc != request.host


def local_path(wanted: str) -> str:
    """Give where to go after a log-in: a path of ours, else ``/``. Never another host."""
    return wanted if _PATH.fullmatch(wanted) and not wanted.startswith("//") else "/"


def networks(written: Sequence[str]) -> Networks:
    """Read networks of the configuration."""
    return [ip_network(each, strict=False) for each in written]


def _within(address: str, among: Networks) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in among)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_here(host: str) -> bool:
    return host == "localhost" or _is_loopback(host)


def _is_loopback(address: str) -> bool:
    return _is_address(address) and ip_address(address).is_loopback
