"""
Of whom a reply speaks: whether the sender is the only party that its words name.

``the sender's mailbox is closed``, ``cannot find sender``, ``Adresse de l'expéditeur inconnue``: in such a text no word
may be held against the recipient, whatever a rule finds in it (promise 8).

Pure: no I/O, no clock, no chance.
"""

from collections.abc import Iterable, Mapping, Sequence

# What may stand between two nouns that name one party: "mailbox of the sender", "sender's email address".
_LINKS = frozenset(
    "s of the email mail des de du der die den la le l les del dell d do da dello della van von av for "  # noqa: SIM905 a text is read more easily than 30 strings
    "{addr}".split()
)
# "Returned to sender" and the like speak of the mail.
_TELLS_SENDER = frozenset(
    "return returned returning back bounced notify notified notifying inform informed informing retour zuruck "  # noqa: SIM905
    "devuelto devuelta reenviado restituito devolvido zwrot contact".split()
)
_REACH = 4  # words between two nouns, or before "sender"


class Parties:
    """Knows the words for senders, and those for recipients, addresses and domains."""

    def __init__(self, families: Mapping[str, Sequence[str]]) -> None:
        self._sender = _Family(families["sender"])
        self._other = _Family([*families["who"], *families["address"], *families["domain"]])

    def only_sender(self, words: Sequence[str]) -> bool:
        """Whether a sender is named, and nobody beside."""
        senders = [n for n, word in enumerate(words) if word in self._sender and not _is_told(words, n)]
        if not senders:
            return False
        return all(
            any(_is_one_party(words, n, sender) for sender in senders)
            for n, word in enumerate(words)
            if word in self._other and n not in senders
        )


class _Family:
    """Words and stems (``stem*``) of ``rules/00-words.toml``."""

    def __init__(self, words: Iterable[str]) -> None:
        words = [word.rstrip("?") for word in words]
        self._exact = frozenset(word for word in words if not word.endswith("*"))
        self._stems = tuple(word[:-1] for word in words if word.endswith("*"))

    def __contains__(self, word: str) -> bool:
        return word in self._exact or word.startswith(self._stems)


def _is_told(words: Sequence[str], sender: int) -> bool:
    around = words[max(0, sender - _REACH) : sender + 3]
    return not _TELLS_SENDER.isdisjoint(around)


def _is_one_party(words: Sequence[str], noun: int, sender: int) -> bool:
    first, last = sorted((noun, sender))
    return last - first <= _REACH and _LINKS.issuperset(words[first + 1 : last])
