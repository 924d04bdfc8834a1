"""What bench/soak.py calls grown."""

from bench.soak import WORDS, grown, thirds


def looks(*memory: float) -> list[dict[str, float]]:
    return [{**dict.fromkeys(WORDS, 10.0), "memory": one} for one in memory]


def test_the_first_third_is_for_warming() -> None:
    """Medians, so that one look does not decide."""
    assert thirds(looks(1, 1, 1, 100, 500, 100, 104, 0, 104))["memory"] == (100, 104)


def test_more_than_a_twentieth_is_grown() -> None:
    """At the limit it is not; what tells of the machine's load may be any."""
    assert grown(thirds(looks(0, 100, 105))) == []
    assert grown(thirds(looks(0, 100, 106))) == ["memory (proportional set size), MB: 100, later 106"]
    slow = {**dict.fromkeys(WORDS, (10.0, 10.0)), "health_p99": (1.0, 50.0)}
    assert grown(slow) == []


def test_pools_may_begin_a_thread_or_two() -> None:
    """But not go on for ever."""
    row = dict.fromkeys(WORDS, (10.0, 10.0))
    assert grown({**row, "threads": (14.0, 16.0)}) == []
    assert grown({**row, "threads": (14.0, 17.0)}) == ["threads: 14, later 17"]
