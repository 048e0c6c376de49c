"""The exceptions of this package: each a sentence for the person at the keyboard."""

from __future__ import annotations


class SandboxError(Exception):
    """What went wrong and what to change, in one line."""


class BootError(SandboxError):
    """A machine ended while it booted."""
