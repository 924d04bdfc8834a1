"""Replies from bytes (robustness.md D10)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.delivery.replies import MAX_KEPT, MAX_REPLY, BadReply, ReplyParser, shorten
from store.nouns import Reply


def parse(data: bytes, size: int = 0) -> list[Reply]:
    """Read all replies of ``data``, fed in pieces of ``size`` octets; 0: whole."""
    parser = ReplyParser()
    replies = []
    pieces = [data[at : at + size] for at in range(0, len(data), size)] if size else [data]
    for piece in pieces:
        parser.feed(piece)
        while (reply := parser.next()) is not None:
            replies.append(reply)
    return replies


CASES = [
    (b"250 ok\r\n", [(250, "", ("ok",))]),
    (b"250\r\n", [(250, "", ("",))]),
    (b"250 \r\n", [(250, "", ("",))]),
    (b"250 ok\n", [(250, "", ("ok",))]),  # a bare LF is common
    (b"250-one\r\n250-\r\n250 three\r\n", [(250, "", ("one", "", "three"))]),
    (b"550 5.1.1 no such user\r\n", [(550, "5.1.1", ("5.1.1 no such user",))]),
    (b"550-5.1.1 no\r\n550 5.1.1 user\r\n", [(550, "5.1.1", ("5.1.1 no", "5.1.1 user"))]),
    (b"550-see\r\n550 5.7.1 policy\r\n", [(550, "5.7.1", ("see", "5.7.1 policy"))]),
    (b"550 5.1.1000 x\r\n", [(550, "", ("5.1.1000 x",))]),
    (b"550 5.1.1.2 x\r\n", [(550, "", ("5.1.1.2 x",))]),
    (b"250-one\r\n550 two\r\n", [(550, "", ("one", "two"))]),  # the last line decides
    (b"250 a\r\n354 b\r\n", [(250, "", ("a",)), (354, "", ("b",))]),
    (b"550 \x1b[31mred\x07 \x00nul\r\n", [(550, "", ("?[31mred? ?nul",))]),
    (b"550 a\tb\xc2\xa0c\r\n", [(550, "", ("a b c",))]),
    ("550 Größe\u202e\u2028!\r\n".encode(), [(550, "", ("Größe??!",))]),
    (b"550 \xff\xfe latin \xe4\r\n", [(550, "", ("\ufffd\ufffd latin \ufffd",))]),
]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7])
@pytest.mark.parametrize(("data", "expected"), CASES, ids=repr)
def test_replies_are_read_whole_and_byte_by_byte(
    data: bytes, expected: list[tuple[int, str, tuple[str, ...]]], size: int
) -> None:
    """The pieces they come in make no difference."""
    replies = [(reply.code, str(reply.status or ""), reply.lines) for reply in parse(data, size)]
    assert replies == expected


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n",
        b"\r\n",
        b"25 ok\r\n",
        b"2500 ok\r\n",
        b"150 ok\r\n",
        b"650 ok\r\n",
        b"250_ok\r\n",
        b"\xd9\xa2\xd9\xa5\xd9\xa0 ok\r\n",  # digits of another script
        b"250-ok\r\nno code\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"250 " + b"x" * MAX_REPLY,  # a line without an end
        b"250 " + b"x" * MAX_REPLY + b"\r\n",
        b"250-" + b"x" * 1000 + b"\r\n" + b"250-more\r\n" * 8000,  # a reply without an end
    ],
    ids=lambda data: repr(data[:20]),
)
def test_what_is_no_reply_is_told(data: bytes) -> None:
    """No code, a code that is none, or a reply over 64 KiB."""
    with pytest.raises(BadReply):
        parse(data)


def test_a_reply_of_64_kib_is_taken() -> None:
    """At the limit."""
    data = b"250-" + b"x" * 994 + b"\r\n"
    assert len(parse(data * 64 + b"250 " + b"x" * (MAX_REPLY - 64_000 - 6) + b"\r\n")[0].lines) == 65


def test_two_kilobytes_are_kept() -> None:
    """A longer text is cut, at a character and saying so; a shorter one is not touched."""
    short = Reply(550, None, ("x" * 1000, "y" * 1000))
    assert shorten(short) == short
    long = shorten(Reply(550, None, ("a" * 1000, "ä" * 2000, "never")))
    assert sum(len(line.encode()) for line in long.lines) <= MAX_KEPT
    assert long.lines[1].endswith("ä [cut]")
    assert len(long.lines) == 2
    assert len(shorten(Reply(550, None, ("",) * 60_000)).text) <= MAX_KEPT


@given(st.lists(st.binary(max_size=80)), st.integers(0, 5))
def test_any_bytes_give_replies_or_one_refusal(pieces: list[bytes], size: int) -> None:
    """Whatever the bytes: replies that can be shown, or BadReply; the same in any pieces."""

    def outcome(piece: int) -> object:
        try:
            return parse(b"\r\n".join(pieces), piece)
        except BadReply as error:
            return str(error)

    whole = outcome(0)
    if isinstance(whole, list):
        assert all(line.isprintable() for reply in whole for line in reply.lines)
        assert all(200 <= reply.code < 600 for reply in whole)
    assert type(outcome(size)) is type(whole)
