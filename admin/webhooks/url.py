"""
Which URLs may be called: said when an endpoint is made, and looked at again before each call.

This is for people, who learn at once what is wrong. What keeps the door is the connector that calls go through: it
looks at the address that is connected to, whatever the name said before.

Pure: no I/O, no clock, no chance.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

LONGEST = 2_000  # characters
_PORTS = {"https": 443, "http": 80}
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)  # what a C library takes for an address: "127.1", "0x7f.1"


@dataclass(frozen=True, slots=True)
class UrlRules:
    """What ``[admin.webhooks]`` allows. ``refusal`` says why an address must not be connected to; "": it may be."""

    refusal: Callable[[str], str]
    ports: tuple[int, ...]
    allow_http: bool = False


def url_problem(url: str, rules: UrlRules) -> str:
    """Say in plain words why a URL must not be called; "": it may be."""
    if len(url) > LONGEST or not url.isascii() or not url.isprintable() or " " in url:
        return f"a URL has at most {LONGEST} characters, all of them printable ASCII, and no blanks"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "this is no URL"
    return _scheme_problem(parts, rules) or _port_problem(parts, port, rules) or _host_problem(parts, rules)


def _scheme_problem(parts: SplitResult, rules: UrlRules) -> str:
    if parts.scheme not in _PORTS or not parts.hostname:
        return "a URL begins with https:// and a host name"
    if parts.scheme == "http" and not rules.allow_http:
        return "only https:// is allowed: what is told over http can be read on the way"
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        return "a URL must not hold a user or a password: check the signature instead"
    if parts.fragment:
        return "what stands behind # is never sent: leave it out"
    return ""


def _port_problem(parts: SplitResult, port: int | None, rules: UrlRules) -> str:
    if (_PORTS[parts.scheme] if port is None else port) in rules.ports:
        return ""
    return f"port {port} is not allowed; these are: {', '.join(map(str, rules.ports))}"


def _host_problem(parts: SplitResult, rules: UrlRules) -> str:
    host = parts.hostname or ""
    try:
        return rules.refusal(str(ip_address(host)))
    except ValueError:
        pass
    labels = host.removesuffix(".").split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        return f"{host} is no host name"
    if _NUMBER.fullmatch(labels[-1]):
        return f"{host} is no host name, and no address in the usual spelling"
    if labels[-1].lower() == "localhost":
        return rules.refusal("127.0.0.1")
    return ""
