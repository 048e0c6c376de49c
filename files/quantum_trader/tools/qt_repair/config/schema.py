"""Check a value against a JSON Schema, name its faults in plain words, and fill in defaults."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from qt_repair import kinds
from qt_repair.config.files import import_package
from qt_repair.config.program import Section

_TYPES = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "empty",
}

Fault = tuple[tuple[str | int, ...], str]
"""The path of a fault, and what to change."""


@cache
def auto_repair_schema() -> Mapping[str, Any]:
    """The schema of config/auto_repair_system.yml. A repair's kind must be one of KINDS."""
    schema = read_schema(__file__, "auto_repair_system.json")
    schema["properties"]["repairs"]["additionalProperties"]["properties"]["kind"]["enum"] = list(kinds.KINDS)
    return schema


@cache
def common_schema() -> Mapping[str, Any]:
    """The schema of the keys that every repair has, whatever its kind."""
    return read_schema(kinds.__file__, "common_schema.json")


@cache
def kind_schema(kind: str) -> Mapping[str, Any]:
    """The schema of a repair of this kind: the keys of all kinds and its own."""
    common, own = common_schema(), read_schema(kinds.__file__, kind, "schema.json")
    return {
        **own,
        "type": "object",
        "properties": {**common["properties"], **own["properties"]},
        "required": [*common["required"], *own.get("required", [])],
        "additionalProperties": False,
    }


def repair_sections() -> list[Section]:
    """The reference of auto_repair_system.yml: the keys of every repair, then a section for each kind."""
    common = common_schema()
    sections = [Section("Every repair", "", common)]
    for kind in kinds.KINDS:
        prose = read_prose(kinds.__file__, kind)
        sections.append(Section(f"kind: {kind}", prose, own_keys(kind_schema(kind), common)))
    return sections


def own_keys(schema: Mapping[str, Any], common: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema without the keys that are exactly as in `common`: what a kind says otherwise stays."""
    shared = common["properties"]
    return {
        **schema,
        "properties": {key: sub for key, sub in schema["properties"].items() if sub != shared.get(key)},
    }


def read_schema(package: str, *path: str) -> dict[str, Any]:
    """A schema by its path beside a package's `__file__`."""
    schema: dict[str, Any] = json.loads(_read(package, *path), object_hook=_strict)
    return schema


def read_prose(package: str, kind: str) -> str:
    """The reference.md of a kind, below a package's `__file__`. Empty if there is none: a test says so."""
    try:
        return _read(package, kind, "reference.md").strip()
    except FileNotFoundError:
        return ""


def _read(package: str, *path: str) -> str:
    with open(os.path.join(os.path.dirname(os.path.abspath(package)), *path), encoding="utf-8") as file:
        return file.read()


def _strict(part: dict[str, Any]) -> dict[str, Any]:
    """In JSON Schema `$` means the end of the text; in Python it also matches before a final newline."""
    pattern = part.get("pattern")
    if isinstance(pattern, str) and pattern.endswith("$"):
        part["pattern"] = pattern[:-1] + r"\Z"
    return part


def violations(value: Any, schema: Mapping[str, Any]) -> Iterator[Fault]:
    """The faults of the value, in the order of their paths. They quote no text of the value."""
    jsonschema = import_package("jsonschema")
    errors = jsonschema.Draft202012Validator(schema).iter_errors(value)
    for error in sorted(errors, key=lambda error: [str(part) for part in error.absolute_path]):
        yield from _faults(error)


def _faults(error: Any) -> Iterator[Fault]:
    path = tuple(error.absolute_path)
    rule, allowed = error.validator, error.validator_value
    if rule == "additionalProperties":
        for key in error.instance:
            if key not in error.schema.get("properties", {}):
                yield (*path, key), f"unknown key{_suggestion(key, error.schema.get('properties', {}))}"
    elif rule == "required":
        missing = [key for key in allowed if key not in error.instance]
        # jsonschema reports each missing key separately; its message begins with the key.
        yield path, f"needs the key {next(key for key in missing if error.message.startswith(repr(key)))}"
    elif rule in ("oneOf", "anyOf") and "description" in error.schema:
        yield path, _lower_first(error.schema["description"])
    else:
        yield path, _rule_text(rule, allowed, error)


def _suggestion(key: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(key, known, 1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known are {', '.join(sorted(known))}" if known else ""


def _rule_text(rule: str, allowed: Any, error: Any) -> str:
    """A broken rule in plain words."""
    if rule == "type":
        names = allowed if isinstance(allowed, list) else [allowed]
        return f"must be {' or '.join(_TYPES[name] for name in names)}"
    if rule == "enum":
        return f"must be one of {', '.join(str(item) for item in allowed)}"
    bounds = {
        "const": f"must be {allowed}",
        "minimum": f"must be at least {allowed}",
        "maximum": f"must be at most {allowed}",
        "exclusiveMinimum": f"must be more than {allowed}",
        "exclusiveMaximum": f"must be less than {allowed}",
        "minLength": "must not be empty" if allowed == 1 else f"must have at least {allowed} characters",
        "maxLength": f"must have at most {allowed} characters",
        "minItems": "must not be empty" if allowed == 1 else f"must have at least {allowed} items",
        "maxItems": f"must have at most {allowed} items",
        "minProperties": "must not be empty" if allowed == 1 else f"must have at least {allowed} keys",
        "maxProperties": f"must have at most {allowed} keys" if allowed != 1 else "must have one key",
        "uniqueItems": "must not hold the same twice",
        "dependentRequired": "lacks a key that another one needs",
    }
    if rule in bounds:
        return bounds[rule]
    if rule in ("oneOf", "anyOf"):
        return (
            f"must be exactly one of: {_alternatives(allowed)}" if rule == "oneOf" else "fits no known form"
        )
    describes = error.schema.get("description")
    return f"must be {_lower_first(describes)}" if describes else f"breaks the rule {rule}"


def _alternatives(schemas: Any) -> str:
    named = [" and ".join(schema.get("required", [])) or schema.get("title", "…") for schema in schemas]
    return ", ".join(named)


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".")


def with_defaults(value: Any, schema: Mapping[str, Any]) -> Any:
    """The value, completed by the defaults of the schema at every level."""
    if isinstance(value, Mapping):
        known = schema.get("properties", {})
        rest = schema.get("additionalProperties")
        result = {
            key: with_defaults(item, known.get(key, rest if isinstance(rest, Mapping) else {}))
            for key, item in value.items()
        }
        for key, sub in known.items():
            if key not in result and "default" in sub:
                result[key] = with_defaults(sub["default"], sub)
        return result
    if isinstance(value, list):
        items = schema.get("items", {})
        return [with_defaults(item, items) for item in value]
    return value
