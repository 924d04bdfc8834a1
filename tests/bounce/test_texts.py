"""bounce/texts.py: octets to text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounce.texts import from_bytes, from_html, looks_binary


@pytest.mark.parametrize(
    ("content", "charset", "expected"),
    [
        ("é".encode(), "utf-8", "é"),
        (b"\xe9", "iso-8859-1", "é"),
        (b"\xe9", "", "é"),
        ("é".encode(), "us-ascii", "é"),
        ("宛先".encode("iso2022_jp"), "", "宛先"),
        ("宛先".encode("shift_jis"), "shift_jis", "宛先"),
        (b"abc", "zlib", "abc"),
        (b"\xff", "punycode", "ÿ"),
        (b"\xe9", "no-such", "é"),
    ],
)
def test_charsets(content: bytes, charset: str, expected: str) -> None:
    """The named charset when it is one of text, else what the octets look like."""
    assert from_bytes(content, charset) == expected


def test_html_becomes_lines() -> None:
    """Breaks become lines, entities letters, styles and scripts nothing."""
    html = "<style>p {color: red}</style><p>To:&nbsp;ann<br>gone &amp; <b>unknown</b></p><script>x</script>"
    assert [" ".join(line.split()) for line in from_html(html).split("\n") if line.strip()] == [
        "To: ann",
        "gone & unknown",
    ]


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n", b"GIF89a", bytes(100), b"\x78\x9f\x3e\x22abc"])
def test_binary(content: bytes) -> None:
    """Pictures, TNEF and zeros are no text."""
    assert looks_binary(content)


def test_text_is_not_binary() -> None:
    """Texts with escapes, tabs and high octets are text."""
    assert not looks_binary("宛先不明\t\n".encode("iso2022_jp"))
    assert not looks_binary("Empfänger".encode("latin-1"))


@given(
    st.binary(max_size=500),
    st.sampled_from(["utf-8", "iso-2022-jp", "utf-16", "hz", "gb2312", "big5", "cp1252", "utf-7", "x"]),
)
def test_nothing_raises(content: bytes, charset: str) -> None:
    """Whatever the octets and the charset: a text, also as HTML."""
    from_html(from_bytes(content, charset))
