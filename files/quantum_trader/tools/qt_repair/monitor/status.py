"""The monitor's status: a table for people, plain data for programs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qt_audit.record.entry import escaped
from qt_repair.engine.guard import RepairState
from qt_repair.monitor.event_loop.clock import duration_text, utc_text
from qt_repair.monitor.thresholds import BAD, BREACHED, PENDING, UNKNOWN

OK, SOON, BREACH, UNSURE, NEW, FLAPPING = "ok", "soon", "BREACH", "unknown", "new", "flapping"
COLOURS = {OK: "green", SOON: "yellow", BREACH: "red", UNSURE: "yellow", NEW: "grey", FLAPPING: "yellow"}
_HEAD = ("STATE", "THRESHOLD", "NOW", "LIMIT", "SINCE", "LAST BREACH", "REPAIRS")
_WIDEST = 72

Row = tuple[str, ...]


def state_of(threshold: Mapping[str, Any]) -> str:
    """The state of a threshold in one word, from what the state file holds of it."""
    if threshold["phase"] == BREACHED:
        return BREACH
    if threshold["flaps"]["since"] is not None:
        return FLAPPING
    if threshold["reading"] is None:
        return NEW
    if threshold["reading"]["level"] == UNKNOWN:
        return UNSURE
    return SOON if threshold["phase"] == PENDING else OK


def state_of_reading(level: str) -> str:
    """The same for a single reading, without waiting for `hold`."""
    return {BAD: BREACH, UNKNOWN: UNSURE}.get(level, OK)


def status_data(
    state: Mapping[str, Any], pid: int | None, guard: Mapping[str, RepairState]
) -> dict[str, Any]:
    """The whole status as plain data, times as RFC 3339."""
    thresholds = [_threshold_data(threshold, guard) for threshold in state.get("thresholds", [])]
    return {
        "running": pid is not None,
        "pid": pid,
        "started": _utc_or_none(state.get("started")) if pid is not None else None,
        "written": _utc_or_none(state.get("written")),
        "round": state.get("round"),
        "docker_events": state.get("trouble") or None,
        "in_breach": [row["name"] for row in thresholds if row["state"] == BREACH],
        "thresholds": thresholds,
    }


def _threshold_data(threshold: Mapping[str, Any], guard: Mapping[str, RepairState]) -> dict[str, Any]:
    reading, incident, last = threshold["reading"] or {}, threshold["incident"], threshold["last"]
    return {
        "name": threshold["name"],
        "kind": threshold["kind"],
        "state": state_of(threshold),
        "value": reading.get("value"),
        "found": reading.get("text"),
        "looked": _utc_or_none(threshold["read_at"]),
        "level": threshold["level"],
        "unit": threshold["unit"],
        "hold_s": threshold["hold"],
        "since": _utc_or_none(threshold["since"]),
        "run": incident["run"] if incident else None,
        "repairing": incident["acting"] if incident else "",
        "changes": threshold["flaps"]["counted"] if threshold["flaps"]["since"] is not None else 0,
        "last_breach": None
        if last is None
        else {
            "since": _utc_or_none(last["since"]),
            "until": _utc_or_none(last["until"]),
            "found": last["text"],
        },
        "repairs": {name: _guard_text(guard.get(name, RepairState())) for name in threshold["repairs"]},
    }


def _guard_text(state: RepairState) -> str:
    """The guard's state of a repair in a few words."""
    if state.frozen_since is not None:
        return f"frozen: {state.frozen_because}"
    if state.unhelpful:
        return f"{state.unhelpful} attempts in a row did not help"
    return "ready"


def _utc_or_none(wall: float | None) -> str | None:
    return None if wall is None else utc_text(wall)


def rows(status: Mapping[str, Any]) -> list[Row]:
    """The rows of the table for people."""
    return [
        (
            item["state"],
            item["name"],
            f"repairing: {item['found']}" if item["repairing"] == "running" else item["found"] or "",
            limit(item["level"], item["unit"]),
            (item["since"] or "")[:19].replace("T", " "),
            _last_breach_text(item["last_breach"]),
            ", ".join(
                name if text == "ready" else f"{name} ({text})" for name, text in item["repairs"].items()
            ),
        )
        for item in status["thresholds"]
    ]


def limit(level: float | str, unit: str) -> str:
    """What a value is compared with, and its unit."""
    return f"{level:g} {unit}" if isinstance(level, (int, float)) else level


def _last_breach_text(breach: Mapping[str, Any] | None) -> str:
    if breach is None:
        return "none"
    begin = breach["since"][:19].replace("T", " ")
    return f"{begin}, not over" if breach["until"] is None else f"{begin} to {breach['until'][11:19]}"


def _cell(cell: str) -> str:
    """The cell on one line, without control characters, cut to the widest that is shown."""
    plain = escaped(cell)
    return plain if len(plain) <= _WIDEST else plain[: _WIDEST - 1] + "…"


def table(rows: Sequence[Row], head: Row = _HEAD) -> list[str]:
    """The lines of a table. A long cell is cut; --json shows all of it."""
    rows = [tuple(_cell(cell) for cell in row) for row in rows]
    widths = [max(len(row[number]) for row in [head, *rows]) for number in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    ]


def summary(status: Mapping[str, Any], now: float, written_at: float | None, started: float | None) -> str:
    """The first line: whether the monitor runs, since when, and how recent the table is."""
    if not status["running"]:
        last = (
            "" if written_at is None else f"; this is how things were {duration_text(now - written_at)} ago"
        )
        return f"❌ The realtime monitor does not run{last}"
    age = "" if written_at is None else f", looked {duration_text(now - written_at)} ago"
    up = "" if started is None else f" since {duration_text(now - started)}"
    return f"✅ The realtime monitor runs (pid {status['pid']}){up}{age}"
