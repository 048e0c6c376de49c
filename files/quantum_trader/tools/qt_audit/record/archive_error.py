"""The error of a compressed file that cannot be read to its end: below those who raise it and who name it."""

from __future__ import annotations


class ArchiveError(OSError):
    """A compressed file is cut or was changed, and cannot be read to its end; the message names it."""
