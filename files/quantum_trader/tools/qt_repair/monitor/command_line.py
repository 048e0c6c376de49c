"""Watch this host, and call repairs for what breaks. Each step is recorded.

Without an option it is the daemon. It checks the thresholds of config/realtime_monitor.yml in rounds, and
notices a dead container or a stalled disk at once. At a breach it runs the repairs that the threshold names
(those of config/auto_repair_system.yml). It records the breach, the end of the repair, and the recovery.

  --once      check everything once and print a table; records and repairs nothing
  --dry-run   run as the daemon, but only print what it would record and repair
  status      show what the daemon watches, the present state, and the last breach of each threshold
"""

from __future__ import annotations

import argparse
import subprocess
import time
from typing import Any

from qt_audit.record import place
from qt_audit.record.place import Place
from qt_audit.settings import loading as audit_settings
from qt_audit.terminal.output import coloured, explain, print_json
from qt_audit.terminal.streams import run_command_line
from qt_repair.config.check_command import add_parser
from qt_repair.config.command_line import (
    CHECK_CONFIG,
    DONE,
    NO,
    WRONG_USE,
    add_commands,
    check_config,
    program_parser,
)
from qt_repair.monitor.configuration import PROGRAM

_PROGRAM = "realtime_monitor.py"
_PATIENCE_S = 1.0
_EPILOG = """\
exit status: 0 nothing is in breach; the daemon was stopped by a signal
             1 something is in breach; no monitor runs (status); another one runs (without --keep-alive)
             2 wrong use or wrong settings
signals:     SIGHUP reads the configuration again; a wrong one is refused, and the old one stays in use
             SIGTERM and SIGINT stop it; a running repair records its end first

examples:
  realtime_monitor.py check_config --explain
  realtime_monitor.py --once
  realtime_monitor.py status --json | jq '.in_breach'
  * * * * * /usr/bin/python3 ~/quantum_trader/tools/realtime_monitor.py --keep-alive   (in a crontab)
"""


def main(arguments: list[str], face: str) -> int:
    """Run the command line; the exit status is the answer. `face` is the path by which it was called."""
    return run_command_line(_PROGRAM, lambda: _answer(arguments, face))


def _answer(arguments: list[str], face: str) -> int:
    options = _parser().parse_args(arguments)
    if options.command == CHECK_CONFIG:
        return check_config(_PROGRAM, PROGRAM, options)
    if options.command == "status":
        return _status(place.home(audit_settings.current()), options.json)
    from qt_repair.monitor.config_reload import config_argv, parsed_config

    asked = subprocess.run(config_argv(face), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    value = parsed_config(asked.returncode, asked.stdout)
    if value is None:  # check_config has printed why
        return WRONG_USE
    if options.once:
        return _once(value, face, options.json)
    return _daemon(value, face, options)


def _parser() -> argparse.ArgumentParser:
    parser = program_parser(_PROGRAM, __doc__, _EPILOG)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--once", action="store_true", help="check everything once; record and repair nothing")
    what.add_argument(
        "--dry-run", action="store_true", help="run, but only print what would be recorded and repaired"
    )
    what.add_argument(
        "--keep-alive", action="store_true", help="if a monitor runs already, end quietly with status 0"
    )
    parser.add_argument("--json", action="store_true", help="with --once: print the answer as JSON")
    commands = add_commands(parser)
    status = commands.add_parser(
        "status",
        help="show what the monitor watches, the present state, and the last breaches",
        description="Show the state of the monitor. Exit status 1: none runs, or something is in breach.",
        allow_abbrev=False,
    )
    status.add_argument("--json", action="store_true", help="print the answer as JSON")
    add_parser(commands, PROGRAM)
    return parser


def _daemon(value: dict[str, Any], face: str, options: argparse.Namespace) -> int:
    from qt_repair.monitor.daemon import Monitor
    from qt_repair.monitor.state.file import RunsAlreadyError, StateError, StateFile

    home = place.home(audit_settings.current())
    state_file = None
    if not options.dry_run:
        try:
            state_file = StateFile(home, 0.0 if options.keep_alive else _PATIENCE_S)
        except RunsAlreadyError as error:
            if options.keep_alive:
                return DONE
            explain(_PROGRAM, f"one runs already (pid {error}); `{_PROGRAM} status` shows how it is")
            return NO
        except StateError as error:
            explain(_PROGRAM, str(error))
            return NO
    return Monitor(home, face, value, state_file, _say).run()


def _say(text: str) -> None:
    explain(_PROGRAM, text)


def _once(value: dict[str, Any], face: str, as_json: bool) -> int:
    from qt_repair.monitor.once import poll_once
    from qt_repair.monitor.status import BREACH, COLOURS, limit, state_of_reading, table

    found = []
    for watched in poll_once(value, face):
        assert watched.reading is not None
        state = state_of_reading(watched.reading.level)
        found.append((state, watched.name, watched.reading.text, limit(watched.limit, watched.unit)))
    broken = [row for row in found if row[0] == BREACH]
    if as_json:
        keys = ("state", "name", "found", "limit")
        thresholds = [dict(zip(keys, row, strict=True)) for row in found]
        print_json({"in_breach": [row[1] for row in broken], "thresholds": thresholds})
    else:
        _print_table(table(found, ("STATE", "THRESHOLD", "NOW", "LIMIT")), [COLOURS[row[0]] for row in found])
    return NO if broken else DONE


def _status(home: Place, as_json: bool) -> int:
    from qt_repair.engine.guard import Guard, GuardError
    from qt_repair.monitor import status as status_view
    from qt_repair.monitor.state.file import StateError, read_state, running_pid

    try:
        state, guard = read_state(home), Guard(home.path, 1).states()
    except (StateError, GuardError) as error:
        explain(_PROGRAM, str(error))
        return NO
    status = status_view.status_data(state, running_pid(home), guard)
    if as_json:
        print_json(status)
    else:
        print(status_view.summary(status, time.time(), state.get("written"), state.get("started")))
        if status["docker_events"]:
            print(coloured(f"No events from Docker: {status['docker_events']}", "yellow"))
        found = status_view.rows(status)
        if found:
            _print_table(status_view.table(found), [status_view.COLOURS[row[0]] for row in found])
    return DONE if status["running"] and not status["in_breach"] else NO


def _print_table(lines: list[str], colours: list[str]) -> None:
    for line, colour in zip(lines, ["bold", *colours], strict=True):
        print(coloured(line, colour))
