"""When a recipient is tried again (robustness.md D14, Q9)."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.delivery.schedule import FEWEST_ATTEMPTS, fewest_attempts, next_attempt
from relay.settings import DeliverySettings

STEPS = DeliverySettings().schedule
DAY = 86400.0


def after(attempts: int, *, spread: float = 0.0, expires_at: float = 1e9, least: float = 0.0) -> float:
    at = next_attempt(
        attempts=attempts, now=0.0, expires_at=expires_at, steps=STEPS, spread=spread, lifetime=3 * DAY, least=least
    )
    assert at is not None
    return at


@pytest.mark.parametrize(
    ("attempts", "minutes"), [(1, 1), (2, 5), (3, 15), (4, 30), (5, 60), (6, 120), (7, 240), (8, 240), (1000, 240)]
)
def test_the_steps_grow_and_the_last_one_stays(attempts: int, minutes: int) -> None:
    """First retries within minutes, for greylisting; after the last step the wait stays the same."""
    assert after(attempts) == minutes * 60


def test_up_to_a_tenth_is_added() -> None:
    """So that a restart does not send every waiting message at once."""
    assert after(1, spread=0.5) == pytest.approx(63)
    assert after(1, spread=0.999999) < 66.01


def test_no_sooner_than_the_least() -> None:
    """A second look-up of a name is a later one, whatever the step."""
    assert after(1, least=300) == 300
    assert after(3, least=300) == 900


def test_the_last_attempt_is_made_when_the_message_expires() -> None:
    """Not a whole step later."""
    assert after(7, expires_at=100) == 100


@pytest.mark.parametrize(("attempts", "gives_up"), [(1, False), (2, False), (3, True), (50, True)])
def test_giving_up_needs_age_and_attempts(attempts: int, *, gives_up: bool) -> None:
    """A clock that jumps ahead by a year does not give up what was hardly tried."""
    at = next_attempt(attempts=attempts, now=1e9, expires_at=5, steps=STEPS, spread=0, lifetime=3 * DAY)
    assert (at is None) is gives_up


@pytest.mark.parametrize(
    ("lifetime", "fewest"), [(0, 1), (59, 1), (60, 2), (359, 2), (360, 3), (3 * DAY, 3), (1e12, 3)]
)
def test_a_short_life_has_fewer_attempts(lifetime: float, fewest: int) -> None:
    """A message that may live for a minute is given up after its two attempts."""
    assert fewest_attempts(STEPS, lifetime) == fewest


def test_a_simulated_life_ends_after_three_days() -> None:
    """With the shipped schedule and no answer: some two dozen attempts, ever further apart, none after its end."""
    times = [0.0]
    while True:
        at = next_attempt(
            attempts=len(times), now=times[-1], expires_at=3 * DAY, steps=STEPS, spread=0.5, lifetime=3 * DAY
        )
        if at is None:
            break
        times.append(at)
    assert times[-1] == 3 * DAY
    assert 20 <= len(times) <= 30
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert waits[:-1] == sorted(waits[:-1])


@given(
    attempts=st.integers(1, 10_000),
    now=st.floats(0, 1e10),
    life=st.floats(0, 1e7),
    steps=st.lists(st.floats(0.1, 1e6), min_size=1, max_size=12),
    spread=st.floats(0, 1, exclude_max=True),
    least=st.floats(0, 1000),
)
def test_the_next_attempt_is_later_and_bounded(
    *, attempts: int, now: float, life: float, steps: list[float], spread: float, least: float
) -> None:
    """Whatever the schedule: later than now, at most a tenth over the longest step, or given up with reason."""
    at = next_attempt(
        attempts=attempts, now=now, expires_at=life, steps=steps, spread=spread, lifetime=life, least=least
    )
    if at is None:
        assert now >= life
        assert attempts >= 1
    else:
        assert now <= at <= (now + max(*steps, least) * 1.1) * 1.000001
        assert at - now >= least * 0.999 - 1e-5 * now / 1e5
    if attempts >= FEWEST_ATTEMPTS and now >= life:
        assert at is None
