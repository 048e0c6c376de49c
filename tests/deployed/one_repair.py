"""One repair on a real VPS, looked at and mended by the account qt with the rights that it names, no more."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

from plugins.filter.repair_programs_sudoers import sudoers_command
from qt_repair import kinds
from sandbox.machine import Machine
from sandbox.places import REPOSITORY
from tests.support.kind_settings import settings

# Far more than anything takes; a loaded machine is slow.
PATIENCE_S = 90.0
_TOOLS = REPOSITORY / "files/quantum_trader/tools"
_CHILD = """
import json, sys
sys.path.insert(0, "/opt/tools")
from qt_repair import kinds
from qt_repair.host import docker
from qt_repair.finding import Finding, ProbeError, RepairError

job = json.load(sys.stdin)
answer = {}
try:
    probe = kinds.probe_of(job["settings"], "/home/qt")
    repair = kinds.repair_of(job["settings"], "/home/qt", probe)
    found = Finding(False, "made up")
    for step in job["steps"]:
        if step == "look":
            found = probe.check(30)
            answer.update(healthy=found.healthy, summary=found.summary, found=dict(found.details))
        else:
            mended = repair.run(found, 60)
            answer.update(sentence=mended.sentence, details=dict(mended.details))
except ProbeError as error:
    answer["unknown"] = str(error)
except RepairError as error:
    answer.update(failed=str(error), output=error.output)
print(json.dumps(answer))
"""


class Repairs:
    """What the account qt of a bare VPS can see and mend."""

    def __init__(self, machine: Machine) -> None:
        """Bring the programs there; the VPS keeps them until it ends."""
        self.machine = machine
        copy = ["scp", "-q", "-r", "-F", str(machine.ssh_config), str(_TOOLS), f"{machine.name}:tools"]
        subprocess.run(copy, check=True, stdin=subprocess.DEVNULL)
        self.root("useradd --create-home qt; mv tools /opt/tools; chmod -R a+rX /opt/tools")

    def root(self, line: str, check: bool = True) -> str:
        """Run a shell line as root there; what it says."""
        done = self.machine.run(["sudo", "sh", "-c", f"( {line} ) 2>&1"], check=False)
        assert not check or done.returncode == 0, done.stdout
        return done.stdout

    def eventually(self, line: str) -> None:
        """Wait until a shell line of root's ends with 0."""
        deadline = time.monotonic() + PATIENCE_S
        while self.machine.run(["sudo", "sh", "-c", line], check=False).returncode != 0:
            assert time.monotonic() < deadline, f"it did not come about: {line}"
            time.sleep(0.2)

    def allow(self, argvs: list[list[str]]) -> None:
        """Let qt run exactly these as root, and nothing else."""
        rights = "".join(f"qt ALL=(root) NOPASSWD: {sudoers_command(argv)}\n" for argv in argvs)
        self.machine.run("sudo install -m 0440 /dev/stdin /etc/sudoers.d/quantum-trader", stdin=rights)
        self.root("visudo -c")

    def do(self, kind: str, *steps: str, allowed: bool = True, **keys: Any) -> dict[str, Any]:
        """Look and mend, in the order of `steps`, with the rights that the kind names."""
        value = settings(kind, **keys)
        self.allow(kinds.privileges(value) if allowed else [])
        argv = ["sudo", "-u", "qt", "python3", "-c", _CHILD]
        done = self.machine.run(argv, stdin=json.dumps({"settings": value, "steps": steps}), check=False)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def look(self, kind: str, **keys: Any) -> dict[str, Any]:
        return self.do(kind, "look", **keys)

    def mend(self, kind: str, **keys: Any) -> dict[str, Any]:
        return self.do(kind, "look", "mend", **keys)
