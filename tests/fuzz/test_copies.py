"""
Promise 5: whatever the bytes, plan and copy give a mail and no exception; nothing changes but the documented spots.

The judges are independent of the code: Python's email package for the structure, selectolax for the HTML.
"""

import base64
import email
import email.policy
import quopri
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from relay.message.copy import CopyPlan, copy, plan
from relay.message.intake import examine
from relay.message.line_ends import has_bare, long_line, normalise
from relay.message.rewrite_files import rewrite
from relay.settings import MetadataSettings

ELEMENT = (
    b'<img src="https://track.example.org/o/AAAAAAAAAAAAAAAAAAAAAA.gif" width="1" height="1" alt="" style="border:0">'
)
OTHER = ELEMENT.replace(b"AAAA", b"bbbb")

TOKENS = [
    b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"--", b"--x", b"--x--", b"--y", b"\r\n--x\r\n", b"\r\n--x--\r\n",
    b"Content-Type: ", b"text/html", b"text/plain", b"multipart/mixed; boundary=x", b'multipart/related; boundary="y"',
    b"multipart/alternative; boundary=x--", b"message/rfc822", b"; charset=", b"utf-16", b"iso-2022-jp", b"utf-8",
    b"Content-Transfer-Encoding: ", b"quoted-printable", b"base64", b"8bit", b"Bcc: a@b", b"X-SMTPAPI: {",
    b"X-Homing-Track: no", b"DKIM-Signature: d=example.org", b": ", b" ", b"\t", b"=", b"=3D", b"=\r\n", b"<html>",
    b"</body>", b"</HTML >", b"<!--", b"-->", b"<p a='", b'"', b"PGk+", b"\x1b$B", b"\x1b(B", b"\0", b"\xff\xfe",
    b"\xe9",
    b"a" * 70, b"b " * 600, b"c" * 1100, b"(", b")", b"\\", b"=?utf-8?q?=C3=A9?=", b"From x y\r\n",
]  # fmt: skip
GARBAGE = st.one_of(st.binary(max_size=400), st.lists(st.sampled_from(TOKENS), max_size=40).map(b"".join))


def without_pixel(raw: bytes, made: CopyPlan) -> bytes:
    return copy(raw, made)


