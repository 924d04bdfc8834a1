"""admin/times.py."""

import pytest

from admin.times import moment

NOW = 1_800_000_000.0  # 2027-01-15 08:00:00 UTC


@pytest.mark.parametrize(
    ("at", "relative", "absolute"),
    [
        (NOW, "just now", "15 Jan 08:00"),
        (NOW - 9.9, "just now", "15 Jan 07:59"),
        (NOW - 59, "59 seconds ago", "15 Jan 07:59"),
        (NOW - 60, "1 minute ago", "15 Jan 07:59"),
        (NOW - 3_600, "1 hour ago", "15 Jan 07:00"),
        (NOW - 86_399, "23 hours ago", "14 Jan 08:00"),
        (NOW - 86_400, "1 day ago", "14 Jan 08:00"),
        (NOW - 13 * 86_400, "13 days ago", "2 Jan 08:00"),
        (NOW - 14 * 86_400, "", "1 Jan 08:00"),
        (NOW - 15 * 86_400, "", "31 Dec 2026 08:00"),
        (NOW + 300, "in 5 minutes", "15 Jan 08:05"),
    ],
)
def test_moment(at: float, relative: str, absolute: str) -> None:
    """How long ago up to two weeks; when exactly; the year only when it is another one."""
    described = moment(at, NOW)
    assert (described.relative, described.absolute) == (relative, absolute)


def test_machines_read_it_too() -> None:
    """ISO 8601 in UTC, and the same in words to hover over."""
    assert moment(NOW + 0.9, NOW).iso == "2027-01-15T08:00:00Z"
    assert moment(NOW, NOW).exact == "2027-01-15 08:00:00 UTC"
