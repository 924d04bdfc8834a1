"""Tests of relay/message/html.py. Judge: lexbor, by selectolax."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from relay.message import html
from relay.message.html import find_place

# Where "|" stands the image goes; a text without one has no place.
PLACES = [
    "<html><body>x|</body></html>",
    "<html><body>x|</BODY ></html>",
    "<body>x|</body\r\n\t></html>",
    "<body>x|</body class='a>b'></html>",
    "<body>x</body>y|</body>z",
    "x|</html>",
    "x</html>y|</html>",
    "x|",
    "x| \r\n\r\n",
    "<p>x</p>|",
    "",
    "  \r\n",
    "x</bodyx>|",
    "x< /body>|",
    "x|</body/>",
    "x|</body",
    "x|</body ",
    "x<b",
    "x<a href='y",
    'x<a href="y>',
    'x|</body><a href="',
    # comments
    "x|</body><!-- </body> -->",
    "x|</body><!-- </body> --!>",
    "x|</body><!--> -->",
    "x<!-->|</body",
    "x|</body><!-- </body>",
    "<!-- x </body>",
    "<!-- x --->y|</body>",
    "<!-- a -- b - c -->y|</body>",
    "<!--[if mso]></body><![endif]-->x|</body>",
    "x|</body><!--[if mso]></body><![endif]-->",
    "<![if !mso]>x<![endif]>|</body>",
    "<!doctype html>x|</body>",
    "<?xml </body>?>x|",
    "</ x </body>|",
    "x</>|</body>",
    # attributes
    "<a title='</body>'>x|",
    '<a title="</body>">x|</body>',
    '<a title="it\'s > that">x|</body>',
    '<a b=c"d>x|</body>',
    '<a "b>x|</body>',
    '<a b="c""d>x|</body>',
    '<a ="b>x|</body>',
    "<a b=>x|</body>",
    "<a b = 'c' d>x|</body>",
    "<a/b='</body>'/>x|</body>",
    'He said ="x" and <b>y|</body>',
    "Don't|</body>",
    # elements whose content is text
    "<title></body></title>x|</body>",
    "<style></body></style>x|",
    "<style>a{}</STYLE >x|",
    "<style </style></body>x",
    "<textarea></body></textarea>|",
    "<xmp></body></xmp>|",
    "<title>x</body>",
    "x|</body><title>",
    "<titlex></title>x|</body>",
    "<script>if (a</body>/) {}</script>x|</body>",
    "<script></body>",
    "<script><!-- <script> </script> </body> --></script>x|</body>",
    "<script><!-- </script>x|</body>",
    "<script>'</scripty>'</script>x|</body>",
    # elements that are not shown or not kept
    "<template></body></template>x|</body>",
    "<template><template></template></body></template>x|",
    "<template></body>",
    "<noscript></body></noscript>x|</body>",
    "<select><option></body></select>x|",
    "x|</body><select></body>",
    "<plaintext></body>",
    "<frameset></body>",
    # hidden at the end
    "<div style='display:none'>x</div>y|",
    "<div style='display: NONE'>x",
    "<div hidden>x",
    "<div hidden><div>x</div>y",
    "<div hidden><div>x</div>y</div>z|",
    "<img style='display:none'>x|",
    "all is hidden here|",
    "<style>a{display:none}</style>x|",
    "<div style='display:none'>x|</body>",
]


@pytest.mark.parametrize("text", PLACES)
@pytest.mark.parametrize("case", [str, str.swapcase])
def test_the_place(text: str, case: type[str]) -> None:
    """The image goes before the last end tag of the body that is markup, else of html, else to the visible end."""
    octets = case(text).encode()
    expected = octets.find(b"|")
    place = find_place(octets.replace(b"|", b""))
    assert (place.offset if place else -1) == expected


@pytest.mark.parametrize("text", PLACES)
def test_the_place_is_the_same_with_more_around(text: str) -> None:
    """A long harmless start moves the place and nothing else."""
    start = b'<table class="a" width=1>' + b"<tr><td>x &lt; y</td></tr>\r\n" * 50
    octets = text.encode()
    place = find_place(start + octets.replace(b"|", b""))
    if octets.strip():
        assert (place.offset if place else -1) == (octets.find(b"|") + len(start) if b"|" in octets else -1)


TOKENS = [
    b"<a", b">", b'"', b"'", b"=", b" ", b"b", b"</body>", b"</body", b"<!--", b"-->", b"-", b"<title>", b"</title>",
    b"<style", b"</style>", b"<script>", b"</script>", b"<!", b"/", b"\n", b"<template>", b"</template>", b"x",
    b"</BODY >", b"<select>", b"</select>", b"--!>", b"</", b"<p hidden>", b"</p>", b"<textarea>", b"</html>", b"<?",
    b'<p a="b">', b"<noscript>", b"</noscript>", b'="</body>"', b"<STYLE>", b"</Style>", b"<Xmp", b"</xmp>",
    b"<iframe>", b"</iframe>", b"<noframes>", b"</noframes>", b"<frameset>", b"<plaintext>", b"<strong>", b"<tr>",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(TOKENS), max_size=16).map(b"".join)


@settings(max_examples=1500, deadline=None)
@given(TEXTS)
def test_the_judge_sees_one_image_more(text: bytes) -> None:
    """Whatever the text, an image at the place is one element more for an HTML parser, and none is lost."""
    place = find_place(text)
    if place is None:
        return
    done = text[: place.offset] + b'<img id="pixel">' + text[place.offset :]
    assert len(LexborHTMLParser(done.decode()).css("img#pixel")) == 1


@settings(max_examples=1500, deadline=None)
@given(TEXTS)
def test_looking_back_finds_what_walking_finds(text: bytes) -> None:
    """The quick proof never says another place than the walk over the whole text."""
    quick = html._quick(text)
    if quick is not None:
        assert quick == html._thorough(text)


@given(st.binary(max_size=200))
def test_any_bytes(text: bytes) -> None:
    """Whatever the bytes: a place inside them or none, and no exception."""
    place = find_place(text)
    assert place is None or 0 <= place.offset <= len(text)


@pytest.mark.parametrize("hint", [b" hidden ", b"<p hidden>", b"display:none", b"<p style='display:none'></p>"])
def test_hidden_elements_are_counted_up_to_a_limit(hint: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of hints at hidden elements end in no pixel, after a bounded number of looks."""
    looks = 0
    name = html._NAME

    class Counted:
        def match(self, text: bytes, at: int) -> object:
            nonlocal looks
            looks += 1
            return name.match(text, at)

    monkeypatch.setattr(html, "_NAME", Counted())
    assert find_place(b"x" + hint * 5_000) is None
    assert looks <= html._MAX_HIDING


@pytest.mark.parametrize("unit", [b"<script></script>", b"<select></select>", b"</body>", b"<template></template>"])
def test_special_elements_are_counted_up_to_a_limit(unit: bytes) -> None:
    """More than so many special elements are not walked through."""
    assert find_place(unit * 100 + b"x") is not None
    assert html._thorough(unit * html._MAX_SPECIAL) is None
