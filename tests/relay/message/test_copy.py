"""Tests of relay/message/copy.py and the spot: what leaves, byte for byte."""

import base64

import pytest

from relay.message.copy import copy, plan
from relay.message.spot import CLIPPED

ELEMENT = (
    b'<img src="https://track.example.org/o/AAAAAAAAAAAAAAAAAAAAAA.gif" width="1" height="1" alt="" style="border:0">'
)
HEAD = b"From: a@example.org\r\nContent-Type: text/html; charset=utf-8\r\n"


def sent(raw: bytes, *, prepended: bytes = b"") -> bytes:
    return copy(raw, plan(raw), prepended=prepended, element=ELEMENT)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            b"Return-Path: <x@y>\r\nFrom: a\r\nBcc: b,\r\n c\r\nX-Homing-Tag: t\r\nTo: d\r\n\r\nbody\r\n",
            b"From: a\r\nTo: d\r\n\r\nbody\r\n",
        ),
        (b"bcc : x\r\nA: b\r\n\r\n", b"A: b\r\n\r\n"),
        (b"A: b\r\nBCC: x", b"A: b\r\n"),
        (b"A: b\r\nno field\r\nResent-Bcc: x\r\n\r\nBcc: stays\r\n", b"A: b\r\nno field\r\n\r\nBcc: stays\r\n"),
        (
            (
                b"X-PM-Tag: a\r\nX-MAILGUN-TAG: b\r\nX-SMTPAPI: {}\r\nX-SES-X: c\r\nX-MSYS-API: {}\r\n"
                b"X-MT-Category: d\r\nX-MC-Tags: e\r\nX-Postal-Tag: f\r\nX-AMP: skip\r\nX-Other: stays\r\n\r\n"
            ),
            b"X-Other: stays\r\n\r\n",
        ),
        (b"X-AMPLE: stays\r\nX-SMTPAPI-2: stays\r\nAbcc: stays\r\n\r\n",
         b"X-AMPLE: stays\r\nX-SMTPAPI-2: stays\r\nAbcc: stays\r\n\r\n"),
    ],
)  # fmt: skip
def test_fields_that_never_leave(raw: bytes, expected: bytes) -> None:
    """Control fields, Bcc and Return-Path are cut with their folds, in any case, and nothing near them."""
    assert copy(raw, plan(raw)) == expected


def test_our_fields_go_on_top() -> None:
    """Prepended fields stand first, or behind a mailbox file's mark."""
    raw = b"A: b\r\n\r\nbody"
    assert copy(raw, plan(raw), prepended=b"R: x\r\n") == b"R: x\r\n" + raw
    marked = b"From a 1\r\n" + raw
    assert copy(marked, plan(marked), prepended=b"R: x\r\n") == b"From a 1\r\nR: x\r\n" + raw


@pytest.mark.parametrize(
    "encoding", [b"", b"Content-Transfer-Encoding: 7bit\r\n", b"Content-Transfer-Encoding: 8BIT\r\n"]
)
def test_identity_is_one_splice(encoding: bytes) -> None:
    """In text that is not encoded the element stands between the same bytes."""
    before, behind = HEAD + encoding + b"\r\n<body>\r\ngr\xc3\xbc\xc3\x9fe", b"</body>\r\n</html>\r\n"
    assert sent(before + behind) == before + ELEMENT + behind


@pytest.mark.parametrize("column", [0, 10, 885, 886, 900, 975])
@pytest.mark.parametrize("rest", [7, 20])
def test_no_line_grows_too_long(column: int, rest: int) -> None:
    """Where the line has no room the element is broken at blanks of its own; the text stays."""
    before, behind = HEAD + b"\r\n" + b"x" * column, (b"</body>" + b"y" * (rest - 7))
    done = sent(before + behind)
    assert done.startswith(before + b"<img")
    assert done.endswith(behind)
    middle = done[len(before) : -len(behind)]
    assert middle.replace(b"\r\n", b" ") == ELEMENT
    assert max(map(len, done.split(b"\r\n"))) <= 998
    assert (middle == ELEMENT) is (column + rest + len(ELEMENT) <= 998)


def test_a_full_line_is_encoded_anew() -> None:
    """Where not even a word of the element fits into the line, the part becomes quoted-printable."""
    raw = HEAD + b"\r\n" + b"x" * 983 + b"</body>"
    done = sent(raw)
    assert b"Content-Transfer-Encoding: quoted-printable\r\n" in done
    assert max(map(len, done.split(b"\r\n"))) <= 76 or done.index(b"Content-Type")
    assert copy(raw, plan(raw)) == raw


QP = HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"


@pytest.mark.parametrize(
    ("before", "behind", "lead", "trail"),
    [
        (b"<p>gr=C3=BC=C3=9Fe</p>", b"</body>", b"=\r\n", b"=\r\n"),
        (b"<p>x</p>\r\n", b"</body>\r\n", b"", b"=\r\n"),
        (b"<p>x</p>=\r\n", b"</body>\r\n", b"", b"=\r\n"),
        (b"x" * 75, b"</html>", b"=\r\n", b"=\r\n"),
        (b"<p>x</p>", b"", b"=\r\n", b""),
        (b"<p>x</p>", b"\r\n\r\n", b"=\r\n", b""),
        (b"<p>x =3D</p>", b"=3C/p>\r\n"[:0], b"=\r\n", b""),
    ],
)
def test_quoted_printable_keeps_what_is_there(before: bytes, behind: bytes, lead: bytes, trail: bytes) -> None:
    """The element goes on lines of its own between soft line breaks; the encoded text round it stays as it was."""
    done = sent(QP + before + behind)
    assert done.startswith(QP + before + lead + b"<img src=3D")
    assert done.endswith(trail + behind)
    middle = done[len(QP + before + lead) : len(done) - len(trail + behind)]
    assert middle.replace(b"=\r\n", b"").replace(b"=3D", b"=") == ELEMENT
    assert max(map(len, done[len(HEAD) :].split(b"\r\n"))) <= 76


