"""The outcome of one check, as data: its name, its state, and one line that says what to do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from qt_audit.recorder import user_name

OK, WARN, WRONG = "ok", "warn", "wrong"


@dataclass(frozen=True)
class Check:
    """One thing that was checked. `state` is OK, WARN or WRONG."""

    name: str
    state: str
    text: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


CheckFunction = Callable[[], Iterator[Check]]


def run_check(name: str, function: CheckFunction) -> list[Check]:
    """The outcomes of one check; an OSError or a ValueError that stops it is an outcome, too."""
    try:
        return list(function())
    except PermissionError as error:
        where = f"{error.filename} " if error.filename else ""
        text = f"{where}cannot be read as {user_name(os.geteuid())}: run this as the owner or as root"
        return [Check(name, WRONG, text)]
    except (OSError, ValueError) as error:
        return [Check(name, WRONG, f"cannot be looked at: {getattr(error, 'strerror', None) or error}")]


def run_each(functions: dict[str, CheckFunction]) -> list[Check]:
    """The outcomes of several checks, by their names, in their order."""
    return [check for name, function in functions.items() for check in run_check(name, function)]
