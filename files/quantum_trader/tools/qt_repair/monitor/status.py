"""What the monitor watches, as people and programs read it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qt_audit.record.entry import escaped
from qt_repair.engine.guard import State
from qt_repair.monitor.event_loop.clock import spoken, written
from qt_repair.monitor.thresholds import BAD, BREACHED, PENDING, UNKNOWN

OK, SOON, BREACH, UNSURE, NEW, FLAPPING = "ok", "soon", "BREACH", "unknown", "new", "flapping"
COLOURS = {OK: "green", SOON: "yellow", BREACH: "red", UNSURE: "yellow", NEW: "grey", FLAPPING: "yellow"}
_HEAD = ("STATE", "THRESHOLD", "NOW", "LIMIT", "SINCE", "LAST BREACH", "REPAIRS")
_WIDEST = 72

Row = tuple[str, ...]


def state_of(kept: Mapping[str, Any]) -> str:
    """In one word, how a threshold is."""
    if kept["phase"] == BREACHED:
        return BREACH
    if kept["flaps"]["since"] is not None:
        return FLAPPING
    if kept["reading"] is None:
        return NEW
    if kept["reading"]["level"] == UNKNOWN:
        return UNSURE
    return SOON if kept["phase"] == PENDING else OK


def looked_once(level: str) -> str:
    """The same of a single look, whatever time it must last."""
    return {BAD: BREACH, UNKNOWN: UNSURE}.get(level, OK)


def answer(state: Mapping[str, Any], pid: int | None, guard: Mapping[str, State]) -> dict[str, Any]:
    """The whole status as plain data, times as RFC 3339."""
    thresholds = [_plain(kept, guard) for kept in state.get("thresholds", [])]
    return {
        "running": pid is not None,
        "pid": pid,
        "started": _when(state.get("started")) if pid is not None else None,
        "written": _when(state.get("written")),
        "round": state.get("round"),
        "docker_events": state.get("trouble") or None,
        "in_breach": [row["name"] for row in thresholds if row["state"] == BREACH],
        "thresholds": thresholds,
    }


def _plain(kept: Mapping[str, Any], guard: Mapping[str, State]) -> dict[str, Any]:
    reading, incident, last = kept["reading"] or {}, kept["incident"], kept["last"]
    return {
        "name": kept["name"],
        "kind": kept["kind"],
        "state": state_of(kept),
        "value": reading.get("value"),
        "found": reading.get("text"),
        "looked": _when(kept["read_at"]),
        "level": kept["level"],
        "unit": kept["unit"],
        "hold_s": kept["hold"],
        "since": _when(kept["since"]),
        "run": incident["run"] if incident else None,
        "repairing": incident["acting"] if incident else "",
        "changes": kept["flaps"]["counted"] if kept["flaps"]["since"] is not None else 0,
        "last_breach": None
        if last is None
        else {"since": _when(last["since"]), "until": _when(last["until"]), "found": last["text"]},
        "repairs": {name: _guarded(guard.get(name, State())) for name in kept["repairs"]},
    }


def _guarded(state: State) -> str:
    """What the guard says of a repair, in a few words."""
    if state.frozen_since is not None:
        return f"frozen: {state.frozen_because}"
    if state.unhelpful:
        return f"{state.unhelpful} attempts in a row did not help"
    return "ready"


def _when(wall: float | None) -> str | None:
    return None if wall is None else written(wall)


def rows(status: Mapping[str, Any]) -> list[Row]:
    """The table for people, without its head."""
    return [
        (
            item["state"],
            item["name"],
            f"repairing: {item['found']}" if item["repairing"] == "running" else item["found"] or "",
            limit(item["level"], item["unit"]),
            (item["since"] or "")[:19].replace("T", " "),
            _last(item["last_breach"]),
            ", ".join(
                name if says == "ready" else f"{name} ({says})" for name, says in item["repairs"].items()
            ),
        )
        for item in status["thresholds"]
    ]


def limit(level: float | str, unit: str) -> str:
    """What a value is held against, with its unit."""
    return f"{level:g} {unit}" if isinstance(level, (int, float)) else level


def _last(breach: Mapping[str, Any] | None) -> str:
    if breach is None:
        return "none"
    begin = breach["since"][:19].replace("T", " ")
    return f"{begin}, not over" if breach["until"] is None else f"{begin} to {breach['until'][11:19]}"


def _fitting(cell: str) -> str:
    """One line without control characters, at most so wide."""
    plain = escaped(cell)
    return plain if len(plain) <= _WIDEST else plain[: _WIDEST - 1] + "…"


def table(found: Sequence[Row], head: Row = _HEAD) -> list[str]:
    """Lines in columns. A long cell is cut: JSON has the whole of it."""
    found = [tuple(_fitting(cell) for cell in row) for row in found]
    widths = [max(len(row[number]) for row in [head, *found]) for number in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, *found]
    ]


def summary(status: Mapping[str, Any], now: float, written_at: float | None, started: float | None) -> str:
    """The first line: does it run, since when, how recent is this?"""
    if not status["running"]:
        last = "" if written_at is None else f"; this is how things were {spoken(now - written_at)} ago"
        return f"❌ The realtime monitor does not run{last}"
    age = "" if written_at is None else f", looked {spoken(now - written_at)} ago"
    up = "" if started is None else f" since {spoken(now - started)}"
    return f"✅ The realtime monitor runs (pid {status['pid']}){up}{age}"
