"""One table of all hosts at the end of a playbook: how each is, and why it is not well."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from unicodedata import east_asian_width

from ansible.errors import AnsibleError
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: fleet
type: aggregate
short_description: One table of all hosts at the end of a playbook
description:
  - For more than one host, and always for verify.yml. Hosts that cannot be reached are in it, too.
  - Says what to do where a vault of the inventory cannot be opened.
"""

_DOCTOR = "Verify | Ask whether all is in place"
_CHAIN = "Verify | Ask whether the record is intact"
_REPAIRS = "Verify | Ask the repair programs"
_HEAD = re.compile(r"^Head: seq (\d+)", re.MULTILINE)
_LONGEST = 90
_VAULT = re.compile(r"(?i)decrypt")
_OPEN_THE_VAULT = (
    "a vault of this inventory cannot be opened: give its password with --ask-vault-pass or"
    " --vault-password-file (for make: in ARGS)"
)


@dataclass
class Host:
    """What was seen of one host."""

    name: str
    release: str = "-"
    changed: list[str] = field(default_factory=list)
    doctor: str = "-"
    chain: str = "-"
    repairs: str = "-"
    failed: str = ""
    """Why it is not well, or was not done: the first reason, in one line."""
    unreachable: bool = False

    @property
    def well(self) -> bool:
        return not self.failed and not self.unreachable

    def fail(self, why: str) -> None:
        """Keep the first reason."""
        self.failed = self.failed or one_line(why)

    def verified(self) -> tuple[str, ...]:
        """Its row after verify.yml."""
        drift = "none" if not self.changed else f"{len(self.changed)}"
        drift = drift if self.doctor != "-" or self.changed else "-"
        state = "✅ well" if self.well else "❌ down" if self.unreachable else "❌ not well"
        return (self.name, state, self.release, drift, self.doctor, self.chain, self.repairs, self._why())

    def done(self) -> tuple[str, ...]:
        """Its row after any other playbook."""
        state = "✅ done" if self.well else "❌ down" if self.unreachable else "❌ failed"
        return (self.name, state, str(len(self.changed)), self.failed)

    def _why(self) -> str:
        if self.unreachable or not self.changed:
            return self.failed
        return f"drift: {'; '.join(self.changed)}"[:_LONGEST]


def one_line(text: str) -> str:
    """The first line that says something, short enough for a table."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    line = next((line for line in lines if not line.endswith(" is not well")), lines[0] if lines else "")
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def table(rows: list[tuple[str, ...]]) -> list[str]:
    """Rows as aligned lines; the first is the heading."""
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def _width(text: str) -> int:
    """Columns that a terminal gives to a text: two to each sign such as ✅."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Watches the results go by, and prints the table when all is over."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "quantum_trader.audit.fleet"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._hosts: dict[str, Host] = {}
        self._verifies = False

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Which playbook it is."""
        self._verifies = str(getattr(playbook, "_file_name", "")).endswith("verify.yml")

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Ansible reads the variables of a host next, and says of a vault only that it cannot."""
        variables = play.get_variable_manager()
        try:
            for host in variables._inventory.get_hosts(play.hosts):
                variables.get_vars(play=play, host=host)
        except AnsibleError as error:
            if _VAULT.search(str(error)):
                self._display.error(_OPEN_THE_VAULT)

    def v2_runner_on_ok(self, result: Any) -> None:
        """What a task found, or changed."""
        host, task, found = self._seen(result)
        if found.get("changed") and result._task.action != "ansible.builtin.set_fact":
            host.changed += found.get("changes") or [task]
        if "release" in found and "previous" in found:
            host.release = found["previous" if self._verifies else "release"] or "-"
        if task == _DOCTOR:
            host.doctor = "ok" if found.get("rc") == 0 else "faults"
        elif task == _CHAIN:
            head = _HEAD.search(str(found.get("stdout", "")))
            host.chain = (
                f"{'whole' if found.get('rc') == 0 else 'FAULTS'}{f', seq {head[1]}' if head else ''}"
            )
        elif task == _REPAIRS:
            host.repairs = "ok" if found.get("rc") == 0 else "faults"

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Why a host is not well."""
        host, _, found = self._seen(result)
        if not ignore_errors:
            host.fail(str(found.get("msg") or found.get("stderr") or "failed"))

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """A host that is down, or lets nobody in."""
        host, _, found = self._seen(result)
        host.unreachable = True
        said = " ".join(str(found.get("msg", "")).split())
        host.fail(said.partition("reached over ssh: ")[2] or said)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """All is over."""
        hosts = [self._hosts[name] for name in sorted(self._hosts)]
        if not hosts or not (self._verifies or len(hosts) > 1):
            return
        heading = ("HOST", "STATE", "RELEASE", "DRIFT", "DOCTOR", "CHAIN", "REPAIRS", "WHY")
        rows = [host.verified() for host in hosts] if self._verifies else [host.done() for host in hosts]
        lines = table([heading if self._verifies else ("HOST", "STATE", "CHANGED", "WHY"), *rows])
        self._display.display("")
        for line, host in zip(lines, [None, *hosts], strict=True):
            self._display.display(line, color=None if host is None or host.well else "red")
        well = sum(host.well for host in hosts)
        word = "well" if self._verifies else "done"
        self._display.display(
            f"\n{well} of {len(hosts)} hosts: {word}", color="green" if well == len(hosts) else "red"
        )

    def _seen(self, result: Any) -> tuple[Host, str, dict[str, Any]]:
        name = result._host.get_name()
        task = str(result._task.get_name()).rpartition(" : ")[2]
        return self._hosts.setdefault(name, Host(name)), task, dict(result._result)
