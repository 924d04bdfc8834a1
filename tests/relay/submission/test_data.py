"""The reader of contents: whatever the bytes and however they are cut, no octet lost and one end."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.submission.data import ChunkReader, DataReader

END = b"\r\n.\r\n"
# Few octets, so that line ends, dots and their mixtures meet often.
WILD = st.lists(st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"\r\n.", b"a", b"\0", b"\r\n.\r\n"])).map(b"".join)


def read(*blocks: bytes, max_size: int = 10_000, max_line: int = 1_000) -> tuple[DataReader, bytes | None]:
    """Feed blocks up to the end; what follows it, with the blocks not fed."""
    reader = DataReader(max_size=max_size, max_line=max_line)
    for n, block in enumerate(blocks):
        rest = reader.feed(block)
        if rest is not None:
            return reader, rest + b"".join(blocks[n + 1 :])
    return reader, None


def expected(sent: bytes) -> tuple[bytes, bytes] | None:
    """Say by the letter of RFC 5321 section 4.5.2 what content and rest are: line by line, CRLF only."""
    lines, at = [], 0
    while (found := sent.find(b"\r\n", at)) >= 0:
        line = sent[at : found + 2]
        at = found + 2
        if line == b".\r\n":
            return b"".join(lines), sent[at:]
        lines.append(line.removeprefix(b"."))
    return None


@given(WILD, WILD)
def test_content_and_rest_are_those_of_the_rfc(content: bytes, rest: bytes) -> None:
    """The bulk reader agrees with reading line by line, for any bytes."""
    sent = content + END + rest
    reader, after = read(sent)
    assert (reader.content, after) == expected(sent)


@given(WILD, st.data())
def test_every_cut_gives_the_same(content: bytes, data: st.DataObject) -> None:
    """However the octets are cut into blocks, what is read and what is noticed is the same."""
    sent = content + END + b"NOOP\r\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=6)))
    blocks = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    whole, one_by_one = read(sent), read(*(sent[n : n + 1] for n in range(len(sent))))
    for reader, rest in (read(*blocks), one_by_one):
        assert rest == whole[1]
        assert facts(reader) == facts(whole[0])


def facts(reader: DataReader) -> tuple[object, ...]:
    return reader.content, reader.size, reader.too_large, reader.long_line, reader.bare, reader.nul


@given(WILD)
def test_what_is_noticed_is_true(content: bytes) -> None:
    """Bare CR or LF, NUL and size are those of the content."""
    reader, _ = read(content + END)
    assert reader.size == len(reader.content)
    assert reader.nul == (b"\0" in reader.content)
    assert reader.bare == bool(re.search(rb"\r(?!\n)|(?<!\r)\n", reader.content))


@given(st.binary(max_size=300))
def test_stuffed_content_comes_back(content: bytes) -> None:
    """What a right client stuffs is what is read: no byte is lost or added."""
    stuffed = re.sub(rb"(^|\r\n)\.", rb"\1..", content)
    reader, rest = read(stuffed + END)
    assert reader.content == content + b"\r\n"
    assert rest == b""


@pytest.mark.parametrize(
    "sent", [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\r\n.\r\r\n", b"\r.\r\n", b".\n", b"x.\r\n"]
)
def test_nothing_else_ends_it(sent: bytes) -> None:
    """Only CR LF "." CR LF ends a content: no mail can be smuggled behind another end."""
    _, rest = read(b"a" + sent + b"MAIL FROM:<x@y>\r\n")
    assert rest is None


@pytest.mark.parametrize("behind", [*range(32_764, 32_772), 70_000])
def test_a_dot_is_found_wherever_it_stands_in_a_large_content(behind: int) -> None:
    """Also where one look at what stands round dots ends and the next begins: so many octets behind another dot."""
    content = b"a." + b"b" * behind + b"\r\n"
    for more in (b"", b".c\r\n"):
        reader, rest = read(content + (b"." + more if more else b"") + END[2:], max_size=100_000, max_line=100_000)
        assert (reader.content, rest) == (content + more, b"")


def test_empty_content() -> None:
    """A dot right behind DATA is the end of an empty content."""
    for blocks in ((b".\r\n",), (b"", b".", b"", b"\r", b"\n"), (b".\r\nNOOP\r\n",)):
        reader, rest = read(*blocks)
        assert reader.content == b""
        assert reader.size == 0
        assert rest == b"".join(blocks)[3:]


def test_size_limit_is_exact_and_counts_no_stuffing() -> None:
    """A content of just the limit is taken though its dots were doubled; one octet more is dropped."""
    reader, _ = read(b"..a\r\n..b" + END, max_size=8)
    assert (reader.content, reader.too_large) == (b".a\r\n.b\r\n", False)
    reader, rest = read(b"..a\r\n..bc" + END + b"NOOP\r\n", max_size=8)
    assert (reader.content, reader.too_large, rest) == (b"", True, b"NOOP\r\n")


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
def test_line_limit_is_exact(end: bytes) -> None:
    """A line of just the limit passes, whatever ends it, wherever it is cut; one octet more does not."""
    for size, over in ((50, False), (51, True)):
        for first in (b"", b"short" + end):
            sent = first + b"x" * size + end + b"y" + END
            for blocks in ((sent,), tuple(sent[n : n + 1] for n in range(len(sent)))):
                assert read(*blocks, max_line=50)[0].long_line is over


@pytest.mark.parametrize("block", [b"x" * 4096, b"\r\n.." * 1000, b"\n" * 4096])
def test_memory_stays_flat_while_it_discards(block: bytes) -> None:
    """Beyond the limit nothing is kept, with or without line ends, and the end is still found."""
    reader = DataReader(max_size=10_000, max_line=20_000)
    for _ in range(500):
        assert reader.feed(block) is None
        assert len(reader._kept) <= 10_000
    assert reader.feed(END + b"RSET\r\n") == b"RSET\r\n"
    assert reader.content == b""
    assert reader.received == 500 * len(block) + len(END) + 6


# The chunks of BDAT.


def read_chunks(*blocks: bytes, max_size: int = 10_000, max_line: int = 1_000) -> ChunkReader:
    reader = ChunkReader(max_size=max_size, max_line=max_line)
    for block in blocks:
        reader.feed(block)
    reader.finish()
    return reader


@given(WILD, st.data())
def test_chunks_are_taken_as_they_are(content: bytes, data: st.DataObject) -> None:
    """No dot is taken off and none ends anything; only a missing end of the last line is added, however it is cut."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=6)))
    blocks = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    for reader in (read_chunks(*blocks), read_chunks(*(content[n : n + 1] for n in range(len(content))))):
        ended = not content or content.endswith((b"\r", b"\n"))
        assert reader.content == content + (b"" if ended else b"\r\n")
        assert reader.size == len(reader.content)
        assert reader.nul == (b"\0" in content)
        assert reader.bare == bool(re.search(rb"\r(?!\n)|(?<!\r)\n", content))


@pytest.mark.parametrize("cut", range(3))
def test_limits_of_chunks_are_exact(cut: int) -> None:
    """As in DATA: just the limit passes, an octet more is dropped, wherever it is cut."""
    for text, large, long in ((b"x" * 20 + b"\r\n", False, False), (b"x" * 21 + b"\r\n", False, True)):
        reader = read_chunks(text[:cut], text[cut:], max_line=20)
        assert (reader.too_large, reader.long_line) == (large, long)
    assert not read_chunks(b"x" * cut, b"x" * (8 - cut), max_size=10).too_large
    reader = read_chunks(b"x" * cut, b"x" * (9 - cut), max_size=10)
    assert (reader.too_large, reader.content) == (True, b"")


def test_memory_of_chunks_stays_flat_while_it_discards() -> None:
    """Beyond the limit nothing is kept."""
    reader = ChunkReader(max_size=10_000, max_line=20_000)
    for _ in range(500):
        reader.feed(b"x" * 4096)
        assert len(reader._kept) <= 10_000
    assert reader.content == b""
