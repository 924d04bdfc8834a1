"""Contents in append-only files."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.errors import ContentDamaged, StoreUnavailable
from store.nouns import ContentRef
from store.segments import Segments, record_end


@pytest.fixture
def segments(tmp_path: Path) -> Iterator[Segments]:
    made = Segments(tmp_path, 1000)
    made.resume(0, 0)
    yield made
    made.close()


def put(segments: Segments, *contents: tuple[int, bytes]) -> list[ContentRef]:
    refs, done = segments.append(contents)
    done.result()
    return refs


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.binary(max_size=600), min_size=1, max_size=8))
def test_what_is_appended_is_read(segments: Segments, contents: list[bytes]) -> None:
    """Every content comes back byte for byte, the empty one too, across files."""
    refs = put(segments, *enumerate(contents, 1))
    assert [segments.read(ref) for ref in refs] == contents


def test_large_contents(segments: Segments) -> None:
    """Contents that are written as they are, not joined, come back too."""
    contents = [(1, b"a" * 700_000), (2, b"b" * 700_000), (3, b"")]
    assert [segments.read(ref) for ref in put(segments, *contents)] == [content for _, content in contents]


def test_a_file_ends_at_its_size(segments: Segments) -> None:
    """The record that passes the size is the last of its file."""
    numbers = [put(segments, (n, bytes(600)))[0].segment for n in range(1, 5)]
    assert numbers == [1, 1, 2, 2]


def test_a_torn_tail_is_cut(tmp_path: Path, segments: Segments) -> None:
    """What a crash left behind the last record that a row refers to is cut, and the next record is whole."""
    (ref,) = put(segments, (1, b"whole"))
    put(segments, (2, b"never committed"))
    with (tmp_path / "00000001.segment").open("ab") as file:
        file.write(b"torn")
    again = Segments(tmp_path, 1000)
    again.resume(1, record_end(ref.offset, ref.length))
    (next_ref,) = put(again, (3, b"next"))
    assert (next_ref.segment, next_ref.offset) == (1, record_end(ref.offset, ref.length))
    assert again.read(ref) == b"whole"
    assert again.read(next_ref) == b"next"
    again.close()


def test_a_failed_write_is_written_over(segments: Segments, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a write that failed half way, the next record lies where that one would have, whole."""
    (ref,) = put(segments, (1, b"first"))
    real = __import__("os").pwrite
    calls: list[int] = []

    def short(file: int, data: bytes, offset: int) -> int:
        calls.append(len(data))
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return int(real(file, bytes(data[:10]), offset))

    monkeypatch.setattr("store.segments.os.pwrite", short)
    _, done = segments.append([(2, b"second")])
    with pytest.raises(OSError, match="No space"):
        done.result()
    monkeypatch.undo()
    (again,) = put(segments, (3, b"third"))
    assert again.offset == record_end(ref.offset, ref.length)
    assert segments.read(again) == b"third"
    assert segments.read(ref) == b"first"


@pytest.mark.parametrize("at", [0, 4, 10, 20, 24, 30])
def test_a_flipped_byte_is_found(tmp_path: Path, segments: Segments, at: int) -> None:
    """A byte that changed on the disk, in the header or in the content, is told and never sent (Q7)."""
    (ref,) = put(segments, (1, b"please pay"))
    path = tmp_path / "00000001.segment"
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)
    with pytest.raises(ContentDamaged, match="damaged"):
        segments.read(ref)


def test_missing_and_torn(tmp_path: Path, segments: Segments) -> None:
    """A file that is gone or shorter than it should be is told."""
    (ref,) = put(segments, (1, b"please pay"))
    path = tmp_path / "00000001.segment"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ContentDamaged, match="torn"):
        segments.read(ref)
    path.unlink()
    with pytest.raises(ContentDamaged, match="missing"):
        segments.read(ref)


def test_erased_in_place(tmp_path: Path, segments: Segments) -> None:
    """An erased content leaves no byte of it, and its neighbours as they are."""
    first, second, third = put(segments, (1, b"first"), (2, b"secret"), (3, b"third"))
    segments.erase(second)
    with pytest.raises(ContentDamaged, match="erased"):
        segments.read(second)
    assert segments.read(first) + segments.read(third) == b"firstthird"
    assert b"secret" not in (tmp_path / "00000001.segment").read_bytes()


def test_only_the_serving_process_appends(tmp_path: Path) -> None:
    """A tool that did not resume cannot write between the relay's records."""
    tool = Segments(tmp_path, 1000)
    with pytest.raises(StoreUnavailable):
        tool.append([(1, b"x")])
    tool.close()
