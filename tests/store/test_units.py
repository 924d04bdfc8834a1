"""store/units.py: durations, sizes and numbers as people write them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from store.units import Count, Duration, Lasting, Port, Size, SomeOctets, Steps, parse_duration, parse_size


class Written(BaseModel):
    """One of each."""

    duration: Duration = 0.0
    size: Size = 0
    lasting: Lasting = 1.0
    octets: SomeOctets = 1
    steps: Steps = (1.0,)
    count: Count = 1
    port: Port = 25


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("250ms", 0.25), ("30s", 30.0), ("1.5m", 90.0), ("4h", 14_400.0), ("3d", 259_200.0), ("5 m", 300.0), ("0s", 0.0)],
)
def test_durations(written: str, seconds: float) -> None:
    """A number and its unit, with or without a blank."""
    assert parse_duration(written) == seconds


@pytest.mark.parametrize(
    ("written", "octets"), [("512B", 512), ("64KiB", 65_536), ("25MiB", 26_214_400), ("1.5GiB", 1_610_612_736)]
)
def test_sizes(written: str, octets: int) -> None:
    """Powers of 1024, as their names say."""
    assert parse_size(written) == octets


@pytest.mark.parametrize("wrong", ["", "5", "m", "-5m", "5 minutes", "5M", "1e3s", "٣s", 5, None, True, ["5m"]])
def test_what_is_no_duration(wrong: object) -> None:
    """The error says what would be right."""
    with pytest.raises(ValueError, match='like "30s", "5m", "4h" or "3d"'):
        parse_duration(wrong)


@pytest.mark.parametrize("wrong", ["", "5", "25MB", "25mb", "-1B", "64 kib", 5.5, None])
def test_what_is_no_size(wrong: object) -> None:
    """MB is refused: nobody knows which is meant."""
    with pytest.raises(ValueError, match='like "512B", "64KiB" or "25MiB"'):
        parse_size(wrong)


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but ValueError, and nothing below zero."""
    for parse in (parse_duration, parse_size):
        with contextlib.suppress(ValueError):
            assert parse(text) >= 0


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ({"lasting": "1ms"}, {"lasting": "0s"}),
        ({"octets": "1B"}, {"octets": "0B"}),
        ({"steps": ["1m", "5m"]}, {"steps": []}),
        ({"steps": ["1s"]}, {"steps": ["1s", "0s"]}),
        ({"count": 1}, {"count": 0}),
        ({"port": 65_535}, {"port": 65_536}),
        ({"port": 1}, {"port": 0}),
    ],
)
def test_at_the_limit_and_one_past_it(right: dict[str, object], wrong: dict[str, object]) -> None:
    """What must not be nothing is refused where it is nothing."""
    Written.model_validate(right)
    with pytest.raises(ValidationError):
        Written.model_validate(wrong)
