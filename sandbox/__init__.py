"""Boots throw-away Debian systems on this machine, each as real as a rented VPS.

    with sandbox.Machine.boot("web1", suite="bookworm") as vm:
        vm.run(["uname", "-a"])

Needs root and the standard library only, so that it runs before the virtual environment exists.
"""

from __future__ import annotations

from sandbox.errors import SandboxError
from sandbox.machine import Machine
from sandbox.snapshot import Snapshot

__all__ = ["Machine", "SandboxError", "Snapshot"]
