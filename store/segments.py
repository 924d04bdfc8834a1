"""
Contents in append-only files: what ``store/contents.py`` uses beside SQLite.

    record = magic (4 octets)  CRC-32 of the content (4)  message id (8)  length (8)  content

Numbers are big-endian. A record's place is the offset of its magic. Only the process that serves appends; it starts
where the rows of the database say that the last record ends, so a tail that was torn by a crash is cut: no row refers
to it.
"""

import os
import struct
import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from store.errors import ContentDamaged, StoreUnavailable
from store.nouns import ContentRef

_HEADER = struct.Struct(">4sIQQ")
_KEPT, _ERASED = b"Hmg1", b"Hmg0"
_JOIN = 1024**2  # octets up to which pieces are copied together for one write; larger ones are written as they are
_MODE = 0o600


class Segments:
    """The files of one directory. ``append`` is for one thread; all else for any."""

    def __init__(self, directory: Path, size: int) -> None:
        self._directory = directory
        self._size = size
        self._file: int | None = None
        self._number = 0
        self._offset = 0
        self._ours = False  # whether this process may append
        # Writes and syncs while the writer's thread inserts the rows; both end before the commit.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-segment")

    def resume(self, number: int, end: int) -> None:
        """Go on behind the last record that a row refers to (0, 0: there is none), and cut what follows it."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._ours = True
        path = self._path(number)
        if number and path.exists() and end < self._size:
            self._file = os.open(path, os.O_RDWR)
            if os.fstat(self._file).st_size > end:
                os.ftruncate(self._file, end)
            self._number, self._offset = number, end

    def append(self, contents: Sequence[tuple[int, bytes]]) -> tuple[list[ContentRef], Future[None]]:
        """
        Append ``(message id, content)`` pairs.

        Returns:
            Where they lie, and a future that is done when they are on the disk, or raises OSError. Wait for it
            before the next append.
        """
        if not self._ours:
            raise StoreUnavailable("only the relay itself takes mail into this store")
        if self._file is None or self._offset >= self._size:
            self._next_file()
        assert self._file is not None
        refs: list[ContentRef] = []
        pieces: list[bytes] = []
        offset = self._offset
        for message_id, content in contents:
            refs.append(ContentRef(message_id, self._number, offset, len(content)))
            pieces += _HEADER.pack(_KEPT, zlib.crc32(content), message_id, len(content)), content
            offset += _HEADER.size + len(content)
        return refs, self._thread.submit(self._write, self._file, pieces, self._offset)

    def _write(self, file: int, pieces: list[bytes], offset: int) -> None:
        """Write and sync. Only then does the place count as taken: a failed write is written over by the next."""
        if sum(map(len, pieces)) <= _JOIN:
            pieces = [b"".join(pieces)]
        for piece in pieces:
            view = memoryview(piece)
            while view:
                written = os.pwrite(file, view, offset)
                view, offset = view[written:], offset + written
        os.fdatasync(file)
        self._offset = offset

    def _next_file(self) -> None:
        """Begin a file of our own: no other process appends to it."""
        self._directory.mkdir(parents=True, exist_ok=True)
        number = max([self._number, *self.numbers()]) + 1
        while True:
            try:
                file = os.open(self._path(number), os.O_RDWR | os.O_CREAT | os.O_EXCL, _MODE)
            except FileExistsError:
                number += 1
                continue
            break
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)  # a file whose name is lost is lost
        finally:
            os.close(directory)
        if self._file is not None:
            os.close(self._file)
        self._file, self._number, self._offset = file, number, 0

    def read(self, ref: ContentRef) -> bytes:
        """Give a content. Raises ContentDamaged when it is missing, torn, altered or erased."""
        try:
            with self._path(ref.segment).open("rb") as file:
                record = os.pread(file.fileno(), _HEADER.size + ref.length, ref.offset)
        except FileNotFoundError as error:
            raise ContentDamaged(f"the content of message {ref.message_id} is missing: no {error.filename}") from error
        if len(record) < _HEADER.size + ref.length:
            raise ContentDamaged(f"the content of message {ref.message_id} is torn")
        magic, checksum, message_id, length = _HEADER.unpack_from(record)
        content = record[_HEADER.size :]
        if magic == _ERASED:
            raise ContentDamaged(f"the content of message {ref.message_id} was erased")
        if (magic, message_id, length) != (_KEPT, ref.message_id, ref.length) or zlib.crc32(content) != checksum:
            raise ContentDamaged(f"the content of message {ref.message_id} is damaged")
        return content

    def erase(self, ref: ContentRef) -> None:
        """Overwrite a content with zeros, in place."""
        try:
            file = os.open(self._path(ref.segment), os.O_RDWR)
        except FileNotFoundError:
            return
        try:
            os.pwrite(file, _HEADER.pack(_ERASED, 0, ref.message_id, ref.length), ref.offset)
            offset, end = ref.offset + _HEADER.size, ref.offset + _HEADER.size + ref.length
            while offset < end:
                offset += os.pwrite(file, bytes(min(_JOIN, end - offset)), offset)
            os.fdatasync(file)
        finally:
            os.close(file)

    def numbers(self) -> list[int]:
        """Which segments there are."""
        return [int(path.stem) for path in self._directory.glob("*.segment") if path.stem.isdecimal()]

    @property
    def current(self) -> int:
        """The segment that is appended to; 0 when there is none yet."""
        return self._number

    def delete(self, numbers: Iterable[int]) -> int:
        """Give whole segments' space back, and say how many. The one that is appended to stays."""
        gone = [number for number in numbers if number != self._number]
        for number in gone:
            self._path(number).unlink(missing_ok=True)
        return len(gone)

    def _path(self, number: int) -> Path:
        return self._directory / f"{number:08}.segment"

    def close(self) -> None:
        """End the thread and close the file."""
        self._thread.shutdown()
        if self._file is not None:
            os.close(self._file)
            self._file = None


def record_end(offset: int, length: int) -> int:
    """Give the offset behind a record."""
    return offset + _HEADER.size + length
