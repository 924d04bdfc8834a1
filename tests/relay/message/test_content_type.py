"""Tests of relay/message/content_type.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.message.content_type import parse_content_type, parse_disposition, token


@pytest.mark.parametrize(
    ("value", "essence", "parameters"),
    [
        (b"text/html", "text/html", {}),
        (b"TEXT/HTML; Charset=UTF-8", "text/html", {"charset": "UTF-8"}),
        (b'text/html; charset="utf-8"; format=flowed', "text/html", {"charset": "utf-8", "format": "flowed"}),
        (b'multipart/mixed; boundary="a;b=\\"c\\""', "multipart/mixed", {"boundary": 'a;b="c"'}),
        (b"multipart/mixed; boundary=(x)abc", "multipart/mixed", {"boundary": "abc"}),
        (b'multipart/mixed; boundary="(x)abc"', "multipart/mixed", {"boundary": "(x)abc"}),
        (b"text/html (a comment); (b) charset=x", "text/html", {"charset": "x"}),
        (b"text/html;charset=utf-8;", "text/html", {"charset": "utf-8"}),
        (b"text/html; charset = utf-8", "text/html", {"charset": "utf-8"}),
        (b"text/html charset=utf-8", "text/html", {}),
        (b"html", "text/plain", {}),
        (b"", "text/plain", {}),
        (b"text/", "text/plain", {}),
        (b'text/html; name="a', "text/html", {"name": "a"}),
        (b'text/html; name="a\\', "text/html", {"name": "a"}),
    ],
)
def test_content_type(value: bytes, essence: str, parameters: dict[str, str]) -> None:
    """Type and parameters are read with quotes and comments; what cannot be read is text/plain."""
    found = parse_content_type(value)
    assert found.essence == essence
    assert found.parameters == parameters


VALUE = st.lists(
    st.sampled_from([b"text/html", b";", b" ", b"charset", b"=", b'"', b"utf-8", b"(", b")", b"\\", b"/", b"\xfc"])
)


@given(VALUE.map(b"".join))
def test_the_usual_form_is_read_like_any_other(value: bytes) -> None:
    """What one parameter says does not depend on another one before it."""
    alone, second = parse_content_type(b"Text/HTML; " + value), parse_content_type(b"Text/HTML; n=1; " + value)
    assert alone.parameters | {"n": "1"} == second.parameters
    assert (alone.essence, alone.repeated) == ("text/html", second.repeated)


@pytest.mark.parametrize(("value", "repeated"), [(b"a/b; x=1; x=1", False), (b"a/b; x=1; X=2", True)])
def test_contradictions_are_seen(value: bytes, repeated: bool) -> None:  # noqa: FBT001 - a table
    """A parameter that stands twice with different values is told."""
    assert parse_content_type(value).repeated is repeated


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"attachment", ("attachment", False)),
        (b'ATTACHMENT; filename="a.html"', ("attachment", True)),
        (b"inline; filename*=utf-8''a", ("inline", True)),
        (b"inline; filename*0=a", ("inline", True)),
        (b"inline; size=3", ("inline", False)),
        (b"", ("", False)),
    ],
)
def test_disposition(value: bytes, expected: tuple[str, bool]) -> None:
    """A disposition is read with the file name in any of its forms."""
    assert parse_disposition(value) == expected


def test_token() -> None:
    """A transfer encoding is one word, without comments, in lower case."""
    assert token(b" Quoted-Printable (x)") == "quoted-printable"
    assert token(b"7bit;") == "7bit"
    assert token(b"") == ""


@given(st.one_of(st.binary(max_size=80), st.text('a/b;=" \\()', max_size=80).map(str.encode)))
def test_any_bytes_are_read(value: bytes) -> None:
    """Whatever the bytes: a type, and no exception."""
    assert parse_content_type(value).essence.count("/") >= 1
    parse_disposition(value)
