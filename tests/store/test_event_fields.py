"""store/event_fields.py: an event as programs read it."""

from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from store.event_fields import timestamp


@given(st.floats(-1e9, 4e9))
@example(1_795_000_443.9999996)  # rounded to the next second
@example(1_795_000_443.9994999)
@example(-0.25)
def test_a_time_is_written_as_iso_8601_has_it(at: float) -> None:
    """In UTC, to the millisecond, the very text that datetime makes."""
    expected = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    assert timestamp(at) == expected.replace("+00:00", "Z")
