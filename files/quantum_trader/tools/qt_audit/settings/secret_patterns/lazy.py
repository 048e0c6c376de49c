"""Regular expressions that are compiled when they are used first: most programs never need most of them."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_METHODS = ("findall", "finditer", "fullmatch", "match", "search", "sub")


class _LazyPattern:
    """Has the methods of a pattern; the first use of one compiles it, and the others cost nothing more."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern

    def __getattr__(self, name: str) -> Any:
        if name not in _METHODS:
            raise AttributeError(name)
        compiled = re.compile(self.pattern)
        for method in _METHODS:
            self.__dict__[method] = getattr(compiled, method)
        return self.__dict__[name]


def lazy(pattern: str) -> re.Pattern[str]:
    """The pattern, not compiled yet. A wrong one raises at its first use."""
    return _LazyPattern(pattern)  # type: ignore[return-value]
