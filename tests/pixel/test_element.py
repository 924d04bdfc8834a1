"""Tests of pixel/element.py."""

import pytest
from selectolax.lexbor import LexborHTMLParser

from pixel.element import element

TOKEN = "A" * 22


def test_the_element() -> None:
    """The element is what design and mail programs expect: one pixel, silent, not hidden, ASCII."""
    assert element("https://track.example.org", TOKEN) == (
        b'<img src="https://track.example.org/o/AAAAAAAAAAAAAAAAAAAAAA.gif" '
        b'width="1" height="1" alt="" style="border:0">'
    )
    assert element("http://127.0.0.1:8025/", TOKEN).startswith(b'<img src="http://127.0.0.1:8025/o/')
    assert element("http://[::1]:8025/a/b/", TOKEN).startswith(b'<img src="http://[::1]:8025/a/b/o/')


def test_an_html_parser_reads_the_address() -> None:
    """A parser finds one image whose address is the one that the pixel server answers."""
    (image,) = LexborHTMLParser(element("https://track.example.org/x", TOKEN).decode()).css("img")
    assert image.attributes["src"] == f"https://track.example.org/x/o/{TOKEN}.gif"
    assert image.attributes["alt"] == ""


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "ftp://x",
        "https://x?a=b",
        "https://x/&",
        'https://x"',
        "https://x y",
        "https://ü.example",
        "https://x/<",
        "x" * 200,
    ],
)
def test_addresses_that_would_need_escapes_are_refused(base_url: str) -> None:
    """An address with characters that HTML or quoted-printable would have to escape is an error."""
    with pytest.raises(ValueError, match="should be http or https"):
        element(base_url, TOKEN)


@pytest.mark.parametrize(("size", "fits"), [(200, True), (201, False)])
def test_at_the_limit_and_one_past_it(size: int, fits: bool) -> None:  # noqa: FBT001 - a table
    """An address has up to 200 octets, so that the element fits into a line of any mail."""
    base_url = "https://".ljust(size - len(f"/o/{TOKEN}.gif"), "x")
    if fits:
        assert len(element(base_url, TOKEN)) < 300
    else:
        with pytest.raises(ValueError, match="200 octets"):
            element(base_url, TOKEN)


def test_a_token_is_plain() -> None:
    """A token holds nothing that could end the attribute."""
    with pytest.raises(ValueError, match="quotes"):
        element("https://x", 'a"b')
