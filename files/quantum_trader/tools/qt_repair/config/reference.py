"""The reference of a program's configuration, in Markdown, written from its JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from qt_repair.config.loading import DEFINES_REPAIRS
from qt_repair.config.program import Program
from qt_repair.config.schema import common_schema, kind_schema
from qt_repair.kinds import KINDS

_HEAD = "| Key | Type | Default | Meaning |\n| --- | --- | --- | --- |"


_INTRODUCTION = """\
# Reference of the repair programs' configuration

Every key of the three files in `config/`. Each program reads its own file, and over it the drop-ins
of `config/<program>.d/` in the order of their names: mappings are merged, lists and values replaced.
`check_config` tells whether it is right, `check_config --explain` where each value came from.

<!-- Written by `check_config --reference` from the schemas of tools/qt_repair; a test says so. -->
"""


def document(programs: Iterable[Program]) -> str:
    """The reference of these programs, as it is delivered."""
    return "\n".join([_INTRODUCTION, *map(reference, programs)])


def reference(program: Program) -> str:
    """Every key of a program's configuration: its type, its default, what it is for."""
    parts = [f"## config/{program.name}.yml", _table(program.schema())]
    if program.name == DEFINES_REPAIRS:
        common = common_schema()
        parts += ["### Every repair", _table(common)]
        for kind in KINDS:
            schema = kind_schema(kind)
            own = {key: sub for key, sub in schema["properties"].items() if key not in common["properties"]}
            parts += [
                f"### kind: {kind}",
                schema.get("description", ""),
                _table({**schema, "properties": own}),
            ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(schema: Mapping[str, Any]) -> str:
    return "\n".join([_HEAD, *_rows(schema, "")])


def _rows(schema: Mapping[str, Any], above: str) -> Iterator[str]:
    """A row a key, those below it indented by their path."""
    for key, sub in schema.get("properties", {}).items():
        path = f"{above}{key}"
        required = " (required)" if key in schema.get("required", ()) else ""
        yield f"| `{path}`{required} | {_type(sub)} | {_default(sub)} | {_cell(sub.get('description', ''))} |"
        yield from _rows(sub, f"{path}.")
        if isinstance(sub.get("items"), Mapping):
            yield from _rows(sub["items"], f"{path}[].")
        if isinstance(sub.get("additionalProperties"), Mapping):
            yield from _rows(sub["additionalProperties"], f"{path}.NAME.")


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " · ".join(f"`{value}`" for value in schema["enum"])
    kinds = schema.get("type", "any")
    names = kinds if isinstance(kinds, list) else [kinds]
    text = " or ".join(
        "mapping" if name == "object" else "list" if name == "array" else name for name in names
    )
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is not None and high is not None:
        return f"{text}, {low} to {high}"
    return text


def _default(schema: Mapping[str, Any]) -> str:
    return f"`{_cell(json.dumps(schema['default'], ensure_ascii=False))}`" if "default" in schema else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
