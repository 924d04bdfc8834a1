"""
What was said in one attempt, line by line with its time, for people who want to see it.

Never a password: what is said to log in is left out. Of a content only its size. Bounded, whatever the other side says.

Pure: no I/O, no clock, no chance.
"""

from store.nouns import Reply

MOST = 8_192  # characters of one transcript
_HEAD = 5_120  # of a longer one so much of its beginning is kept, and the rest of its end
_LINE = 1_000  # characters of one line
_CUT = "        ... left out ..."
_MOST_ENTRIES = 200

_Said = bytes | Reply | str


class Transcript:
    """Takes down one attempt after the other on one connection. Times are in seconds, of any clock that goes on."""

    def __init__(self, at: float, opening: str) -> None:
        """Begin: ``opening`` tells whom we talk to."""
        self.earlier = ""  # what was said to the hosts that were tried before
        self._opening = opening
        self._began_at = at
        self._entries: list[tuple[float, str, _Said]] = []

    def begin(self, at: float, number: int) -> None:
        """Begin anew with the next mail, the ``number``-th on this connection."""
        if number > 1:
            self.earlier = ""
            self._began_at = at
            self._entries = [(at, "=", f"mail {number} on this connection")]

    def said(self, at: float, commands: bytes, *, secret: bool = False) -> None:
        """Take down what we said."""
        if commands:
            self._add(at, ">", _without_secret(commands) if secret else commands)

    def heard(self, at: float, replies: list[Reply]) -> None:
        """Take down what the other side said."""
        for reply in replies:
            self._add(at, "<", reply)

    def note(self, at: float, what: str) -> None:
        """Take down what happened beside the words."""
        self._add(at, "=", what)

    def _add(self, at: float, mark: str, what: _Said) -> None:
        if len(self._entries) < _MOST_ENTRIES:
            self._entries.append((at, mark, what))

    def text(self, ending: str = "") -> str:
        """Write it out; ``ending`` says why it ended, where no reply does."""
        lines = [self.earlier] if self.earlier else []
        lines.append(self._opening)
        written_at, seconds = -1.0, ""
        for at, mark, what in self._entries:
            if at != written_at:  # most of what is said in one go has one time
                written_at, seconds = at, f"{at - self._began_at:7.3f} "
            lines += [f"{seconds}{mark} {line[:_LINE]}" for line in _lines(what)]
        if ending:
            lines.append(f"        = {ending[:_LINE]}")
        return _fit("\n".join(lines))


def _without_secret(commands: bytes) -> bytes:
    """Keep the verb and the mechanism: ``AUTH PLAIN (not shown)``."""
    words = commands.split(None, 2)
    if words and words[0].upper() == b"AUTH":
        return b" ".join(words[:2]) + (b" (not shown)" if len(words) > 2 else b"")
    return b"(not shown)"


def _lines(what: _Said) -> list[str]:
    if isinstance(what, str):
        return [what]
    if isinstance(what, bytes):
        return what.decode("utf-8", "replace").splitlines()
    if len(what.lines) == 1:
        return [f"{what.code} {what.lines[0]}"]
    last = len(what.lines) - 1
    return [f"{what.code}{' ' if n == last else '-'}{line}" for n, line in enumerate(what.lines)] or [str(what.code)]


def _fit(text: str) -> str:
    if len(text) <= MOST:
        return text
    tail = MOST - _HEAD - len(_CUT) - 2
    return f"{text[:_HEAD]}\n{_CUT}\n{text[-tail:]}"
