"""Text templates of named parts, filled in with string.Template: texts that need no Jinja2.

A line `--- name ---` in templates/<file> begins a part. What stands before the first part is a comment.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from string import Template

DIRECTORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates")
_PART = re.compile(r"^--- (\w+) ---\n", re.MULTILINE)


class TextTemplate:
    """The parts of one template file. It is read when the first part is filled in."""

    def __init__(self, file: str) -> None:
        self._file = file

    def fill_in(self, part: str, **values: object) -> str:
        """A part with its values, without its last newline. Raises KeyError if part or value is missing."""
        return _parts(self._file)[part].substitute(values)


@lru_cache
def _parts(file: str) -> dict[str, Template]:
    with open(os.path.join(DIRECTORY, file), encoding="utf-8") as opened:
        _comment, *pieces = _PART.split(opened.read())
    return {
        name: Template(text.removesuffix("\n")) for name, text in zip(pieces[::2], pieces[1::2], strict=True)
    }
