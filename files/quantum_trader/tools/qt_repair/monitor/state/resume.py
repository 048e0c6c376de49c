"""Take up what an earlier monitor left: open breaches, and what the record says became of their repairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from qt_audit.record.place import Place
from qt_repair.monitor import wording as sentences
from qt_repair.monitor.event_loop.clock import Clock, written
from qt_repair.monitor.watched import RUNNING, Incident, Threshold, Watched

_MARGIN_S = 86400.0
"""So much earlier than the breach the record is looked through: clocks are set."""

ENDED, UNFINISHED, OVER = "ended", "unfinished", "over"
"""Of an incident's repairs: ended; not. Of the incident: not begun, or recovered, as the record has it."""


def recall(state: Mapping[str, Any], watched: Sequence[Watched], clock: Clock) -> list[Watched]:
    """Let the thresholds remember. Returns those with an open breach that are watched no more.

    What cannot be understood is forgotten: a breach that lasts is then found anew.
    """
    by_name = {(item.threshold.kind, item.name): item for item in watched}
    left = []
    for kept in state.get("thresholds", []):
        try:
            item = by_name.get((kept["kind"], kept["name"]))
            if item is None:
                item = _departed(kept)
                item.remember(kept, clock)
                if item.incident is not None:
                    left.append(item)
            else:
                item.remember(kept, clock)
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
    return left


def _departed(kept: Mapping[str, Any]) -> Watched:
    threshold = Threshold(kept["kind"], kept["name"], 0, 0, tuple(kept["repairs"]), 0, {})
    return Watched(threshold, kept["level"], kept["unit"], gone=True)


def resolve(watched: Watched, place: Place, clock: Clock) -> None:
    """Hold an incident that was taken up against the record: what nobody saw end is closed there."""
    incident = watched.incident
    if incident is None:
        return
    state = fate(place, incident, clock)
    if state == OVER:  # killed before its first entry, or right after its last: what lasts is found anew
        watched.incident = None
        return
    if state == UNFINISHED:
        watched.unsaid = (*sentences.UNSEEN, {"threshold": watched.name})
        incident = replace(incident, next_at=clock.now())
    child = incident.child if incident.acting in (RUNNING, "") else ""
    watched.incident = replace(incident, acting="", child=child)


def fate(place: Place, incident: Incident, clock: Clock) -> str:
    """What the record says of an incident."""
    from qt_audit.reading.history import History
    from qt_audit.reading.window import JournalError

    mark = incident.run.encode("ascii", "replace")
    since = written(max(0.0, clock.wall(incident.since) - _MARGIN_S))
    found = OVER
    try:
        for entry in History(place).window(since, line_filter=lambda line: mark in line, details=False):
            if entry.run == incident.run:
                over = entry.action.startswith(sentences.RECOVERED)
                found = OVER if over else UNFINISHED if entry.outcome == "started" else ENDED
    except JournalError:
        return UNFINISHED if incident.acting else ENDED
    return found
