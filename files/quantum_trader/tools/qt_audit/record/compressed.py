"""Read a compressed segment, or a rotated log, as if it were a plain file."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from qt_audit.record.archive_error import ArchiveError


def open_archived(descriptor: int, name: str) -> BinaryIO:
    """The decompressed bytes of a descriptor; closing the returned file closes the descriptor.

    Raises ArchiveError with the file's name if it cannot be decompressed, here or when it is read.
    """
    if os.fstat(descriptor).st_size == 0:  # gzip would read an empty file as empty content
        os.close(descriptor)
        raise _damaged(name)
    return cast(BinaryIO, Archived(descriptor, name))


def _damaged(name: str) -> ArchiveError:
    return ArchiveError(f"{name}: damaged, cannot be decompressed; put a good copy in its place")


class Archived(gzip.GzipFile):
    """The decompressed bytes of a descriptor; closing this object closes the descriptor."""

    def __init__(self, descriptor: int, name: str) -> None:
        self._compressed = os.fdopen(descriptor, "rb")
        self._archive = name
        super().__init__(fileobj=self._compressed, mode="rb")

    @contextmanager
    def _naming_archive(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise _damaged(self._archive) from None

    def read(self, size: int | None = -1) -> bytes:
        with self._naming_archive():
            return super().read(size)

    def readline(self, size: int | None = -1) -> bytes:
        with self._naming_archive():
            return super().readline(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        with self._naming_archive():
            return super().seek(offset, whence)

    def close(self) -> None:
        super().close()
        self._compressed.close()
