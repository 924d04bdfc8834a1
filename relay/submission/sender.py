"""
Who may send as whom: the domains of a credential against the envelope and the From field.

Pure: no I/O, no clock, no chance.
"""

import re
from collections.abc import Iterable

from store.addresses import ascii_domain, split_address

# RFC 5322 section 3.2.4. Where the closing quote is missing it matches to the end, once, so the work stays linear.
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+(?:(?P<closed>")|\\?\Z)', re.DOTALL)
_BRACKETS = re.compile(r"<([^<>]*)>")


class SenderDomains:
    """The domains that one credential may send from. ``*.club.test`` allows each below it, but not itself."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._exact: set[str] = set()
        self._below: list[str] = []
        for entry in allowed:
            domain = ascii_domain(entry.removeprefix("*."))
            if entry.startswith("*."):
                self._below.append("." + domain)
            else:
                self._exact.add(domain)
        self.any = not self._exact and not self._below

    def allow(self, address: str) -> bool:
        """Whether this address may be the sender; the null path may."""
        if self.any or not address:
            return True
        domain = ascii_domain(split_address(address)[1])
        return bool(domain) and (domain in self._exact or domain.endswith(tuple(self._below)))


def from_addresses(value: str) -> list[str]:
    """
    List each address of a From field's unfolded value: the one in brackets, or the bare one, of each entry.

    Quotes and comments are taken off first, so that nothing in a display name counts; of a quoted local part only a
    "q" remains. It errs towards finding too many: what is asked of the list is that all of it is allowed.
    """
    text = _without_comments(_QUOTED.sub(lambda found: "q" if found["closed"] else found[0], value))
    found: list[str] = []
    for entry in re.split(r"[,;:]", text):
        brackets = [address for address in _BRACKETS.findall(entry) if address.strip()]
        found += brackets or ([entry] if "@" in entry else [])
    return [re.sub(r"\s+", "", address) for address in found]


def _without_comments(text: str) -> str:
    """Take comments off, nested ones too (RFC 5322 section 3.2.2); one that never ends goes to the end."""
    kept, depth = [], 0
    for piece in re.split(r"([()])", text):
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth = max(0, depth - 1)
        elif not depth:
            kept.append(piece)
    return "".join(kept)
