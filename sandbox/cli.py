"""The command line: `python -m sandbox base|up|down|shell|list`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from sandbox import base, life, places, ssh
from sandbox.errors import SandboxError
from sandbox.machine import Machine
from sandbox.process import require_root_and_programs

_DESCRIPTION = "Throw-away Debian systems on this machine, each as real as a rented VPS."
_EPILOG = """\
A machine boots with systemd, sshd, cron, logrotate, sudo, PostgreSQL and Docker, and with what a provider
gives: the user `admin` with passwordless sudo and an SSH key. Keys and addresses lie in .sandbox/NAME:

  python -m sandbox up                          boot `vps` (the first time builds the base)
  ssh -F .sandbox/vps/ssh_config vps            log in; scp, rsync and Ansible take the same file
  python -m sandbox shell --user qt -- ls -l    run one command there
  python -m sandbox up db1 --suite trixie       a second one, beside it
  python -m sandbox down --all                  end them all and remove their disks

A machine that was powered off, or that a reboot of this machine ended, starts with its disk as it was.
Bases and disks lie in /var/cache/quantum-trader-sandbox, or where QT_SANDBOX_CACHE says.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 it did not work, 2 wrong use; `shell` has its command's."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    # What comes after `--` is a command for the machine, also where no name stands before it.
    cut = words.index("--") if "--" in words else len(words)
    options = _parser().parse_args(words[:cut])
    options.remote = words[cut + 1 :]
    # An end by SIGTERM cleans up as one by Ctrl-C does.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return int(options.run(options))
    except SandboxError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    except PermissionError as error:
        print(f"sandbox: no permission for {error.filename}: run the same command with sudo", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"sandbox: {error.filename or 'this machine'}: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("sandbox: interrupted; nothing half-made is left", file=sys.stderr)
        return 130


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "sandbox",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    command = commands.add_parser(
        "base", help="build the Debian tree that machines start from, if it is missing"
    )
    command.add_argument("--suite", choices=base.SUITES, default="bookworm")
    command.set_defaults(run=_base)

    command = commands.add_parser("up", help="boot a machine; says so if it runs already")
    command.add_argument("name", nargs="?", default="vps", metavar="NAME")
    command.add_argument("--suite", choices=base.SUITES, help="Debian release (default: bookworm)")
    command.set_defaults(run=_up)

    command = commands.add_parser("down", help="end a machine and remove its disk")
    command.add_argument("name", nargs="?", metavar="NAME", help="default: vps")
    command.add_argument("--all", action="store_true", help="every machine of this clone")
    command.set_defaults(run=_down)

    usage = "sandbox shell [NAME] [--user USER] [-- COMMAND]"
    command = commands.add_parser("shell", help="log in, or run a command there", usage=usage)
    command.add_argument("name", nargs="?", default="vps", metavar="NAME")
    command.add_argument("--user", default="admin", help="admin (default), or qt once it is deployed")
    command.set_defaults(run=_shell)

    command = commands.add_parser("list", help="the machines of this clone")
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=_list)
    return parser


def _base(options: argparse.Namespace) -> int:
    require_root_and_programs()
    print(base.ensure(options.suite, base.say))
    return 0


def _up(options: argparse.Namespace) -> int:
    machine = Machine(options.name)
    if not machine.up(options.suite):
        base.say(f"{machine.name} runs already, at {machine.address}")
    return 0


def _down(options: argparse.Namespace) -> int:
    if options.all and options.name:
        raise SandboxError("give a name or --all, not both")
    machines = _machines() if options.all else [Machine(options.name or "vps")]
    if options.all and os.geteuid() == 0:
        life.remove_abandoned()  # nobody's any more, so whoever clears up may do it
    for machine in machines:
        gone = machine.down()
        base.say(f"{machine.name} is gone" if gone else f"there is no machine {machine.name}")
    if not machines:
        base.say("this clone has no machines")
    return 0


def _shell(options: argparse.Namespace) -> int:
    machine = Machine(options.name)
    if not machine.ssh_config.exists() or (os.geteuid() == 0 and not machine.is_running()):
        up = f"python3 -m sandbox up {machine.name}"
        raise SandboxError(f"{machine.name} does not run: start it with `make sandbox-up` ({up})")
    # One word is a shell line, as with ssh; several are a program and its arguments.
    words = options.remote[0] if len(options.remote) == 1 else options.remote
    argv = ssh.command(machine.ssh_config, machine.name, options.user, words)
    os.execvp(argv[0], argv)  # noqa: S606 - no shell is wanted


def _list(options: argparse.Namespace) -> int:
    require_root_and_programs()
    rows = []
    for machine in _machines():
        facts = machine.facts()
        running = machine.is_running()
        rows.append({
            "name": machine.name, "suite": facts.get("suite"), "running": running,
            "address": facts.get("address") if running else None, "ssh_config": str(machine.ssh_config),
        })  # fmt: skip
    if options.json:
        print(json.dumps(rows, indent=2))
    for row in [] if options.json else rows:
        print(f"{row['name']:<16}{row['suite']:<12}{row['address'] or 'off'}")
    return 0


def _machines() -> list[Machine]:
    root = places.REPOSITORY / ".sandbox"
    return [Machine(path.parent.name) for path in sorted(root.glob("*/machine.json"))]
