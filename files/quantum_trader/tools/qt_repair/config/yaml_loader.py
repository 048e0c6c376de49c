"""YAML for configuration files: PyYAML's safe loader, with stricter rules."""

from __future__ import annotations

import math
from typing import Any

import yaml

_DATE = "tag:yaml.org,2002:timestamp"


class Loader(yaml.SafeLoader):
    """Refuses duplicate keys, keys that are not text, and .nan and .inf, which pass every comparison with a
    limit. Reads dates as text: JSON has no dates."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """The mapping. Raises ConstructorError for a duplicate key and for one that is not text."""
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
        """The number. Raises ConstructorError for .nan, .inf and numbers that overflow."""
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
