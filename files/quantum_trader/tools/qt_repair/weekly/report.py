"""The report of a validation cycle: Markdown for people, and the same as JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from qt_audit.record.entry import escaped
from qt_repair.weekly.observation import limited_list
from qt_repair.weekly.outcome import Cycle
from qt_repair.weekly.phase_runner import COMPLETED, FAILED, PASSED, SKIPPED, PhaseResult
from qt_repair.weekly.phases import phase

_SIGNS = {PASSED: "✅", COMPLETED: "✅", FAILED: "❌", SKIPPED: "➖"}


def as_json(cycle: Cycle) -> str:
    """Everything, indented, ASCII."""
    return json.dumps(cycle.as_dict(), indent=2) + "\n"


def as_markdown(cycle: Cycle) -> str:
    """The verdict, then the phases, what failed, notes, and the record's head."""
    sections = [_heading(cycle), _table(cycle), *_failures(cycle), *_notes(cycle), _record(cycle)]
    return "\n\n".join(sections) + "\n"


def _heading(cycle: Cycle) -> str:
    began, ended = _moment(cycle.began), _moment(cycle.ended)
    sign, _, words = cycle.verdict.partition(" ")
    asked = "by schedule" if cycle.request.by_schedule else "by hand"
    lines = [
        f"# {sign} {_title(cycle)}: {words[:1].lower()}{words[1:]}",
        "",
        f"{began:%A}, {began:%Y-%m-%d}, {began:%H:%M:%S} to {ended:%H:%M:%S} UTC, started {asked}.",
        "",
        f"- Host: {_code(cycle.host)}",
        f"- Installation: {_code(cycle.home)}",
        f"- Release: {_code(cycle.release) if cycle.release else 'none (not deployed by releases)'}",
        f"- Run: {_code(cycle.request.run)}",
    ]
    if cycle.request.instead_of:
        lines.append(f"- Instead of run {_code(cycle.request.instead_of)}, which was interrupted")
    return "\n".join(lines)


def _title(cycle: Cycle) -> str:
    return f"Weekly self-heal {cycle.request.name.removeprefix('weekly-self-heal-')}"


def _table(cycle: Cycle) -> str:
    rows = [
        "| | Check | Result | Began (UTC) | Took | What was seen |",
        "| --- | --- | --- | --- | ---: | --- |",
    ]
    for result in cycle.results:
        took = "" if result.skipped else f"{result.duration_s:.1f} s"
        began = "" if result.skipped else f"{_moment(result.began):%H:%M:%S}"
        rows.append(
            f"| {_SIGNS[result.verdict]} | {result.title} | {result.verdict} | {began} | {took} |"
            f" {_cell(result.summary)} |"
        )
    return "\n".join(rows)


def _failures(cycle: Cycle) -> Iterator[str]:
    failed = [result for result in cycle.results if result.failed]
    if failed:
        yield "## What failed"
    for result in failed:
        lines = [f"### {result.title}", ""]
        lines += [f"- {_code(line)}" for line in limited_list(result.problems)]
        lines += ["", f"What to do: {phase(result.name).REMEDY}"]
        yield "\n".join(lines)


def _notes(cycle: Cycle) -> Iterator[str]:
    lines = [line for result in cycle.results for line in _notes_of(result)]
    if lines:
        yield "## Worth a look\n\n" + "\n".join(lines)


def _notes_of(result: PhaseResult) -> Iterator[str]:
    for repair in result.repairs:
        yield (
            f"- {result.title}: repair {_code(str(repair['repair']))} was called:"
            f" {_code(str(repair['text']))}; then checked once more"
        )
    for note in limited_list(result.notes):
        yield f"- {result.title}: {_code(note)}"


def _record(cycle: Cycle) -> str:
    lines = ["## The record", ""]
    if cycle.head is None:
        lines.append("The record could not be read when this was written.")
    else:
        seq, digest = cycle.head
        lines += [f"When the checks were over its head was entry {seq}:", "", f"    sha256 {digest}"]
    lines += [
        "",
        "Kept outside this host, these two numbers prove later that nothing before them was changed:",
        "`audit_logger.py verify --heads FILE` holds the record against every head in a text.",
        "The entries of this cycle:",
        "",
        f"    audit_logger.py query --since {cycle.began} --source weekly_self_heal",
        "    audit_logger.py verify",
    ]
    return "\n".join(lines)


def _moment(ts: str) -> datetime:
    return datetime.fromisoformat(ts.removesuffix("Z"))


def _code(text: str) -> str:
    """A text as inline code: Markdown shows it as it is."""
    return f"`{escaped(text).replace('`', chr(39))}`"


def _cell(text: str) -> str:
    """A text for a table cell, with Markdown's marks escaped."""
    plain = escaped(text)
    for mark in "\\`*_<>[]|":
        plain = plain.replace(mark, f"\\{mark}")
    return plain.replace("\\_", "_")
