"""The one exception of this package: a sentence for the person at the keyboard."""

from __future__ import annotations


class SandboxError(Exception):
    """What went wrong and what to change, in one line."""
