"""
What loads have to do with one another, and with the delivery: signs that only a relay sees.

``many-at-once``: one address loads the pixels of several recipients of one message within seconds. ``head-first``: the
same program asked for the image by HEAD before it loaded it. Two more are in the request itself: ``as-a-page`` and
``link-rewriter``. Each is weak: families share an address, and some programs are careful. The rules say what follows.

What is remembered is bounded in time and number, and in memory only.

Pure: no I/O, no clock, no chance.
"""

from collections import OrderedDict
from functools import lru_cache
from typing import NamedTuple, TypeVar

from pixel.networks import parse_address

K = TypeVar("K")
V = TypeVar("V")

MANY = 5  # recipients of one message
MANY_SECONDS = 10.0
HEAD_SECONDS = 60.0
_REMEMBERED = 10_000  # crowds, and HEADs
_CROWD = 50  # recipients of one crowd that are remembered

MANY_AT_ONCE = "many-at-once"
HEAD_FIRST = "head-first"
SENDER_IS_RECIPIENT = "sender-is-recipient"
AS_A_PAGE = "as-a-page"
LINK_REWRITER = "link-rewriter"
# Whose pages stand between a mail and its links: the services' own names for them.
_REWRITERS = (
    "safelinks.protection.outlook.com",
    "urldefense.com",
    "urldefense.proofpoint.com",
    "linkprotect.cudasvc.com",
    "mimecast.com",
    "secure-web.cisco.com",
    "trendmicro.com",
)
NO_SIGNALS: frozenset[str] = frozenset()


class Sighting(NamedTuple):
    """One request for a recipient's pixel, not judged yet."""

    recipient_id: int
    method: str
    address: str
    agent: str  # what comes before it says which load this is: loads alike in all four may be one view
    at: float
    networks: frozenset[str] = frozenset()  # names of the known networks that hold the address
    signs: frozenset[str] = frozenset()  # what the request itself tells, by ``signs_of``


@lru_cache(1_024)
def signs_of(accept: str, referer: str) -> frozenset[str]:
    """
    Name the signs in a request itself, given two of its header fields.

    ``as-a-page``: it asks for a page and not for an image, as who opens the address in a browser's window.
    ``link-rewriter``: it comes from the page of a service that has the links of mails looked at.
    """
    found = NO_SIGNALS
    if "text/html" in accept.lower():
        found |= {AS_A_PAGE}
    host = referer.lower().partition("://")[2].partition("/")[0].partition(":")[0]
    if any(host == name or host.endswith(f".{name}") for name in _REWRITERS):
        found |= {LINK_REWRITER}
    return found


class Memory:
    """The loads of the last minute, as far as they are signs."""

    def __init__(self) -> None:
        self._public: dict[str, bool] = {}
        self._heads: OrderedDict[tuple[int, str, str], float] = OrderedDict()
        self._crowds: OrderedDict[tuple[str, int], dict[int, float]] = OrderedDict()

    def note(self, sighting: Sighting, message_id: int) -> None:
        """Remember a load; a whole batch is noted before any of it is judged. The same one again changes nothing."""
        if sighting.method == "HEAD":
            _put(self._heads, _program(sighting), sighting.at)
        elif self._is_public(sighting.address):
            crowd = self._crowds.get((sighting.address, message_id), {})
            crowd.pop(sighting.recipient_id, None)
            if len(crowd) >= _CROWD:
                del crowd[next(iter(crowd))]
            crowd[sighting.recipient_id] = sighting.at
            _put(self._crowds, (sighting.address, message_id), crowd)

    def signals(self, sighting: Sighting, message_id: int) -> frozenset[str]:
        """Name the signs that speak about a load."""
        found = NO_SIGNALS
        if self._heads and sighting.method == "GET":
            head_at = self._heads.get(_program(sighting))
            if head_at is not None and 0 <= sighting.at - head_at < HEAD_SECONDS:
                found |= {HEAD_FIRST}
        crowd = self._crowds.get((sighting.address, message_id))
        if crowd is None or len(crowd) < MANY:
            return found
        if sum(abs(sighting.at - at) < MANY_SECONDS for at in crowd.values()) >= MANY:
            found |= {MANY_AT_ONCE}
        return found

    def _is_public(self, address: str) -> bool:
        """Whether an address may stand for one client: one of our own networks may be a proxy that nobody listed."""
        known = self._public.get(address)
        if known is None:
            parsed = parse_address(address)
            if len(self._public) >= _REMEMBERED:
                self._public.clear()
            known = self._public[address] = parsed is not None and parsed.is_global
        return known


def _program(sighting: Sighting) -> tuple[int, str, str]:
    """Tell programs apart: Office asks by HEAD under another name than Outlook, which then shows the mail."""
    return sighting.recipient_id, sighting.address, sighting.agent


def _put(remembered: OrderedDict[K, V], key: K, value: V) -> None:
    remembered[key] = value
    remembered.move_to_end(key)
    if len(remembered) > _REMEMBERED:
        remembered.popitem(last=False)
