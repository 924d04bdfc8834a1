"""
Mails that are made to hurt. The law: whatever the bytes, a Report; no exception, and no more than bounded work.

Work is compared by the size of what the reader looks at, never by a clock: a mail of twelve megabytes may not make it
look at more than a small multiple of its limits.
"""

# ruff: noqa: E501 mails and header lines are easier to compare unfolded, and speak many languages

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bounce import material, mime, words
from bounce.classify import classify
from bounce.report import read
from tests.bounce.mails import block, mail, multipart, returned, status
from tests.bounce.mails import words as text_part

SIZE = 12 * 1024 * 1024
HEAD = b"From: MAILER-DAEMON@x.example\nReturn-Path: <>\nSubject: Undelivered Mail\n"
GIANTS = {
    "one line": HEAD + b"\n" + b"a" * SIZE,
    "addresses": HEAD + b"\n" + b"<a@b.example>:\n" * (SIZE // 15),
    "open tags": HEAD + b"Content-Type: text/html\n\n" + b"<" * SIZE,
    "blank lines": HEAD + b"\r\n" * (SIZE // 2),
    "one field": b"Subject: " + b"=?utf-8?q?a?= " * (SIZE // 14),
    "fields": b"X: a\n" * (SIZE // 5),
    "parameters": b"Content-Type: multipart/mixed; " + b"a=b; " * (SIZE // 5),
    "nested": b"Content-Type: multipart/mixed; boundary=b\n\n--b\n" * 400 + b"a" * SIZE,
    "delimiters": HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--bb\n" * (SIZE // 5),
    "blocks": HEAD
    + b"Content-Type: message/delivery-status\n\n"
    + b"Final-Recipient: rfc822;a@b.example\n\n" * (SIZE // 37),
    "codes": HEAD + b"\n<a@b.example>: said: " + b"550 " * (SIZE // 4),
    "phrases": HEAD + b"\n" + b"user mailbox not over found " * (SIZE // 28),
    "dashes": HEAD + b"\n" + b"---- \n" * (SIZE // 6),
    "no blanks": HEAD
    + b"Content-Type: text/plain; charset=utf-8\n\n"
    + "宛先のメールアドレスa@b.exampleは存在しません".encode() * (SIZE // 70),
    "families": HEAD + b"\n" + b"empfanger nicht user recipient sender kein adresse " * (SIZE // 52),
    "carriage returns": HEAD.replace(b"\n", b"\r") + b"\r" + b"a@b.example unknown\r" * (SIZE // 20),
    "shifts": HEAD + b"Content-Type: text/plain; charset=iso-2022-jp\n\n" + b"\x1b$B" * (SIZE // 3),
    "wide lines": HEAD + b"\n" + (b"_" * 580 + b"a@b.example\n") * (SIZE // 592),
}


@pytest.mark.parametrize("name", GIANTS)
def test_giants_are_read_within_memory(name: str) -> None:
    """Twelve megabytes cost less than a hundred, and give a Report."""
    raw = GIANTS[name]
    tracemalloc.start()
    try:
        read(raw)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100 * 1024 * 1024


def test_the_work_does_not_grow_with_the_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    """The octets decoded and the characters searched are the same for twelve megabytes as for one."""
    looked = {"octets": 0, "characters": 0}
    content, words_of = mime.Part.content, words.words_of

    def counted_content(part: mime.Part, limit: int = mime.MAX_TEXT) -> bytes:
        read_octets = content(part, limit)
        looked["octets"] += len(read_octets)
        return read_octets

    monkeypatch.setattr(mime.Part, "content", counted_content)
    counts = []
    for size in (SIZE // 12, SIZE):
        looked["octets"] = 0
        read(HEAD + b"\n" + b"user unknown a@b.example " * (size // 25))
        counts.append(looked["octets"])
    assert counts[0] == counts[1] <= mime.MAX_TEXT
    assert len(words_of("user " * SIZE).words) <= words.LIMIT


def test_patterns_repeat_nothing_that_repeats() -> None:
    """No unbounded repetition of a group that itself repeats: the shape that explodes."""
    import re._parser as parser  # type: ignore[import-not-found] # noqa: PLC0415 the parser that reads our patterns

    from bounce import addresses_in, arf, autoreply, classify, dsn, freeform, kinds, places, texts  # noqa: PLC0415

    modules = (addresses_in, arf, autoreply, classify, dsn, freeform, kinds, material, mime, places, texts, words)
    patterns = [v for m in modules for v in vars(m).values() if hasattr(v, "pattern") and hasattr(v, "flags")]
    assert len(patterns) > 30

    def explodes(tree: object, *, inside: bool = False) -> bool:
        for op, value in tree:  # type: ignore[attr-defined]
            name = str(op)
            if name in ("MAX_REPEAT", "MIN_REPEAT"):
                endless = value[1] == parser.MAXREPEAT
                if (endless and inside) or explodes(value[2], inside=inside or endless):
                    return True
            elif (name == "SUBPATTERN" and explodes(value[3], inside=inside)) or (
                name == "BRANCH" and any(explodes(branch, inside=inside) for branch in value[1])
            ):
                return True
        return False

    for pattern in patterns:
        source = pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
        assert not explodes(parser.parse(source, pattern.flags & ~32)), source


@given(st.binary(max_size=3_000))
@settings(max_examples=300)
def test_any_octets_give_a_report(raw: bytes) -> None:
    """Whatever the bytes: a Report."""
    read(raw)


_SEEDS = [
    multipart(
        text_part("<a@b.example>: User unknown"), status(block("a@b.example", diagnostic="550 5.1.1 gone")), returned()
    ),
    mail(
        "Hi. This is the qmail-send program.\n\n<a@b.example>:\nno mailbox here\n\n--- Below this line is a copy of the message.\n\nTo: a@b.example\n"
    ),
    multipart(
        text_part("x"),
        "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nOriginal-Rcpt-To: a@b.example",
        returned(),
    ),
    multipart(
        text_part("rejected"), "Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822;a@b.example\n"
    ),
]


@given(st.sampled_from(_SEEDS), st.data())
@settings(max_examples=300)
def test_damaged_reports_give_a_report(seed: bytes, data: st.DataObject) -> None:
    """Reports cut, doubled and strewn with octets are read as far as they go."""
    raw = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(raw) - 1))
        length = data.draw(st.integers(0, 60))
        raw[place : place + length] = data.draw(st.binary(max_size=40)) * data.draw(st.integers(0, 5))
        raw = raw or bytearray(b"x")
    report = read(bytes(raw))
    assert report.kind in ("bounce", "delayed", "autoreply", "complaint", "not-a-bounce")
    assert all("\n" not in r.address for r in report.recipients)


@given(st.text(alphabet="54.10-: <>@a\"'()\n", max_size=400))
def test_any_reply_is_named(text: str) -> None:
    """Codes, statuses and brackets in any order."""
    classify(text)
