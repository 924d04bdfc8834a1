"""
Signed, expiring URLs: what they name, and whether they are ours.

The signature is over the view and the parameters as they are meant, not as they are written in a URL, so that any
language signs alike:

    text = view *( LF name "=" value )       parameters in the order of their names, "sig" left out
    sig  = base64url without "=" of HMAC-SHA256(key, text as UTF-8)

Pure: no I/O, no clock, no chance.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlencode

# What each view may be asked about; exactly one of them. A badge stands for whatever it is about.
ABOUT = {
    "customer": ("customer",),
    "message": ("message",),
    "recipients": ("message",),
    "invoice": ("invoice",),
    "badge": ("invoice", "message", "recipient"),
}
ALSO = ("cursor", "language")  # besides what it is about and until when
LONGEST = 320  # characters of a value
_IDS = ("message", "recipient")


class BadLink(Exception):
    """This URL is not ours, or its time is over."""


def sign(view: str, parameters: Mapping[str, str], key: bytes) -> str:
    """Give the signature of a view and its parameters."""
    lines = [view, *(f"{name}={value}" for name, value in sorted(parameters.items()))]
    digest = hmac.digest(key, "\n".join(lines).encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def link(view: str, parameters: Mapping[str, str], key: bytes, *, form: str = "") -> str:
    """
    Give the path and query of a signed URL.

    Args:
        view: One of ``ABOUT``.
        parameters: What it is about, ``exp``, and maybe more.
        key: The current one.
        form: ``".json"``, ``".svg"``, or "" for a page.
    """
    return f"/embed/{view}{form}?{urlencode({**parameters, 'sig': sign(view, parameters, key)})}"


def about_problem(view: str, about: Mapping[str, str]) -> str:
    """Say in plain words why a view cannot be asked about this; "": it can."""
    if view not in ABOUT:
        return f"there is no view {view}; there are: {', '.join(ABOUT)}"
    named = [name for name in ABOUT[view] if name in about]
    if len(named) != 1 or set(about) - {named[0], *ALSO}:
        return f"the view {view} is about one of: {', '.join(ABOUT[view])}"
    for name, value in about.items():
        if not value or len(value) > LONGEST or not value.isprintable():
            return f"{name} has 1 to {LONGEST} printable characters"
        if name in _IDS and not (value.isascii() and value.isdigit() and len(value) < 20 and int(value) < 2**63):
            return f"{name} is no id"
    return ""


def opened(
    view: str, given: Iterable[tuple[str, str]], keys: Sequence[bytes], *, now: float, longest: float
) -> dict[str, str]:
    """
    Give what a URL names, without ``sig``.

    Args:
        view: From its path.
        given: Its query, name and value, in the order written.
        keys: The current one first; what was signed under an older one is good as well.
        now: Unix seconds.
        longest: Seconds from now that a URL may be good for.

    Raises:
        BadLink: It is not signed by us, names something twice, or its time is over or too far away.
    """
    pairs = list(given)
    parameters = dict(pairs)
    if len(parameters) != len(pairs) or view not in ABOUT:
        raise BadLink
    signature = parameters.pop("sig", "")
    try:
        good = [hmac.compare_digest(sign(view, parameters, key).encode(), signature.encode()) for key in keys]
    except UnicodeEncodeError:
        raise BadLink from None
    if not any(good):
        raise BadLink
    ends = parameters.get("exp", "")
    if not (ends.isascii() and ends.isdigit() and len(ends) < 12) or not now < int(ends) <= now + longest:
        raise BadLink
    about = {name: value for name, value in parameters.items() if name != "exp"}
    if about_problem(view, about):
        raise BadLink
    return parameters
