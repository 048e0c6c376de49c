"""Validate the whole system once a week: five checks, each recorded, then a report with the verdict.

  AI Agent validation      the model loads, has its features and predicts; the agent answers
  Module integrity check   watched Python trees compile, import, and are as they were last accepted
  Docker health check      the expected containers run and are healthy
  Smoke tests              commands succeed, addresses answer
  Audit trail check        the record is whole, the installation is in order

Without an option it runs all checks now. A run of all checks counts as the week's, if the week has none yet.
Reports are in status/reports/: the week's is weekly-self-heal-2026-W48.md, the others bear date and time.

--due is for the schedule, which calls it several times an hour. It runs the week's checks once, as soon as
the scheduled time (UTC) has passed: also after a night switched off, and again if the last run was killed.
Otherwise it does nothing and prints nothing. Its ledger is status/repair/weekly.json.

--accept makes the present state of the watched modules the state that later checks compare with. Use it
after a change of modules that you meant. The first check accepts the first state by itself, and records it.
--accept-release does the same for the installed release alone; each deploy calls it.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence

from qt_audit.record.entry import now
from qt_audit.record.warning import reason
from qt_audit.recorder import AuditError
from qt_audit.settings import loading as audit_settings
from qt_audit.terminal.output import explain, print_json
from qt_audit.terminal.streams import run_command_line
from qt_repair.config.check_command import add_parser, print_faults
from qt_repair.config.command_line import (
    CHECK_CONFIG,
    DONE,
    NO,
    WRONG_USE,
    add_commands,
    check_config,
    program_parser,
)
from qt_repair.config.loading import Config, ConfigError, load
from qt_repair.engine.stop import EXIT_STATUS, Stopped, stop_on_signals
from qt_repair.weekly import ledger
from qt_repair.weekly.configuration import PROGRAM
from qt_repair.weekly.cycle import run_cycle
from qt_repair.weekly.cycle_lock import AnotherRunsError, CycleLock, read_ledger, record_not_run
from qt_repair.weekly.ledger import Running
from qt_repair.weekly.module_tree.manifest import SOURCE, Manifest
from qt_repair.weekly.observation import PhaseError
from qt_repair.weekly.outcome import CycleRequest
from qt_repair.weekly.output import plan, print_accepted, print_conclusion, print_phase, print_plan
from qt_repair.weekly.phases import PHASES
from qt_repair.weekly.phases.module_integrity import MISSING, accept_present, accept_release

Clock = Callable[[], str]
"""The present time, as entries write times."""
_PROGRAM = f"{SOURCE}.py"
_EPILOG = """\
exit status: 0 all passed, completed or skipped · 1 something failed · 2 wrong use or wrong settings

examples:
  weekly_self_heal.py                             run all checks now
  weekly_self_heal.py --dry-run                   show what would be checked, and when it is due
  weekly_self_heal.py --phase smoke_tests audit_trail
  weekly_self_heal.py --repair                    let failed checks call their repairs, and check again
  weekly_self_heal.py --accept                    after a change of modules that you meant
  weekly_self_heal.py check_config --explain      show each setting and the file that it came from

