"""What a program declares about its configuration: name, JSON Schema, further rules, reference sections."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Problem = tuple[str, str]
"""Where, such as `thresholds.disk[0].clear`, and what to change."""


@dataclass(frozen=True)
class Section:
    """A section of the reference: prose in Markdown, then a table of the schema's keys."""

    title: str
    prose: str
    schema: Mapping[str, Any]


def no_problems(value: Mapping[str, Any], repair_names: Sequence[str]) -> list[Problem]:
    """The rules of a program whose schema says everything."""
    return []


def no_sections() -> list[Section]:
    """The sections of a program whose keys all stand in one table."""
    return []


@dataclass(frozen=True)
class Program:
    """A program that reads config/<name>.yml."""

    name: str
    schema: Callable[[], Mapping[str, Any]]
    problems: Callable[[Mapping[str, Any], Sequence[str]], list[Problem]] = no_problems
    """What is wrong in settings that fit the schema. Gets the names of the configured repairs. Pure."""
    sections: Callable[[], list[Section]] = no_sections
    """What the reference says after the table of the whole file: such as a section for each kind."""
