"""Continue where an earlier monitor ended: its open incidents, and what the record says of their repairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from qt_audit.record.place import Place
from qt_repair.monitor import wording
from qt_repair.monitor.event_loop.clock import Clock, utc_text
from qt_repair.monitor.watched_threshold import RUNNING, Incident, Threshold, WatchedThreshold

_MARGIN_S = 86400.0
"""The record is read from so long before the breach on: somebody may have set the clock."""

ENDED, UNFINISHED, OVER = "ended", "unfinished", "over"
"""What the record says of an incident: its repairs ended; they did not; it never began, or has recovered."""


def restore(
    state: Mapping[str, Any], watched: Sequence[WatchedThreshold], clock: Clock
) -> list[WatchedThreshold]:
    """Restore the state of these thresholds. Returns those with an open incident that are no longer watched.

    What is damaged is dropped: a breach that lasts is then found anew.
    """
    by_name = {(item.threshold.kind, item.name): item for item in watched}
    removed = []
    for saved in state.get("thresholds", []):
        try:
            item = by_name.get((saved["kind"], saved["name"]))
            if item is None:
                item = _removed_threshold(saved)
                item.restore(saved, clock)
                if item.incident is not None:
                    removed.append(item)
            else:
                item.restore(saved, clock)
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
    return removed


def _removed_threshold(saved: Mapping[str, Any]) -> WatchedThreshold:
    threshold = Threshold(saved["kind"], saved["name"], 0, 0, tuple(saved["repairs"]), 0, {})
    return WatchedThreshold(threshold, saved["level"], saved["unit"], removed=True)


def check_against_record(watched: WatchedThreshold, place: Place, clock: Clock) -> None:
    """Compare a restored incident with the record: a repair without an end there was interrupted."""
    incident = watched.incident
    if incident is None:
        return
    state = incident_in_record(place, incident, clock)
    if state == OVER:  # the monitor was killed before the first entry, or right after the last
        watched.incident = None
        return
    if state == UNFINISHED:
        watched.pending_entry = (*wording.UNSEEN, {"threshold": watched.name})
        incident = replace(incident, next_at=clock.now())
    child = incident.child if incident.acting in (RUNNING, "") else ""
    watched.incident = replace(incident, acting="", child=child)


def incident_in_record(place: Place, incident: Incident, clock: Clock) -> str:
    """What the record says of an incident: ENDED, UNFINISHED or OVER."""
    from qt_audit.reading.history import History
    from qt_audit.reading.window import JournalError

    mark = incident.run.encode("ascii", "replace")
    since = utc_text(max(0.0, clock.wall(incident.since) - _MARGIN_S))
    found = OVER
    try:
        for entry in History(place).window(since, line_filter=lambda line: mark in line, details=False):
            if entry.run == incident.run:
                over = entry.action.startswith(wording.RECOVERED)
                found = OVER if over else UNFINISHED if entry.outcome == "started" else ENDED
    except JournalError:
        return UNFINISHED if incident.acting else ENDED
    return found
