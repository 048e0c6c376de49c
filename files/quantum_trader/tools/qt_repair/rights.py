"""Was it sudo that refused? Then it cannot be told what is wrong, and the remedy lies in sudoers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from qt_repair.finding import RepairError
from qt_repair.process import SUDO, NotFoundError

REMEDY = "allow it in /etc/sudoers.d/quantum-trader, which the role repair_programs writes"


def refused(argv: Sequence[str], error: RepairError) -> bool:
    """Whether a program that was run as root failed because sudo did not run it."""
    if tuple(argv[: len(SUDO)]) != SUDO:
        return False
    return isinstance(error, NotFoundError) or said_no(error.output)


def said_no(output: str) -> bool:
    """Whether these are sudo's words, and not those of the program that it ran."""
    return re.search(r"(?m)^(?:sudo: |Sorry, user .* is not allowed to execute )", output) is not None


def explained(argv: Sequence[str]) -> str:
    """What is not allowed, and the remedy."""
    words = argv[len(SUDO) :] if tuple(argv[: len(SUDO)]) == SUDO else argv
    return f"sudo does not let this account run `{' '.join(words)}`: {REMEDY}"
