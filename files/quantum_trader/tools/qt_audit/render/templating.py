"""Fill in a template. Every value is escaped, whatever it is.

Jinja2 is imported only when a page is made.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from qt_audit.record.entry import escaped
from qt_audit.render import words
from qt_audit.render.text_template import DIRECTORY

if TYPE_CHECKING:
    from jinja2 import Environment

_REMEDY = "apt install python3-jinja2"


class RenderError(Exception):
    """A page cannot be made. The message is one line that says why."""


def fill_in(name: str, **values: Any) -> str:
    """A template filled in with values. Raises RenderError for every fault."""
    try:
        text: str = _environment().get_template(name).render(values)
    except ModuleNotFoundError as error:
        remedy = f"; {_REMEDY}" if error.name == "jinja2" else ""
        raise RenderError(f"no page was made: the Python module {error.name} is missing{remedy}") from None
    except Exception as error:  # a fault of a template must not stop the caller
        line = getattr(error, "lineno", None)
        where = f", line {line}" if line else ""
        says = escaped(str(error).partition("\n")[0])[:200]
        raise RenderError(
            f"no page was made: template {name}{where}: {type(error).__name__}: {says}"
        ) from None
    return text


@lru_cache(maxsize=1)
def style() -> str:
    """The pages' style sheet. Raises RenderError."""
    try:
        with open(os.path.join(DIRECTORY, "style.css"), encoding="utf-8") as file:
            return file.read().strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise RenderError(f"no page was made: style.css: {why}") from None


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(DIRECTORY),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_escape_text,
        auto_reload=False,
    )
    environment.filters.update(
        duration=words.duration,
        percent=words.percent,
        clipped=words.clipped,
        moment=words.moment,
        number="{:,}".format,
    )
    return environment


def _escape_text(value: Any) -> Any:
    """Escape control, format and right-to-left characters of every inserted text."""
    return escaped(value) if type(value) is str else value
