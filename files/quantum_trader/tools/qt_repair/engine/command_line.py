"""Probe everything that is configured, and repair what is unhealthy. Each step is recorded.

Without an option it probes each repair in the order of config/auto_repair_system.yml, and repairs what is
unhealthy, if the guard allows it (cooldown, attempts in an hour, freeze). A failure does not stop the next.

  --list      list the repairs and the guard's state of each
  --probe     probe, and repair nothing
  --dry-run   probe, and say what would be done
"""

from __future__ import annotations

import argparse
from typing import Any

from qt_audit.record.entry import escaped
from qt_audit.settings import loading as audit_settings
from qt_audit.terminal.output import coloured, explain, json_text, print_json
from qt_audit.terminal.streams import print_now, run_command_line
from qt_repair.config.check_command import add_parser, print_faults
from qt_repair.config.command_line import CHECK_CONFIG, DONE, NO, add_commands, check_config, program_parser
from qt_repair.config.loading import AUTO_REPAIR, AUTO_REPAIR_NAME, Config, ConfigError, load
from qt_repair.engine.actor import lock_holder
from qt_repair.engine.guard import GuardError, RepairState, attempts_text
from qt_repair.engine.runner import Engine, Result
from qt_repair.engine.stop import EXIT_STATUS, Stopped, stop_on_signals

_PROGRAM = f"{AUTO_REPAIR_NAME}.py"
_COLOURS = {"healthy": "green", "repaired": "green", "dry_run": "blue", "held": "yellow", "busy": "yellow"}
_SIGNS = {"healthy": "✅", "repaired": "🔧", "dry_run": "🔎", "held": "⏳", "busy": "⏳", "frozen": "🧊"}
_EPILOG = """\
exit status: 0 all is healthy or repaired · 1 something is unhealthy, held back or frozen
             2 wrong use or wrong settings

examples:
  auto_repair_system.py --dry-run
  auto_repair_system.py --only grafana quantum_database
  auto_repair_system.py --unfreeze grafana
  auto_repair_system.py check_config --explain
"""


def main(arguments: list[str]) -> int:
    """Run the command line; the exit status is the answer."""
    return run_command_line(_PROGRAM, lambda: _answer(arguments))


def _answer(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    if options.command == CHECK_CONFIG:
        return check_config(_PROGRAM, AUTO_REPAIR, options)
    try:
        return _run(load(AUTO_REPAIR, audit_settings.current().home), options)
    except ConfigError as error:
        return print_faults(_PROGRAM, error)
    except GuardError as error:
        explain(_PROGRAM, str(error))
        return NO
    except Stopped as error:
        explain(_PROGRAM, str(error))
        return EXIT_STATUS


def _parser() -> argparse.ArgumentParser:
    parser = program_parser(_PROGRAM, __doc__, _EPILOG)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="list the repairs and the guard's state of each")
    what.add_argument("--probe", action="store_true", help="probe everything, repair nothing")
    what.add_argument("--dry-run", action="store_true", help="say what would be done; repair nothing")
    what.add_argument(
        "--unfreeze",
        nargs="+",
        metavar="NAME",
        help="lift the freeze of these repairs and forget their failures",
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these repairs")
    parser.add_argument(
        "--force", action="store_true", help="repair even if a cooldown, a budget or a freeze forbids it"
    )
    parser.add_argument(
        "--trigger", metavar="WHAT", help="what asked for this run; stands in the details of the entries"
    )
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    add_parser(add_commands(parser), AUTO_REPAIR)
    return parser


def _run(config: Config, options: argparse.Namespace) -> int:
    if options.only and options.unfreeze:
        raise ConfigError("--unfreeze names the repairs itself; leave --only out")
    names = _names(config, options.only or options.unfreeze)
    if options.list:
        return _list(config, names, options.json)
    engine = Engine(
        config, AUTO_REPAIR_NAME, trigger=options.trigger, dry_run=options.dry_run, force=options.force
    )
    if options.unfreeze:
        return _unfreeze(engine, names, options.json)
    stop_on_signals("what it began may not have ended")
    results = []
    for name in names:
        result = engine.probe(name) if options.probe else engine.repair(name)
        results.append(result)
        if not options.json:
            _print(result)
    if options.json:
        answer = {"fine": all(result.fine for result in results), "results": [r.as_dict() for r in results]}
        print_now(json_text(answer))
    elif not results:
        print(f"Nothing is configured: name repairs in {config.home}/config/{AUTO_REPAIR_NAME}.yml")
    return DONE if all(result.fine for result in results) else NO


def _names(config: Config, asked: list[str] | None) -> list[str]:
    """The requested repairs in the configuration's order. Raises ConfigError if one does not exist."""
    known = list(config.repairs)
    for name in asked or ():
        if name not in known:
            there = "switched off (enabled: false)" if name in config.value["repairs"] else "not configured"
            raise ConfigError(f"{name} is {there}; there are: {', '.join(known) or 'none'}")
    return [name for name in known if not asked or name in asked]


def _print(result: Result) -> None:
    sign = _SIGNS.get(result.state, "❌")
    text = escaped(result.text)  # it may quote other programs
    print_now(coloured(f"{sign} {result.name}: {text}", _COLOURS.get(result.state, "red")))


def _unfreeze(engine: Engine, names: list[str], as_json: bool) -> int:
    was_frozen_by_name = {name: engine.unfreeze(name) for name in names}
    if as_json:
        print_json({"unfrozen": was_frozen_by_name})
        return DONE
    for name, was in was_frozen_by_name.items():
        print(f"✅ {name}: {'may be tried again' if was else 'was not frozen; its attempts are forgotten'}")
    return DONE


def _list(config: Config, names: list[str], as_json: bool) -> int:
    engine = Engine(config, AUTO_REPAIR_NAME)
    states = engine.guard.states()
    actor = lock_holder(config.home)
    if as_json:
        rows: list[dict[str, Any]] = [
            {
                "name": name,
                "kind": config.repairs[name]["kind"],
                "guard": states.get(name, RepairState()).as_dict(),
            }
            for name in names
        ]
        print_json({"repairs": rows, "acting": actor})
        return DONE
    width = max((len(name) for name in names), default=0)
    for name in names:
        state = states.get(name, RepairState())
        print(f"{name:<{width}}  {config.repairs[name]['kind']:<17}  {_guard_text(state)}")
    if actor:
        print(f"{actor.get('program')} (pid {actor.get('pid')}) repairs {actor.get('repair')} now")
    return DONE


def _guard_text(state: RepairState) -> str:
    if state.frozen_since is not None:
        return coloured(f"frozen: {escaped(state.frozen_because)}", "red")
    if state.unhelpful:
        return coloured(f"{attempts_text(state.unhelpful)} in a row did not help", "yellow")
    return (
        f"{attempts_text(len(state.attempts))} lately, which helped" if state.attempts else "not needed yet"
    )