@pytest.mark.parametrize("end", [b"x", b"=3D", b"=3Dx", b"=3Dxx", b"=3Dxxx"])
def test_a_full_quoted_printable_line_is_broken_earlier(end: bytes) -> None:
    """Behind a line of 76 octets without a soft break, the break goes a few octets earlier, never into an escape."""
    line = b"x" * (76 - len(end)) + end
    done = sent(QP + line)
    body = done[len(QP) :]
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert body.replace(b"=\r\n", b"") == line + ELEMENT.replace(b"=", b"=3D")


@pytest.mark.parametrize(
    "html", [b"x" * n + b"</body></html>" for n in range(55, 62)] + [b"y" * 200, b"<body>z</body>"]
)
@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r\n\r\n"])
def test_base64_changes_from_the_line_of_the_spot(html: bytes, end: bytes) -> None:
    """In base64 all lines before that of the spot stay, and so do the line ends behind the last."""
    head = HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n"
    body = base64.encodebytes(html).strip().replace(b"\n", b"\r\n")
    done = sent(head + body + end)
    place = html.find(b"</body>") if b"</body>" in html else len(html)
    assert base64.b64decode(done[len(head) :]) == html[:place] + ELEMENT + html[place:]
    same = place // 57 * 78
    assert done.startswith(head + body[:same])
    assert done.endswith(end)
    assert max(map(len, done[len(head) :].split(b"\r\n"))) <= 76


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_character_sets(codec: str) -> None:
    """In UTF-16 and UTF-32 the element is written as the text is."""
    html = "<body>größe</body>"
    head = b"Content-Type: text/html; charset=%s\r\nContent-Transfer-Encoding: base64\r\n\r\n" % codec.encode()
    done = sent(head + base64.encodebytes(html.encode(codec)).replace(b"\n", b"\r\n"))
    assert base64.b64decode(done[len(head) :]).decode(codec) == html.replace("</body>", ELEMENT.decode() + "</body>")


def test_japanese_in_seven_bits() -> None:
    """In ISO-2022-JP the element goes where the text is in its ASCII state, though the octets look like tags before."""
    html = "<body>日常、ゼ</body>".encode("iso-2022-jp")
    head = b"Content-Type: text/html; charset=iso-2022-jp\r\n\r\n"
    assert sent(head + html) == head + html.replace(b"</body>", ELEMENT + b"</body>")


@pytest.mark.parametrize(
    "field", [b"Content-MD5: x", b"Content-Length: 3", b"Lines: 7", b"Digest: a", b"Content-Digest: b"]
)
def test_what_would_be_untrue_is_dropped(field: bytes) -> None:
    """A length or digest of the changed part, and of what is around it, is dropped; others stay."""
    other = b"--b\r\n" + field + b"\r\n\r\nplain\r\n"
    raw = (
        field + b"\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + other
        + b"--b\r\n" + field + b"\r\nContent-Type: text/html\r\n\r\n<p>x\r\n--b--\r\n"
    )  # fmt: skip
    expected = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + other
        + b"--b\r\nContent-Type: text/html\r\n\r\n<p>x" + ELEMENT + b"\r\n--b--\r\n"
    )  # fmt: skip
    assert sent(raw) == expected
    assert copy(raw, plan(raw)) == raw


@pytest.mark.parametrize(("size", "warned"), [(102 * 1024 - 6, False), (102 * 1024 - 5, True)])
def test_html_that_gmail_clips(size: int, warned: bool) -> None:  # noqa: FBT001 - a table
    """Where the spot lies behind what Gmail shows, the plan warns; the pixel goes to the end all the same."""
    html = b"<p>\r\n".ljust(78, b"x") * (size // 78) + b"<body>" + b"x" * (size % 78)
    made = plan(HEAD + b"\r\n" + html + b"</body>")
    assert made.why == ""
    assert (CLIPPED in made.warnings) is warned


def test_a_copy_is_made_of_slices() -> None:
    """A plan holds offsets, not the attachment."""
    file = b"A" * 76 + b"\r\n"
    raw = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n"
        b"--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + file * 2000
        + b"--b--\r\n"
    )
    made = plan(raw)
    assert sum(len(piece) for piece in (*made.plain, *made.head, *made.tail) if isinstance(piece, bytes)) == 0
    assert sent(raw) == raw.replace(b"</p>", b"</p>" + ELEMENT)


def test_our_own_fault_costs_the_pixel_and_not_the_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    """If reading fails for a reason nobody thought of, the mail leaves without a pixel, and Bcc still does not."""

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("relay.message.copy.mime.scan", fail)
    raw = b"Bcc: x\r\nContent-Type: text/html\r\n\r\n<p>"
    made = plan(raw)
    assert made.why == "the mail could not be read (ZeroDivisionError)"
    assert copy(raw, made, element=ELEMENT) == b"Content-Type: text/html\r\n\r\n<p>"
