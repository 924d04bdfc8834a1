"""The count of messages by credential."""

from relay.submission.rate import _ENTRIES, LOOK_EVERY, Rates


def test_the_store_is_asked_now_and_then() -> None:
    """At first, after a while, and when the clock was set back."""
    rates = Rates()
    assert rates.is_stale("app", 100.0)
    rates.looked("app", 0, 100.0)
    assert not rates.is_stale("app", 100.0 + LOOK_EVERY - 1)
    assert rates.is_stale("app", 100.0 + LOOK_EVERY)
    assert rates.is_stale("app", 99.0)
    assert rates.is_stale("other", 100.0)


def test_the_rate_is_reached_exactly() -> None:
    """What the store said and what was taken since count together; 0 is any number."""
    rates = Rates()
    rates.looked("app", 2, 0.0)
    assert not rates.spent("app", 3)
    rates.take("app")
    assert rates.spent("app", 3)
    assert not rates.spent("app", 4)
    assert not rates.spent("app", 0)
    rates.give_back("app")
    assert not rates.spent("app", 3)


def test_names_are_apart_and_bounded() -> None:
    """One credential takes nothing from another, and the table does not grow for ever."""
    rates = Rates()
    for n in range(_ENTRIES + 1):
        rates.looked(str(n), 1, 0.0)
    assert rates.is_stale("0", 0.0)
    assert not rates.is_stale("1", 0.0)
    rates.take("unknown")
    rates.give_back("unknown")
    assert not rates.spent("unknown", 1)
