"""Was it sudo that refused? Then it cannot be told what is wrong, and the remedy lies in sudoers."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from qt_repair.finding import RepairError
from qt_repair.host.process import SUDO, NotFoundError

REMEDY = "allow it in /etc/sudoers.d/quantum-trader, which the role repair_programs writes"


def sudo_refused(argv: Sequence[str], error: RepairError) -> bool:
    """Whether a program that was run as root failed because sudo did not run it."""
    if tuple(argv[: len(SUDO)]) != SUDO:
        return False
    return isinstance(error, NotFoundError) or is_sudo_refusal(error.output)


def is_sudo_refusal(output: str) -> bool:
    """Whether sudo refused, in its own words. Pure.

    It also warns where it goes on: of a host name that it cannot look up, of a limit that it cannot set.
    """
    return re.search(r"(?m)^(?:sudo: (?!unable to resolve host|setrlimit)|Sorry, user )", output) is not None


def english_environment() -> dict[str, str]:
    """The environment in which programs speak as they are understood here: English."""
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def refusal_text(argv: Sequence[str]) -> str:
    """What is not allowed, and the remedy."""
    words = argv[len(SUDO) :] if tuple(argv[: len(SUDO)]) == SUDO else argv
    return f"sudo does not let this account run `{' '.join(words)}`: {REMEDY}"
