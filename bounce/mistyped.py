"""
"Did you mean": the address that a person probably meant when the one they wrote does not exist.

Only the part after the @ is compared: with the domains that people have mailboxes at (``mailbox_domains.txt``) and
with the domains this sender writes to most. ``worth_asking`` says whether to ask at all: only after the domain failed
or the address bounced, since a domain that works is never a mistake.

Pure: no I/O, no clock, no chance.
"""

from collections.abc import Iterable, Sequence
from importlib import resources

from store.nouns import Reason, RecipientStatus
from store.rows import RecipientRow


def _listed(text: str) -> tuple[str, ...]:
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return tuple(line for line in lines if line)


# Read once, at import, as a part of the program.
MAILBOX_DOMAINS: tuple[str, ...] = _listed((resources.files("bounce") / "mailbox_domains.txt").read_text("utf-8"))
_KNOWN = frozenset(MAILBOX_DOMAINS)

_LONGEST = 100  # characters; what is longer is no near miss of a mailbox domain, and the work stays small


# What a mistyped domain leads to: no such domain, a parked one that nobody answers at or that refuses all mail, or
# somebody else's, where there is no such user.
_LED_ASTRAY = frozenset(
    {
        Reason.NO_SUCH_USER,
        Reason.ADDRESS_INVALID,
        Reason.DOMAIN_NOT_FOUND,
        Reason.RELAY_DENIED,
        Reason.CONNECTION_FAILED,
        Reason.EXPIRED,
    }
)
_FAILING = frozenset({RecipientStatus.SENDING, RecipientStatus.BOUNCED, RecipientStatus.NOT_DELIVERED})


def worth_asking(row: RecipientRow) -> bool:
    """Whether a recipient failed in a way that a mistyped address would, and no mail ever reached the address."""
    if row.status not in _FAILING or row.mistyped is False or row.opened_at is not None:
        return False
    return (row.caused_reason if row.reason is Reason.SUPPRESSED else row.reason) in _LED_ASTRAY


def did_you_mean(address: str, own_domains: Sequence[str] = ()) -> str | None:
    """
    Propose the address that was probably meant.

    Args:
        address: The address that failed, ``ann@gmial.com``.
        own_domains: Domains this sender writes to, the most used first, lower case. They win over the list where
            both are equally near.

    Returns:
        ``ann@gmail.com``, or None where nothing is near enough or the domain is a known one as it stands.
    """
    local, at, domain = address.rpartition("@")
    written = domain.strip().rstrip(".").lower()
    if not at or not local or not written or len(written) > _LONGEST or written in _KNOWN or written in own_domains:
        return None
    meant = nearest(written, (*own_domains, *MAILBOX_DOMAINS))
    return f"{local}@{meant}" if meant else None


def nearest(written: str, candidates: Iterable[str]) -> str | None:
    """Choose the candidate with the fewest mistakes between it and ``written``; the first of equals; None: too far."""
    best: str | None = None
    fewest = 3
    for candidate in candidates:
        if written == candidate.partition(".")[0] and len(written) >= _SHORT:
            return candidate  # "ann@gmail": the ending was forgotten
        most = min(_allowed(candidate), fewest - 1)
        if most and (found := distance(written, candidate, most)) is not None:
            best, fewest = candidate, found
    return best


_SHORT = 5  # octets: between names as short as this, one mistake makes another name


def _allowed(candidate: str) -> int:
    """Give the number of mistakes that still point at this domain: the longer it is, the more."""
    name = candidate.partition(".")[0]
    if len(name) < 3 or len(candidate) <= _SHORT:
        return 0
    return 1 if len(candidate) < 10 else 2


def distance(left: str, right: str, most: int) -> int | None:
    """
    Count the mistakes between two words: a letter left out, put in, changed, or two neighbours swapped.

    Returns:
        The optimal string alignment distance, or None where it is more than ``most``.
    """
    if abs(len(left) - len(right)) > most:
        return None
    before: list[int] = []
    above = list(range(len(right) + 1))
    for row, letter in enumerate(left, 1):
        line = [row]
        for column, other in enumerate(right, 1):
            cost = min(above[column] + 1, line[column - 1] + 1, above[column - 1] + (letter != other))
            if row > 1 and column > 1 and letter == right[column - 2] and left[row - 2] == other:
                cost = min(cost, before[column - 2] + 1)
            line.append(cost)
        if min(line) > most:  # swaps reach two rows back, but cost one each: no later row can be cheaper
            return None
        before, above = above, line
    return above[-1] if above[-1] <= most else None
