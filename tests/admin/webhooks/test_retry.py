"""admin/webhooks/retry.py: what follows from an answer (robustness.md W13)."""

import pytest

from admin.webhooks.retry import DEAD_WHY, GONE_WHY, LONGEST_REST, STEPS, Answer, judge, rest
from store.webhook_nouns import Call, CallResult, CallState, Shape

NOW = 1_790_000_000.0
DAY = 86_400.0


def result(answer: Answer, *, attempts: int = 1, shape: Shape = Shape.HOMING, spread: float = 0.0) -> CallResult:
    call = Call(
        id=1,
        webhook_id=2,
        name="evt_1",
        body="{}",
        events=1,
        first_event_at=NOW,
        state=CallState.DUE,
        attempts=attempts,
        next_attempt_at=NOW,
    )
    return judge(answer, call, shape, now=NOW, spread=spread)


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_any_2xx_takes_it(status: int) -> None:
    """The events are told, and the endpoint is well."""
    found = result(Answer(status=status))
    assert (found.state, found.next_attempt_at, found.answered_well, found.off_why) == (
        CallState.DELIVERED,
        None,
        True,
        "",
    )


@pytest.mark.parametrize("status", [None, 100, 199, 300, 302, 400, 404, 406, 429, 500, 503])
def test_all_else_is_tried_again(status: int | None) -> None:
    """After five seconds first; an endpoint that fails for a day is switched off by it."""
    found = result(Answer(status=status, error="x"))
    assert (found.state, found.next_attempt_at, found.answered_well) == (CallState.DUE, NOW + 5.0, False)
    assert (found.off_why, found.dead_before) == (DEAD_WHY, NOW - DAY)


def test_the_schedule_lasts_a_day() -> None:
    """Each wait is longer than the one before; after a day the last attempt is made."""
    waits = []
    for attempts in range(1, 99):
        found = result(Answer(status=500, error="x"), attempts=attempts)
        if found.state is CallState.FAILED:
            break
        assert found.next_attempt_at is not None
        waits.append(found.next_attempt_at - NOW)
    assert tuple(waits) == STEPS
    assert sorted(waits) == waits
    assert sum(waits[:-1]) < DAY < sum(waits) < DAY * 1.1


def test_jitter_adds_a_tenth_at_most() -> None:
    """So that not all calls of an endpoint come back at once."""
    assert result(Answer(status=500), spread=1.0).next_attempt_at == NOW + 5.5


@pytest.mark.parametrize(("asked", "waited"), [(0.0, 5.0), (60.0, 60.0), (1e6, 3_600.0)])
def test_retry_after_is_heeded(asked: float, waited: float) -> None:
    """For an hour at most, and never to come earlier."""
    assert result(Answer(status=429, retry_after=asked)).next_attempt_at == NOW + waited


@pytest.mark.parametrize("attempts", [1, 50])
def test_410_switches_off_at_once(attempts: int) -> None:
    """Whatever it did before; the call waits until it is switched on again."""
    found = result(Answer(status=410), attempts=attempts)
    assert (found.off_why, found.dead_before, found.state) == (GONE_WHY, None, CallState.DUE)


def test_406_ends_a_call_for_mailguns_programs() -> None:
    """They say so by it; the endpoint is well, and no other shape is meant."""
    found = result(Answer(status=406), shape=Shape.MAILGUN)
    assert (found.state, found.answered_well) == (CallState.FAILED, True)
    assert result(Answer(status=406)).state is CallState.DUE


def test_an_endpoint_that_fails_is_left_alone_longer_and_longer() -> None:
    """From a second to five minutes; one that is well is not left alone."""
    assert [rest(n) for n in (0, 1, 2, 3)] == [0.0, 1.0, 2.0, 4.0]
    assert rest(99) == LONGEST_REST
