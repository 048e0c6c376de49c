"""Read a compressed segment as if it were a plain one."""

from __future__ import annotations

import gzip
import os
from typing import BinaryIO, cast


def open_archived(descriptor: int) -> BinaryIO:
    """The decompressed bytes of a descriptor, which is closed with what is returned."""
    return cast(BinaryIO, Archived(descriptor))


class Archived(gzip.GzipFile):
    """The decompressed bytes of a descriptor, which is closed with this object."""

    def __init__(self, descriptor: int) -> None:
        self._compressed = os.fdopen(descriptor, "rb")
        super().__init__(fileobj=self._compressed, mode="rb")

    def close(self) -> None:
        super().close()
        self._compressed.close()
