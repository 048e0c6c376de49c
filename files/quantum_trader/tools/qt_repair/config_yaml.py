"""YAML as configuration needs it: PyYAML's safe loader, without what surprises people."""

from __future__ import annotations

from typing import Any

import yaml

_DATE = "tag:yaml.org,2002:timestamp"


class Loader(yaml.SafeLoader):
    """Refuses a key that stands twice, or is no text. Reads dates as text: JSON has no form for them."""

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


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _DATE]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
