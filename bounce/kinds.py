"""
Weigh what a mail is when no machine-readable part tells: the words of its subject and text, its header.

The phrases are data, see ``kinds.toml``.

Pure: no I/O, no clock, no chance.
"""

import re
import tomllib
from dataclasses import dataclass
from importlib import resources

from bounce.material import Material
from bounce.phrases import Phrases
from bounce.words import words_of

_DAEMON = re.compile(
    r"mailer-?daemon|mail-?daemon|mdaemon|postmaster|post_master|post-?office|mail ?delivery|delivery ?(?:sub)?system|mail ?system|mailsystem|mail ?router|"
    r"mail administrator|email-?server|mail-?server|bounces?@|mailer@|mailadmin|mail-admin|smtp ?server|system administrator|no-?reply|notification service|returned ?mail|microsoft outlook|nobody@|ndr@|delivery@|symantec|mail gateway",
    re.IGNORECASE,
)
_CERTAIN = re.compile(r"mailer-?daemon|mail ?delivery (?:sub)?system|postmaster@", re.IGNORECASE)
_ANSWER = re.compile(
    r"\s{0,5}(?:re|aw|sv|antw|odp|rif|r|res|fw|fwd|wg|tr|rv|enc|vs|回复|答复|转发|返信)\s?(?:\[[0-9]+\])?:",
    re.IGNORECASE,
)


class _Lists:
    """The lists of one table of ``kinds.toml``, searched in one pass."""

    def __init__(self, lists: dict[str, list[str]]) -> None:
        self._names = [name for name, phrases in lists.items() for _ in phrases]
        self._phrases = Phrases([phrase for phrases in lists.values() for phrase in phrases])

    def found(self, text: str) -> dict[str, int]:
        """Count the phrases of each list that stand in ``text``."""
        counts: dict[str, int] = {}
        for number in self._phrases.search(words_of(text).words):
            counts[self._names[number]] = counts.get(self._names[number], 0) + 1
        return counts


_TABLES = tomllib.loads((resources.files("bounce") / "kinds.toml").read_text(encoding="utf-8"))
_SUBJECT = _Lists(_TABLES["subject"])
_TEXT = _Lists(_TABLES["text"])


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for each kind. ``subject`` and ``text`` count phrases by list."""

    subject: dict[str, int]
    text: dict[str, int]
    by_daemon: bool  # From or Return-Path is a mail system's
    certain_daemon: bool  # ... by a name that nobody else uses
    null_path: bool  # Return-Path: <>
    answers: bool  # the subject begins with Re: or the like
    quotes: bool  # lines begin with ">"
    says_automatic: bool  # header fields that only automatic answers carry

    @property
    def bounce(self) -> int:
        """How much speaks for a bounce."""
        words = min(self.text.get("bounce", 0), 3)
        subject = 3 if self.subject.get("bounce") and (not self.answers or self.by_daemon) else 0
        return words + subject + 3 * self.by_daemon + self.null_path - 4 * (self.quotes and not self.by_daemon)

    @property
    def is_bounce(self) -> bool:
        """Whether enough speaks for a bounce, and more than for an automatic reply."""
        return self.bounce >= (4 if self.certain_daemon else 5) and self.bounce > self.autoreply

    @property
    def autoreply(self) -> int:
        """How much speaks for an automatic reply."""
        words = min(self.text.get("autoreply", 0), 2) * 2
        return words + 4 * bool(self.subject.get("autoreply")) + 3 * self.says_automatic - 2 * self.by_daemon

    @property
    def challenge(self) -> int:
        """How much speaks for a request to confirm."""
        return min(self.text.get("challenge", 0), 3) * 2 + 2 * bool(self.subject.get("challenge")) - 2 * self.by_daemon

    @property
    def still_trying(self) -> bool:
        """Whether the words say that delivery goes on."""
        delayed = self.text.get("delayed", 0) + self.subject.get("delayed", 0)
        return delayed > 0 and (
            not self.text.get("final") or (delayed > self.text["final"] and bool(self.subject.get("delayed")))
        )


def weigh(material: Material) -> Evidence:
    """Weigh a mail by its header and words."""
    headers = material.headers
    subject = headers.decoded("subject")
    sender = headers.decoded("from") + " " + headers.get("return-path") + " " + headers.decoded("sender")
    submitted = headers.get("auto-submitted").lower()
    path = headers.get("return-path").strip()
    precedence = headers.get("precedence").lower()
    text = material.text[:5_000]
    quoted = sum(line.lstrip().startswith((">", "|")) for line in text.split("\n")[:120])
    return Evidence(
        subject=_SUBJECT.found(subject[:500]),
        text=_TEXT.found("\n".join(line for line in text.split("\n") if not line.lstrip().startswith(">"))),
        by_daemon=bool(_DAEMON.search(sender))
        or headers.get("from").strip() in ("<>", "")
        or headers.has("x-mlserver"),
        certain_daemon=bool(_CERTAIN.search(sender)) or headers.get("from").strip() == "<>",
        null_path=path == "<>",
        answers=bool(_ANSWER.match(subject)),
        quotes=quoted >= 3,
        says_automatic=submitted.startswith("auto-replied")
        or precedence in ("auto_reply", "auto-reply", "autoreply")
        or any(headers.has(name) for name in _AUTOMATIC),
    )


_AUTOMATIC = (
    "x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply", "x-auto-response", "x-auto-respond", "x-autogenerated", "x-autoreply-from", "x-mail-autoreply",
    "x-vacation", "x-oof", "x-ms-exchange-inbox-rules-loop", "x-auto-reply-from", "x-fc-machinegenerated", "x-mailer-autoreply", "x-responder", "x-loop-autoreply",
)  # fmt: skip
