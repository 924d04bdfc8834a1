"""
Name what a reply means: the one classifier for replies in the session and for the replies that reports quote.

Words beat codes, and the innermost reply decides: in ``550-Callout verification failed: 550 552 5.2.2 Quota
exceeded`` that is the last one. What the rules look for is data, see ``bounce/rulebook.py``. Whether a failure is
permanent follows the class of the code that was said to us, not the reason.

Pure: no I/O, no clock, no chance.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from bounce.rulebook import BLAMES_RECIPIENT, SUPPRESSES, Facts, Rule, Rulebook, shipped
from bounce.words import LIMIT, Words, words_of
from store.nouns import Phase, Reason, Reply, Status

# Reasons that are for now, where no code tells: section 1 of the vocabulary.
_FOR_NOW = frozenset(
    {Reason.MAILBOX_FULL, Reason.RATE_LIMITED, Reason.CONNECTION_FAILED, Reason.SYSTEM_ERROR, Reason.EXPIRED}
)
_BEGINNING = 400  # characters of a reply that tell whether to doubt what stands around it
_FIRST_CODE = re.compile(r"\s{0,9}([2-6][0-9]{2})(?=[ \t-]|$)")
# status-code of RFC 3463, not a part of a longer number (8.12.10, 192.0.2.5)
_STATUS = re.compile(r"(?<![0-9.])([245])\.([0-9]{1,3})\.([0-9]{1,3})(?![0-9]|\.[0-9])")
# A reply inside a reply: a code behind something that hands over, and words or a status behind it.
_NESTED = re.compile(
    r"(?:[:>(\"'=,\]]|<-{1,3}|<<<|\b(?:said|says|returned|responded|response|with|was|error|failed|code))"
    r"[ \t]{0,3}(?:#[ \t]?)?(?P<code>[45][0-9]{2})"
    r"(?=[ \t-][ \t]{0,3}[^\s0-9]|[ \t-][245]\.[0-9]{1,3}\.[0-9]|[ \t][45][0-9]{2}[ \t])"
)
# The inner reply is about the sender: another server was asked for his address.
_OF_SENDER = re.compile(r"sender address (?:rejected|verif)|sender verif|verifying (?:the )?sender", re.IGNORECASE)
_CODE_AGAIN = re.compile(r"[45][0-9]{2}(?=[ \t])")

# How reports say at which command a reply was given: "after MAIL FROM:<...>", "(in reply to RCPT TO command)".
_AT_COMMAND = re.compile(
    r"(?:after|in (?:reply|response) to|did not like our|sent:?|command:?|>>>) {0,3}"
    r"(?:the |end of |final |pipelined |our |sending |\"){0,2}"
    r"(mail from|rcpt to|data|\.|helo|ehlo)",
    re.IGNORECASE,
)
_PHASES = {
    "mail from": Phase.MAIL,
    "rcpt to": Phase.RCPT,
    "data": Phase.DATA,
    ".": Phase.END_OF_DATA,
    "helo": Phase.EHLO,
    "ehlo": Phase.EHLO,
}
# Before RCPT nobody has named a recipient: what is said there is about the sender, whatever the words.
_EARLY = frozenset({"connect", "tls", "greeting", "ehlo", "auth", "mail"})


@dataclass(frozen=True, slots=True)
class Finding:
    """What a reply means."""

    reason: Reason
    permanent: bool
    status: str  # enhanced status code as said, "" when none was
    rule: str  # name of the rule that fired; "" when none did
    by_codes: bool = False  # no word said anything; the rule went by codes alone


@cache
def rules() -> Rulebook:
    """
    Give the shipped rules; whoever asks first reads them, which takes half a second.

    They are a tenth of the program's memory. Who wants nobody to wait for them asks in a thread, before.
    """
    return shipped()


def classify(reply: Reply | str, *, phase: Phase | None = None, remote_host: str = "", action: str = "") -> Finding:
    """
    Say why a recipient was refused or put off.

    Args:
        reply: A reply, or one as text: ``550-5.1.1 no such user``, its lines joined with blanks. A text without a
            code (words of a report) is taken as well.
        phase: Where in the session it was said, if known.
        remote_host: Name of the host that said it, if known.
        action: The Action field of a report (RFC 3464 section 2.3.3), "" outside of reports.
    """
    text = str(reply) if isinstance(reply, Reply) else reply
    return classify_texts([text], phase=phase, remote_host=remote_host, action=action)


def classify_texts(
    texts: Sequence[str],
    *,
    status: str = "",
    phase: Phase | None = None,
    remote_host: str = "",
    action: str = "",
    permanent: bool | None = None,
) -> Finding:
    """
    Name what several texts about one failure mean; the first one whose words say something decides.

    Args:
        texts: Best source first: the reply as quoted, then what a report says around it.
        status: Enhanced status code that stands beside the texts (the Status field of a report), "" for none.
        phase: As in ``classify``; None: read from the texts when they say it.
        remote_host: As in ``classify``.
        action: As in ``classify``.
        permanent: What the words of a report suggest, for a failure without any code.
    """
    layered = [_layers(text[:LIMIT]) for text in texts]
    stated = Status.parse(status)
    said = next((s for layers in layered for layer in layers if (s := _status(layer)) and s.category != 2), None)
    code = next((c for text in texts if (c := _code(text) or _quoted_code(text))), "")
    exact = said if said and not _vague(said) else stated if stated and not _vague(stated) else said or stated
    phase = phase or next((p for text in texts if (p := _phase(text))), None)
    known = Facts(
        words=Words(()),
        code=code,
        status=exact,
        host=remote_host.lower().rstrip("."),
        phase=phase.value if phase else "",
        reported=bool(action),
    )
    rule: Rule | None = None
    spare = BLAMES_RECIPIENT if known.phase in _EARLY else frozenset()
    for layers in layered:
        found = _first_rule(layers, known, spare)
        rule = found if rule is None or (found is not None and not found.weak) else rule
        if rule is not None and not rule.weak:
            break
        # What stands around a reply knows no better than the reply.
        if rules().doubts(words_of(layers[-1][:_BEGINNING])):
            spare |= SUPPRESSES
    if rule is None:
        quoted = next((text for text in texts if _FIRST_CODE.match(text) or _STATUS.match(text)), "")
        rule = rules().by_codes(replace(known, words=words_of(quoted[:LIMIT]), reported=False), spare=spare)
    reason = rule.reason if rule else Reason.UNDETERMINED
    if rule is None and action == "delayed":
        reason = Reason.CONNECTION_FAILED  # that it was not reached yet is all such a report says
    return Finding(
        reason=reason,
        permanent=_permanent((stated, said), code, rule, action, permanent),
        status=str(exact) if exact else "",
        rule=rule.name if rule else "",
        by_codes=rule is not None and not rule.by_words,
    )


def _first_rule(layers: list[str], known: Facts, spare: frozenset[Reason]) -> Rule | None:
    """Give the rule that the innermost layer hits which hits any; a weak one only when no layer has a better."""
    weak: Rule | None = None
    for layer in layers:
        code = _code(layer) or known.code
        facts = replace(known, words=words_of(layer, code=code), code=code, status=_status(layer) or known.status)
        rule = rules().by_words(facts, spare=spare)
        if rule is not None and not rule.weak:
            return rule
        weak = weak or rule
    return weak


def _layers(text: str) -> list[str]:
    """Split a text at the replies quoted inside it: innermost first, the whole last."""
    layers = [text]
    if _OF_SENDER.search(text):
        return layers
    for match in _NESTED.finditer(text, 4):
        start = match.start("code")
        while again := _CODE_AGAIN.match(text, start + 4):  # "550 552 5.2.2": the second is the inner one
            start = again.start()
        layers.append(text[start:])
    return [*layers[:0:-1][:8], text]


def _quoted_code(text: str) -> str:
    """Give the code of the outermost reply that a report's words quote."""
    match = _NESTED.search(text[:LIMIT])
    return match["code"] if match else ""


