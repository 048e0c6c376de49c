"""Read a compressed segment, or a rotated log, as if it were a plain file, in bounded memory."""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from qt_audit.record.archive_error import ArchiveError

_INPUT_BYTES = 1 << 14
_OUTPUT_BYTES = 1 << 18
_MAX_EXPANSION = 256
"""How many times longer than its archive a segment can be.

Every line has at most 8,000 bytes, and 32 of them, those of a hash, cannot be compressed.
"""
_EXPANSION_ALLOWANCE = 1 << 20
_GZIP = 31  # zlib's number for the format


TORN = "the archive ends too early"
CHANGED = "the archive's bytes were changed"
EXPANDS = "the archive expands to more than a segment can be"


class DamagedError(ArchiveError):
    """An archive that cannot be decompressed. `why` is TORN, CHANGED or EXPANDS."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def decompressed(descriptor: int, size: int | None = None) -> Iterator[bytes]:
    """The content of an archive, or of its first `size` bytes; of several members, one after the other.

    Work is bounded by the archive's size. Raises DamagedError if it is cut, was changed, has something else
    behind its end, or expands to more than a segment can be.
    """
    stream, position, produced, data = zlib.decompressobj(_GZIP), 0, 0, b""
    while True:
        if not data:
            wanted = _INPUT_BYTES if size is None else min(_INPUT_BYTES, size - position)
            data = os.pread(descriptor, wanted, position)
            position += len(data)
            if not data:
                break
        if stream.eof:
            data = data.lstrip(b"\0")
            if not data:
                continue
            stream = zlib.decompressobj(_GZIP)
        try:
            block = stream.decompress(data, _OUTPUT_BYTES)
        except zlib.error:
            raise DamagedError(CHANGED) from None
        data = stream.unused_data if stream.eof else stream.unconsumed_tail
        produced += len(block)
        if produced > _MAX_EXPANSION * (position - len(data)) + _EXPANSION_ALLOWANCE:
            raise DamagedError(EXPANDS)
        if block:
            yield block
    while not stream.eof:  # what zlib still holds
        try:
            block = stream.decompress(b"", _OUTPUT_BYTES)
        except zlib.error:
            raise DamagedError(CHANGED) from None
        if block:
            yield block
        elif not stream.eof:
            raise DamagedError(TORN)


def open_archived(descriptor: int, name: str) -> BinaryIO:
    """The decompressed bytes of a descriptor; closing the returned file closes the descriptor.

    Raises ArchiveError with the file's name when it is read, if it cannot be decompressed.
    """
    return io.BufferedReader(Archived(descriptor, name), 1 << 16)


class Archived(io.RawIOBase):
    """The decompressed bytes of a descriptor. Going back decompresses again from the beginning."""

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor = descriptor
        self._name = name
        self._rewind()

    def _rewind(self) -> None:
        self._blocks = decompressed(self._descriptor)
        self._block = b""
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: memoryview | bytearray) -> int:  # type: ignore[override]
        found = self._take(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            while self._take(_OUTPUT_BYTES):
                pass
            offset += self._position
        elif whence == os.SEEK_CUR:
            offset += self._position
        if offset < self._position:
            self._rewind()
        while self._position < offset and self._take(offset - self._position):
            pass
        return self._position

    def _take(self, count: int) -> bytes:
        """The next bytes, at most `count`; none at the end."""
        try:
            while not self._block:
                self._block = next(self._blocks, b"")
                if not self._block:
                    return b""
        except DamagedError as error:
            what = (
                "it expands to more than such a file can be"
                if error.why == EXPANDS
                else "cannot be decompressed"
            )
            raise ArchiveError(f"{self._name}: damaged, {what}; put a good copy in its place") from None
        found, self._block = self._block[:count], self._block[count:]
        self._position += len(found)
        return found

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()
