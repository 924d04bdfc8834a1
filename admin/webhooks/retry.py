"""
What follows from an answer: told, tried again later, given up, or the whole endpoint switched off.

Pure: no I/O, no clock, no chance.
"""

from dataclasses import dataclass

from store.webhook_nouns import Call, CallResult, CallState, Shape

# Seconds to wait after the 1st, 2nd, ... attempt: a day in all, and the last one behind it.
STEPS = (5.0, 30.0, 120.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 21_600.0, 39_600.0)
SPREAD = 0.1  # of a step is added at most, so that not all come back at once
DEAD_SECONDS = 86_400.0  # an endpoint that took nothing for so long is switched off
LONGEST_ASKED = 3_600.0  # seconds that a Retry-After is heeded for
LONGEST_REST = 300.0  # seconds between attempts at an endpoint that fails

DEAD_WHY = "every call failed for 24 hours"
GONE_WHY = "it answered 410 Gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How an attempt ended."""

    status: int | None  # None: there was no answer, see error
    error: str = ""  # in plain words; "" for 2xx
    text: str = ""  # the first characters of what was said
    retry_after: float = 0.0  # seconds that it asks us to wait
    seconds: float = 0.0  # that it took

    @property
    def well(self) -> bool:
        """Whether the events were taken."""
        return self.status is not None and 200 <= self.status < 300


def judge(answer: Answer, call: Call, shape: Shape, *, now: float, spread: float) -> CallResult:
    """
    Say what follows.

    Args:
        answer: How the attempt ended.
        call: Its attempts count this one.
        shape: Of the endpoint. Programs for Mailgun say 406 for "never again this one".
        now: Unix seconds.
        spread: 0.0 up to 1.0, drawn by the caller.
    """
    retry_at: float | None = None
    refused = shape is Shape.MAILGUN and answer.status == 406
    if not answer.well and not refused and call.attempts <= len(STEPS):
        step = STEPS[max(call.attempts, 1) - 1] * (1 + SPREAD * spread)
        retry_at = now + max(step, min(answer.retry_after, LONGEST_ASKED))
    gone = answer.status == 410
    if gone and retry_at is None:
        retry_at = now  # it waits for the endpoint to be switched on again
    state = CallState.DELIVERED if answer.well else CallState.DUE if retry_at is not None else CallState.FAILED
    return CallResult(
        call_id=call.id,
        webhook_id=call.webhook_id,
        at=now,
        seconds=answer.seconds,
        status=answer.status,
        error=answer.error,
        answer=answer.text,
        state=state,
        next_attempt_at=retry_at,
        answered_well=answer.well or refused,
        off_why="" if answer.well or refused else GONE_WHY if gone else DEAD_WHY,
        dead_before=None if gone else now - DEAD_SECONDS,
    )


def rest(failures: int) -> float:
    """Seconds to leave an endpoint alone after so many failures in a row: all its calls share its trouble."""
    return 0.0 if failures == 0 else min(2.0 ** (failures - 1), LONGEST_REST)
