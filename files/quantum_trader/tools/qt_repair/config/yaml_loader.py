"""YAML as configuration needs it: PyYAML's safe loader, without what surprises people."""

from __future__ import annotations

import math
from typing import Any

import yaml

_DATE = "tag:yaml.org,2002:timestamp"


class Loader(yaml.SafeLoader):
    """Refuses a key that stands twice, or is no text, and numbers that are none (.nan) or have no end (.inf):
    they pass every bound. Reads dates as text: JSON has no form for them."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """The mapping. Raises ConstructorError for a key that is no text, or stands twice."""
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                problem = "a key must be a text: put it in quotes"
            elif key in seen:
                problem = f"the key {key!r} stands here twice"
            else:
                seen.add(key)
                continue
            raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
        return super().construct_mapping(node, deep)

    def construct_yaml_float(self, node: Any) -> float:
        """The number. Raises ConstructorError for .nan, .inf, and one too large to compute with."""
        value: float = super().construct_yaml_float(node)
        if not math.isfinite(value):
            problem = "must be a number that can be computed with"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return value


Loader.add_constructor("tag:yaml.org,2002:float", Loader.construct_yaml_float)

Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _DATE]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