Settings: config/weekly_self_heal.yml and, over it, weekly_self_heal.d/*.yml.
"""


def main(arguments: list[str], clock: Clock = now) -> int:
    """Run the command line; the exit status is the answer. `clock` is the time by which --due decides."""
    return run_command_line(_PROGRAM, lambda: _answer(arguments, clock))


def _answer(arguments: list[str], clock: Clock) -> int:
    options = _parser().parse_args(arguments)
    if options.command == CHECK_CONFIG:
        return check_config(_PROGRAM, PROGRAM, options)
    home = audit_settings.current().home
    try:
        return _run(load(PROGRAM, home), options, clock)
    except ConfigError as error:
        _record_if_overdue(home, options, clock(), error)
        return print_faults(_PROGRAM, error)
    except (AuditError, PhaseError) as error:
        explain(_PROGRAM, str(error))
        return NO
    except Stopped as error:
        explain(_PROGRAM, str(error))
        return EXIT_STATUS


def _parser() -> argparse.ArgumentParser:
    parser = program_parser(_PROGRAM, __doc__, _EPILOG)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--due", action="store_true", help="run only if the week's checks are still to be done")
    mode.add_argument(
        "--dry-run", action="store_true", help="show what would be checked; check and record nothing"
    )
    mode.add_argument("--accept", action="store_true", help="accept the watched modules as they are now")
    mode.add_argument(
        "--accept-release",
        action="store_true",
        help="accept those of the installed release (below current/) as they are now",
    )
    parser.add_argument(
        "--phase",
        nargs="+",
        choices=list(PHASES),
        metavar="NAME",
        help=f"run only these checks: {', '.join(PHASES)}",
    )
    parser.add_argument(
        "--repair", action="store_true", help="let a failed check call its repairs, then check once more"
    )
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    add_parser(add_commands(parser), PROGRAM)
    return parser


def _run(config: Config, options: argparse.Namespace, clock: Clock) -> int:
    if options.due and options.phase:
        explain(_PROGRAM, "--due runs all phases; leave --phase out")
        return WRONG_USE
    schedule = config.value["schedule"]
    slot = ledger.slot_at(clock(), schedule["day"], schedule["time"])
    names = tuple(name for name in PHASES if not options.phase or name in options.phase)
    if options.dry_run:
        planned = plan(config, names, slot, read_ledger(config.home))
        (print_json if options.json else print_plan)(planned)
        return DONE
    if options.accept:
        return _accept(config, options.json)
    if options.accept_release:
        return _accept_release(config, options.json)
    stop_on_signals("the next `--due` begins anew")
    try:
        with CycleLock(config.home, slot, lambda line: explain(_PROGRAM, line)) as lock:
            return _run_cycle(config, options, lock, slot, names)
    except AnotherRunsError as error:
        if options.due:  # the other one does it
            return DONE
        explain(_PROGRAM, str(error))
        return NO
    except OSError as error:
        return _ledger_unusable(config, options, slot, error)


def _run_cycle(
    config: Config, options: argparse.Namespace, lock: CycleLock, slot: str, names: tuple[str, ...]
) -> int:
    """Run the requested phases while the lock is held; the exit status."""
    interrupted = lock.close_interrupted_cycle()
    due = lock.ledger.due(slot)
    if options.due and not due:
        return DONE
    attempts = interrupted.attempts_for(slot) if interrupted is not None else 0
    if options.due and attempts >= ledger.MOST_ATTEMPTS:
        times = lock.give_up(slot)
        explain(_PROGRAM, f"given up: {times}; find out what kills it, then run it by hand")
        return NO
    counts_as_weekly = due and len(names) == len(PHASES)
    began, run = now(), os.urandom(8).hex()
    timestamp = f"{began[:10]}T{began[11:19].replace(':', '')}Z-{run[:4]}"
    request = CycleRequest(
        run=run,
        name=f"{ledger.REPORT}{ledger.week_of(slot) if counts_as_weekly else timestamp}",
        phases=names,
        slot=slot if counts_as_weekly else None,
        by_schedule=options.due,
        repair=options.repair,
        instead_of=interrupted.run if interrupted is not None and counts_as_weekly else None,
    )
    lock.save(
        lock.ledger.with_running(Running(run, began, request.slot, attempts + 1 if counts_as_weekly else 1))
    )
    try:
        outcome = run_cycle(config, request, lambda result: None if options.json else print_phase(result))
    except AuditError:
        lock.save(lock.ledger.without_running(None))
        raise
    lock.save(lock.ledger.without_running(request.slot))
    print_conclusion(outcome, options.json)
    if outcome.report is None:
        explain(_PROGRAM, f"the report cannot be written: {outcome.problem}")
    return DONE if outcome.well else NO


def _ledger_unusable(config: Config, options: argparse.Namespace, slot: str, error: OSError) -> int:
    """The ledger or its lock cannot be used: check nothing, and record that, if possible."""
    known = read_ledger(config.home)
    if options.due and known is not None and known.running is None and not known.due(slot):
        return DONE
    why = reason(error)
    record_not_run(config.home, why)
    explain(_PROGRAM, f"{why}; nothing was checked")
    return NO


def _record_if_overdue(home: str, options: argparse.Namespace, at: str, error: ConfigError) -> None:
    """Wrong settings must not stop the weekly validation unnoticed: once it is overdue, record that."""
    known = read_ledger(home)
    if options.due and known is not None and ledger.next_slot(known.done) <= at:
        record_not_run(home, error.lines[0])


def _accept(config: Config, as_json: bool) -> int:
    settings = config.value["phases"]["module_integrity"]
    if not settings["trees"]:
        raise ConfigError(f"there is nothing to accept; {MISSING}")
    return _print_accepted(*accept_present(settings, config.home), as_json)


def _accept_release(config: Config, as_json: bool) -> int:
    accepted_release = accept_release(config.value["phases"]["module_integrity"], config.home)
    if accepted_release is not None:
        return _print_accepted(*accepted_release, as_json)
    if as_json:
        print_json({"changes": []})
    else:
        print("Nothing to take: no tree of the release differs from what was accepted")
    return DONE


def _print_accepted(manifest: Manifest, changes: Sequence[str], as_json: bool) -> int:
    if as_json:
        print_json({"manifest_sha256": manifest.digest, "trees": sorted(manifest.trees), "changes": changes})
    else:
        print_accepted(manifest, changes)
    return DONE
