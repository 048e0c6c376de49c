"""The settings of a repair as its kind gets them: checked, and completed by the defaults."""

from __future__ import annotations

from typing import Any

from qt_repair import kinds
from qt_repair.config import schema as config_schema


def settings(kind: str, **keys: Any) -> dict[str, Any]:
    """The settings for a probe and a repair of this kind. Fails if the schema finds a fault."""
    value = {"kind": kind, **keys}
    schema = config_schema.kind_schema(kind)
    assert list(config_schema.violations(value, schema)) == []
    complete: dict[str, Any] = config_schema.with_defaults(value, schema)
    return complete


def faults(kind: str, **keys: Any) -> dict[str, str]:
    """Path -> fault, as the schema finds them or, if it finds none, the kind."""
    value, schema = {"kind": kind, **keys}, config_schema.kind_schema(kind)
    wrong = list(config_schema.violations(value, schema))
    if wrong:
        return {".".join(str(part) for part in path): text for path, text in wrong}
    return dict(kinds.problems(config_schema.with_defaults(value, schema)))
