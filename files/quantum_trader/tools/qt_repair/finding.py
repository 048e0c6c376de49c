"""The results of probes and repairs as plain data, the errors that they raise, and their interfaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Finding:
    """The result of a probe. `summary` is one line for people; `details` are plain JSON values."""

    healthy: bool
    summary: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RepairResult:
    """The result of a repair: the sentence for the record, which the probe must confirm, and its details."""

    sentence: str
    details: Mapping[str, Any] = field(default_factory=dict)


class ProbeError(Exception):
    """The probe cannot tell whether it is healthy; the text says what to change. Nothing is repaired."""


class RepairError(Exception):
    """A repair failed. `output` is the end of the program's output, `exit_code` its exit status."""

    def __init__(self, text: str, exit_code: int | None = None, output: str = "") -> None:
        super().__init__(text)
        self.exit_code = exit_code
        self.output = output


class Probe(Protocol):
    """Tells whether something is healthy."""

    def check(self, timeout: float) -> Finding:
        """The present state, within `timeout` seconds. Changes nothing. Raises ProbeError."""


class Repair(Protocol):
    """Makes it healthy."""

    def intent(self, finding: Finding) -> str:
        """The sentence of the entry that is written before the repair."""

    def sentence(self, finding: Finding) -> str:
        """The sentence of the entry that is written after it; if it failed, ` - FAILED: why` follows."""

    def run(self, finding: Finding, timeout: float) -> RepairResult:
        """Repair, within `timeout` seconds. Raises RepairError."""
