"""The error of a compressed file that cannot be read to its end; here so that no reader must import gzip."""

from __future__ import annotations


class ArchiveError(OSError):
    """A compressed file was cut or changed and cannot be read to its end. The message names it."""