@given(GARBAGE)
@example(b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n--x--")
@example(b"\r\n")
@example(b"")
def test_any_bytes_make_a_copy(raw: bytes) -> None:
    """Any bytes are planned and copied without an exception, twice the same, with no bare CR or LF."""
    mail = normalise(raw)
    made = plan(mail)
    assert not made.why.startswith("the mail could not be read"), made.why
    for element in (None, ELEMENT):
        copied = copy(mail, made, prepended=b"Received: x\r\n", element=element)
        assert copied == copy(mail, plan(mail), prepended=b"Received: x\r\n", element=element)
        assert not has_bare(copied)
    assert len(copy(mail, made, element=ELEMENT)) <= 1.5 * len(mail) + 1024


@given(GARBAGE)
def test_bytes_that_are_not_normalised_do_no_harm(raw: bytes) -> None:
    """Even bytes that the door would have normalised are planned and copied without an exception."""
    made = plan(raw)
    assert not made.why.startswith("the mail could not be read"), made.why
    copy(raw, made, element=ELEMENT)


@given(GARBAGE)
def test_a_mail_without_documented_spots_is_not_changed(raw: bytes) -> None:
    """A copy without a pixel of a mail without control fields and long lines is that mail, byte for byte."""
    mail = normalise(raw)
    lower = mail.lower()
    names = (b"bcc", b"return-path", b"x-homing", b"x-smtpapi", b"x-")
    if long_line(mail) < 0 and not any(name in lower for name in names):
        assert without_pixel(mail, plan(mail)) == mail


@given(GARBAGE)
def test_any_bytes_are_examined(raw: bytes) -> None:
    """Acceptance's reading never raises, and what it adds is whole header lines."""
    found = examine(
        normalise(raw), now=1.8e9, make_id="1\r\nX: y", hostname="mx.example.org", metadata=MetadataSettings()
    )
    assert found.subject == found.subject.replace("\n", " ").replace("\r", " ")
    assert found.added_fields.count(b"\r\n") == found.added_fields.count(b": ")
    for text in (found.subject, found.header_from, found.header_message_id, *found.controls.tags, *found.warnings):
        text.encode("utf-8")


@given(GARBAGE)
def test_rewriting_twice_adds_one_pixel(raw: bytes) -> None:
    """What has our element at the spot already gets no second one."""
    once, why, _ = rewrite(raw, element=ELEMENT)
    twice, why_not, _ = rewrite(once, element=OTHER)
    if not why:
        assert why_not == "has a pixel already"
        assert twice == once


# ---- mails of known structure


@dataclass(frozen=True)
class Leaf:
    """A part with its text, so that the judge knows what must come out."""

    kind: str
    charset: str
    encoding: str
    text: str
    disposition: str = ""

    def build(self) -> bytes:
        octets = self.text.encode(self.charset)
        if self.encoding == "base64":
            body = base64.encodebytes(octets).replace(b"\n", b"\r\n")
        elif self.encoding == "quoted-printable":
            body = quopri.encodestring(octets.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
        else:
            body = octets
        head = f'Content-Type: {self.kind}; charset="{self.charset}"\r\nContent-Transfer-Encoding: {self.encoding}\r\n'
        if self.disposition:
            head += f"Content-Disposition: {self.disposition}\r\n"
        return head.encode() + b"\r\n" + body


@dataclass(frozen=True)
class Multipart:
    """A part of parts."""

    kind: str
    children: tuple["Leaf | Multipart", ...]
    preamble: bytes = b""
    epilogue: bytes = b""

    def build(self, path: str = "1") -> bytes:
        boundary = f"=_{path}_b".encode()
        head = b'Content-Type: multipart/%s;\r\n\tboundary="%s"\r\n\r\n' % (self.kind.encode(), boundary)
        parts = []
        for n, child in enumerate(self.children):
            built = child.build(f"{path}.{n}") if isinstance(child, Multipart) else child.build()
            parts.append(b"\r\n--" + boundary + b" \t" * (n % 2) + b"\r\n" + built)
        return head + self.preamble + b"".join(parts) + b"\r\n--" + boundary + b"--\r\n" + self.epilogue


WORDS = st.sampled_from(
    ["Rechnung", "für Müller", "日本", " ", "\r\n", "=", "--", "<b>x</b>", "<!-- </body> -->", ".", "\t", "&amp;",
     "<p title='</body>'>y</p>", "<title></body></title>", "<table><tr><td>1", "a" * 90, "<style>b{}</style>", "<br/>",
     "<div>"]
)  # fmt: skip
CLOSINGS = st.sampled_from(["</body></html>", "</BODY\r\n></html>\r\n", "</html>", "", "\r\n", "</body>\r\n\r\n"])
HTML = st.builds(
    lambda words, closing: "<html><body>" + "".join(words) + "z" + closing, st.lists(WORDS, max_size=12), CLOSINGS
)
LEAVES = st.one_of(
    st.builds(
        Leaf,
        st.just("text/html"),
        st.sampled_from(["utf-8", "shift_jis", "gb18030", "iso-2022-jp"]),
        st.sampled_from(["8bit", "quoted-printable", "base64"]),
        HTML.map(lambda html: html.replace("ü", "u")),
    ),
    st.builds(Leaf, st.just("text/html"), st.just("utf-16"), st.just("base64"), HTML),
    st.builds(Leaf, st.just("text/plain"), st.just("utf-8"), st.sampled_from(["8bit", "base64"]), HTML),
    st.builds(Leaf, st.just("text/html"), st.just("utf-8"), st.just("8bit"), HTML, st.just("attachment")),
    st.builds(Leaf, st.just("text/calendar"), st.just("utf-8"), st.just("quoted-printable"), HTML),
)
TREES = st.recursive(
    LEAVES,
    lambda children: st.builds(
        Multipart,
        st.sampled_from(["mixed", "alternative", "related", "unknown"]),
        st.lists(children, min_size=1, max_size=3).map(tuple),
        st.sampled_from([b"", b"This is MIME.\r\n"]),
        st.sampled_from([b"", b"\r\nepilogue"]),
    ),
    max_leaves=6,
)
MAILS = TREES.map(lambda tree: b"From: a@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n" + tree.build())


def leaves(raw: bytes) -> list[tuple[Sequence[tuple[str, str]], bytes]]:
    """Headers and decoded bytes of all leaf parts, as the email package sees them."""
    parsed = email.message_from_bytes(raw, policy=email.policy.compat32)
    return [
        ([(k, str(v)) for k, v in part.items()], part.get_payload(decode=True) or b"")
        for part in parsed.walk()
        if not part.is_multipart()
    ]


def changed_region(before: bytes, after: bytes) -> tuple[int, int]:
    """Offsets in ``before`` between the longest common start and the longest common end."""
    start = next((n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(before))
    left_before, left_after = before[start:][::-1], after[start:][::-1]
    same = next((n for n, (a, b) in enumerate(zip(left_before, left_after, strict=False)) if a != b), len(left_before))
    return start, len(before) - same


@settings(max_examples=400, deadline=None)
@given(MAILS)
def test_one_image_more_and_nothing_else(raw: bytes) -> None:
    """In any tree of parts exactly one part has exactly one image more, and that is all that any judge can find."""
    made = plan(raw)
    copied = copy(raw, made, element=ELEMENT)
    before, after = leaves(raw), leaves(copied)
    assert [head for head, _ in before] == [head for head, _ in after]
    different = [(head, a, b) for (head, a), (_, b) in zip(before, after, strict=True) if a != b]
    if made.why:
        assert copied == raw
        return
    ((head, old, new),) = different
    charset = email.message_from_string("\n".join(f"{k}: {v}" for k, v in head) + "\n\n").get_content_charset("utf-8")
    old_text, new_text, element = old.decode(charset), new.decode(charset), ELEMENT.decode()
    assert new_text.count(element) == 1
    assert new_text.replace(element, "") == old_text
    assert len(LexborHTMLParser(new_text).css("img")) == len(LexborHTMLParser(old_text).css("img")) + 1
    assert long_line(copied) < 0 or long_line(raw) >= 0


@settings(max_examples=200, deadline=None)
@given(MAILS)
def test_only_the_part_changes(raw: bytes) -> None:
    """All bytes outside the body of the part with the pixel are the same."""
    made = plan(raw)
    copied = copy(raw, made, element=ELEMENT)
    if made.spot is not None:
        start, end = changed_region(raw, copied)
        assert made.spot.start <= start <= end <= max(made.spot.end, start)
        assert copied[: made.spot.start] == raw[: made.spot.start]
        assert copied.endswith(raw[made.spot.end :])


@settings(max_examples=200, deadline=None)
@given(MAILS)
def test_two_tokens_differ_only_in_the_token(raw: bytes) -> None:
    """Copies for two recipients have the same length and the same bytes around the element."""
    made = plan(raw)
    one, other = copy(raw, made, element=ELEMENT), copy(raw, made, element=OTHER)
    assert len(one) == len(other)
    if made.why == "" and made.spot is not None and made.spot.encoding == "7bit":
        assert one.replace(ELEMENT, OTHER) == other


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(["Wort ", "ü", "=", "x" * 300, "\r\n", "--", "\t", ". ", "日本", "<b>"]), max_size=40),
    st.sampled_from(["text/html", "text/plain"]),
    st.sampled_from(["8bit", "quoted-printable", "base64"]),
    st.booleans(),
)
def test_long_lines_leave_short(words: list[str], kind: str, encoding: str, element: bool) -> None:  # noqa: FBT001 - drawn
    """Text with lines over 998 octets leaves with none, and says the same."""
    text = "".join(words) + "y" * 1200 + " ende"
    leaf = Leaf(kind, "utf-8", encoding, text)
    body = leaf.build()
    if encoding != "8bit":
        head, _, encoded = body.partition(b"\r\n\r\n")
        soft = encoded.replace(b"=\r\n", b"") if encoding == "quoted-printable" else encoded.replace(b"\r\n", b"")
        body = head + b"\r\n\r\n" + soft
    raw = b"MIME-Version: 1.0\r\n" + body
    made = plan(raw)
    copied = copy(raw, made, element=ELEMENT if element else None)
    assert long_line(copied) < 0
    ((_, old),) = leaves(raw)
    ((_, new),) = leaves(copied)
    new_text = new.replace(ELEMENT, b"").replace(b"\r\n", b"\n").rstrip(b"\n")
    assert new_text == old.replace(b"\r\n", b"\n").rstrip(b"\n")
    assert new.count(ELEMENT) == (1 if element and kind == "text/html" else 0)


@pytest.mark.parametrize("count", [2, 3])
def test_deep_nesting_is_flat_work(count: int) -> None:
    """A thousand nested multiparts are given up at the fiftieth, and the mail leaves as it came."""
    nest = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(500 * count)
    )
    made = plan(nest)
    assert made.why == "mime too deep"
    assert copy(nest, made, element=ELEMENT) == nest


@settings(max_examples=200, deadline=None)
@given(MAILS)
def test_a_seven_bit_copy_says_the_same(raw: bytes) -> None:
    """For a peer without 8BITMIME a copy is all ASCII, and each part's content is what it was."""
    made = plan(raw, seven_bit=True)
    for element in (None, ELEMENT):
        copied = copy(raw, made, element=element)
        assert copied.isascii()
        before, after = leaves(raw), leaves(copied)
        assert len(before) == len(after)
        for (_, old), (_, new) in zip(before, after, strict=True):
            changed = old != new and new.replace(ELEMENT, b"")
            assert old == new or _same_lines(old, changed or b"") or _wide(old, new)


def _same_lines(old: bytes, new: bytes) -> bool:
    return old.replace(b"\r\n", b"\n") == new.replace(b"\r\n", b"\n")


def _wide(old: bytes, new: bytes) -> bool:
    return new.replace(ELEMENT.decode().encode("utf-16-le"), b"") == old
