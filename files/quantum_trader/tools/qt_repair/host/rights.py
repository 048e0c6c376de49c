"""Tell whether sudo refused to run a command, and explain what to allow in sudoers."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from qt_repair.finding import RepairError
from qt_repair.host.process import SUDO, NotFoundError

REMEDY = "allow it in /etc/sudoers.d/quantum-trader, which the role repair_programs writes"


def sudo_refused(argv: Sequence[str], error: RepairError) -> bool:
    """Whether a command failed because sudo refused to run it."""
    if tuple(argv[: len(SUDO)]) != SUDO:
        return False
    return isinstance(error, NotFoundError) or is_sudo_refusal(error.output)


def is_sudo_refusal(output: str) -> bool:
    """Whether sudo's output says that it refused. Pure.

    sudo also prints warnings and continues: about an unknown host name, or a limit that it cannot set.
    """
    return re.search(r"(?m)^(?:sudo: (?!unable to resolve host|setrlimit)|Sorry, user )", output) is not None


def english_environment() -> dict[str, str]:
    """An environment in which programs print English messages, which the parsers here expect."""
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def refusal_text(argv: Sequence[str]) -> str:
    """Which command sudo refused, and the remedy."""
    words = argv[len(SUDO) :] if tuple(argv[: len(SUDO)]) == SUDO else argv
    return f"sudo does not let this account run `{' '.join(words)}`: {REMEDY}"
