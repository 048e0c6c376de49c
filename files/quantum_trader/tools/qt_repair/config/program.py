"""What a program says of its configuration: its name, its JSON Schema, and what a schema cannot say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Problem = tuple[str, str]
"""Where, such as `thresholds.disk[0].clear`, and what to change."""


def no_problems(value: Mapping[str, Any], repair_names: Sequence[str]) -> list[Problem]:
    """The rules of a program whose schema says everything."""
    return []


@dataclass(frozen=True)
class Program:
    """A program that reads config/<name>.yml."""

    name: str
    schema: Callable[[], Mapping[str, Any]]
    problems: Callable[[Mapping[str, Any], Sequence[str]], list[Problem]] = no_problems
    """What is wrong in settings that fit the schema; the repairs that may be named are handed in. Pure."""
