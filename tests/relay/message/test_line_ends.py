"""Tests of relay/message/line_ends.py."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.message.line_ends import has_bare, long_line, normalise

MIXED = st.lists(st.sampled_from([b"\r", b"\n", b"a", b"bc", b"."]), max_size=60).map(b"".join)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", b""),
        (b"a\r\nb\r\n", b"a\r\nb\r\n"),
        (b"a\nb", b"a\r\nb"),
        (b"a\rb", b"a\r\nb"),
        (b"a\r\r\nb", b"a\r\nb"),
        (b"a\r\r\r\nb", b"a\r\n\r\nb"),
        (b"a\n\rb", b"a\r\n\r\nb"),
        (b"\n.\n", b"\r\n.\r\n"),
        (b"\r\n.\r", b"\r\n.\r\n"),
    ],
)
def test_each_bare_one_becomes_crlf(raw: bytes, expected: bytes) -> None:
    """A bare CR or LF becomes CRLF, and CR CR LF becomes one."""
    assert normalise(raw) == expected


@given(MIXED)
def test_the_result_has_none_and_the_rest_stays(raw: bytes) -> None:
    """Whatever the bytes: no bare CR or LF is left, all other octets stay, and twice is once."""
    done = normalise(raw)
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", done)
    assert done.replace(b"\r\n", b"") == raw.translate(None, b"\r\n")
    assert normalise(done) == done
    assert has_bare(raw) == bool(re.search(rb"\r(?!\n)|(?<!\r)\n", raw))


def test_clean_bytes_are_not_copied() -> None:
    """A mail without bare CR or LF comes back as the same object."""
    raw = b"a\r\n" * 3
    assert normalise(raw) is raw


@pytest.mark.parametrize(("size", "found"), [(998, False), (999, True)])
@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r\nx\r\n"])
@pytest.mark.parametrize("before", [b"", b"a\r\n" * 700, b"b" * 998 + b"\r\n"])
def test_at_the_limit_and_one_past_it(size: int, found: bool, end: bytes, before: bytes) -> None:  # noqa: FBT001 - a table
    """A line of 998 octets is not long, one of 999 is, wherever it stands."""
    at = long_line(before + b"x" * size + end)
    assert at == (len(before) if found else -1)


@given(st.lists(st.integers(0, 1100), max_size=8))
def test_long_lines_are_found_as_by_splitting(sizes: list[int]) -> None:
    """The search finds the line that splitting into lines finds."""
    lines = [b"x" * size for size in sizes]
    first = next((n for n, line in enumerate(lines) if len(line) > 998), None)
    expected = -1 if first is None else sum(len(line) + 2 for line in lines[:first])
    assert long_line(b"\r\n".join(lines)) == expected
