"""How sudoers writes one command with exactly these arguments, and nothing beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ansible.errors import AnsibleFilterError

_PROGRAM = re.compile(r"(/[A-Za-z0-9_@+][A-Za-z0-9._@+-]*)+")
# In sudoers an argument is a pattern: what means something there, and to sudoers' own grammar.
_PATTERN = frozenset("*?[]!^")
_GRAMMAR = frozenset(",:=# ")


class RightError(AnsibleFilterError):  # type: ignore[misc]
    """A command cannot be allowed in sudoers; the message says which and why."""


def sudoers_command(argv: Sequence[str]) -> str:
    """The command as sudoers writes it: this program, these arguments, no pattern.

    sudo compares arguments joined by blanks: a blank inside one is as good as one between two.
    Raises RightError for what is no absolute path, or cannot stand in a line.
    """
    program, *arguments = argv
    if not _PROGRAM.fullmatch(program) or program.endswith("/sudo"):
        raise RightError(f"{program!r} cannot be run by sudo: name a program by its absolute path")
    if not all(argument and argument.isprintable() for argument in arguments):
        raise RightError(
            f"an argument of {program} is empty or has a control character: sudo cannot be told of it exactly"
        )
    # Without arguments in the file any would do; the empty text stands for none.
    return " ".join([program, *map(_escaped, arguments)]) if arguments else f'{program} ""'


def _escaped(argument: str) -> str:
    return "".join(map(_character, argument))


def _character(character: str) -> str:
    if character == "\\":
        # Once for the grammar, once for the pattern.
        return "\\\\\\\\"
    return f"\\{character}" if character in _PATTERN or character in _GRAMMAR else character


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """By name."""
        return {"repair_programs_sudoers_command": sudoers_command}
