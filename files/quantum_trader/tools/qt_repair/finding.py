"""What probes see and what repairs achieve, as plain data, and the two ways to fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Finding:
    """What a probe saw. `summary` is one line for people; `details` are plain JSON values."""

    healthy: bool
    summary: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RepairResult:
    """What a repair did: the sentence that the record gets once the probe agrees, and its details."""

    sentence: str
    details: Mapping[str, Any] = field(default_factory=dict)


class ProbeError(Exception):
    """It cannot be told whether something is healthy; the text says what to change. Nothing is repaired."""


class RepairError(Exception):
    """A repair did not work. `output` is the end of what the program said, `exit_code` its status."""

    def __init__(self, text: str, exit_code: int | None = None, output: str = "") -> None:
        super().__init__(text)
        self.exit_code = exit_code
        self.output = output


class Probe(Protocol):
    """Is it healthy?"""

    def check(self, timeout: float) -> Finding:
        """What is there now, within `timeout` seconds. Changes nothing. Raises ProbeError."""


class Repair(Protocol):
    """Make it healthy."""

    def intent(self, finding: Finding) -> str:
        """The sentence of the entry that is written before anything is done."""

    def sentence(self, finding: Finding) -> str:
        """The sentence of the entry that ends it; ` - FAILED: why` follows where it did not work."""

    def run(self, finding: Finding, timeout: float) -> RepairResult:
        """Act, within `timeout` seconds. Raises RepairError."""