def _code(text: str) -> str:
    match = _FIRST_CODE.match(text)
    return match[1] if match else ""


def _status(text: str) -> Status | None:
    match = _STATUS.search(text)
    return Status(int(match[1]), int(match[2]), int(match[3])) if match else None


def _vague(status: Status) -> bool:
    """x.0.0 says nothing but its class."""
    return status.subject == 0 and status.detail == 0


def _phase(text: str) -> Phase | None:
    match = _AT_COMMAND.search(text[:LIMIT])
    return _PHASES[match[1].lower()] if match else None


def _permanent(
    statuses: Sequence[Status | None],
    code: str,
    rule: Rule | None,
    action: str,
    suggested: bool | None,  # noqa: FBT001 may be None
) -> bool:
    """
    Say whether a failure is for good.

    A report's Status field (the first of ``statuses``) knows that a sender gave up on a 4xx and the other way round, so
    it comes first; then the class of the reply code, of the status in the reply, and without any of them the words.
    """
    if action == "delayed":
        return False
    stated, said = (status.category if status else 0 for status in statuses)
    for category in (stated, int(code[:1] or 0), said):
        if category in (4, 5):
            return category == 5
    reason = rule.reason if rule else Reason.UNDETERMINED
    if suggested is not None and reason is not Reason.EXPIRED:
        return suggested
    if rule is not None and rule.permanent is not None:
        return rule.permanent
    return reason not in _FOR_NOW
