"""
What a refusal asks of us: to wait for so long, to send more slowly, or only to come again (greylisting).

Pure: no I/O, no clock, no chance.
"""

import re
from collections.abc import Sequence

from bounce.classify import classify
from store.nouns import Phase, Reply
from store.plain import dataclass

SHORTEST = 10.0  # seconds; what asks for less gets this
LONGEST = 4 * 3600.0  # what asks for more gets this
PATIENT = 12  # attempts; after so many the schedule's own, longer waits count again
GREYLIST = 300.0  # seconds between attempts at a server that greylists: most let us in after five minutes

# Rules that speak of how much comes from us, to whichever of their recipients.
OUR_RATE = frozenset(
    {
        "comcast-rates",
        "exchange-online-throttled",
        "outlook-com-rates",
        "rate-control",
        "server-busy",
        "too-many",
        "unusual-rate-for-now",
        "yahoo-deferred",
    }
)
_OF_RATE = re.compile(r"too (?:many|much|fast|quickly)|\brates?\b|throttl|limit exceeded", re.IGNORECASE)
_GREY = re.compile(r"gr[ea]y", re.IGNORECASE)
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_NUMBER = r"([0-9]{1,6})\s*(seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h)\b"
# As in: try again in 5 minutes; please retry after 300 seconds; wait at least 60 s; greylisted for 10 minutes; come
# back in 00:04:59.
_ASKED = re.compile(
    r"\b(?:again|retry|retried|wait|back|later|delay(?:ed)?|gr[ea]y.?list(?:ed|ing)?)\b[^0-9/]{0,40}?" + _NUMBER,
    re.IGNORECASE,
)
_CLOCK = re.compile(r"\b(?:again|retry|wait|back)\b[^0-9/]{0,40}?([0-9]{1,2}):([0-9]{2}):([0-9]{2})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of us. All False and None: nothing."""

    wait: float | None = None  # seconds
    slower: bool = False  # it speaks of our rate: its other mails should wait too
    greylisted: bool = False


def asked_by(reply: Reply, phase: Phase) -> Asked:
    """Read a reply. Only refusals for now ask for something."""
    if not 400 <= reply.code < 500:
        return Asked()
    finding = classify(reply, phase=phase)
    # "Try again in N minutes" is what greylisting says, and also who gets too many mails from us.
    of_rate = _OF_RATE.search(reply.text) or (reply.code == 421 and not _GREY.search(reply.text))
    greylisted = finding.rule == "greylisted" and not of_rate
    of_this_mail = finding.status == "4.5.3"  # too many recipients in one transaction
    told = reply.code == 421 or finding.rule in OUR_RATE or finding.rule == "greylisted"
    slower = told and not greylisted and not of_this_mail
    return Asked(_wait(reply.text), slower, greylisted)


def _wait(text: str) -> float | None:
    match = _ASKED.search(text)
    if match:
        seconds = float(match[1]) * _UNITS[match[2][0].lower()]
    else:
        match = _CLOCK.search(text)
        if match is None:
            return None
        seconds = float(match[1]) * 3600.0 + float(match[2]) * 60.0 + float(match[3])
    return min(max(seconds, SHORTEST), LONGEST)


def steps_for(asked: Asked, attempts: int, steps: Sequence[float]) -> Sequence[float]:
    """
    Give the waits to use in place of the schedule's.

    Args:
        asked: What the latest refusal asked for.
        attempts: Made so far, at least 1.
        steps: The schedule's.
    """
    usual = steps[min(attempts, len(steps)) - 1]
    if asked.wait is not None:
        return (asked.wait if attempts <= PATIENT else max(asked.wait, usual),)
    if asked.greylisted and attempts <= PATIENT:
        return (min(usual, GREYLIST),)
    return steps
