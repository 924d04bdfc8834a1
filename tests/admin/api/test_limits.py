"""How often a token may ask: at the limit, one past it, and when it comes back."""

from hypothesis import given
from hypothesis import strategies as st

from admin.api.limits import Limits

NOW = 1_790_000_000.0


def test_at_the_limit_and_past_it() -> None:
    """As many as the limit at once, then one a second of sixty a minute."""
    limits = Limits(60)
    assert all(limits.ask("a", NOW).allowed for _ in range(60))
    refused = limits.ask("a", NOW)
    assert (refused.allowed, refused.remaining, refused.retry_after, refused.reset) == (False, 0, 1, 60)
    assert refused.headers()["Retry-After"] == "1"
    assert not limits.ask("a", NOW + 0.9).allowed
    assert limits.ask("a", NOW + 1).allowed
    assert not limits.ask("a", NOW + 1.5).allowed
    assert limits.ask("b", NOW).allowed


def test_what_is_remembered_is_bounded() -> None:
    """The one that asked longest ago makes room."""
    limits = Limits(1)
    for number in range(10_500):
        limits.ask(str(number), NOW)
    assert len(limits._left) == 10_000


@given(st.integers(1, 1_000), st.lists(st.floats(-100, 100), max_size=200))
def test_never_more_than_that(per_minute: int, steps: list[float]) -> None:
    """Whatever the clock does: no more than the limit and what time brought back."""
    limits, now, gained, allowed = Limits(per_minute), NOW, float(per_minute), 0
    for step in steps:
        now += step
        gained += max(0.0, step) * per_minute / 60
        ruling = limits.ask("a", now)
        allowed += ruling.allowed
        assert 0 <= ruling.remaining <= per_minute
        assert ruling.allowed == (ruling.retry_after == 0)
    assert allowed <= gained + 1e-6
