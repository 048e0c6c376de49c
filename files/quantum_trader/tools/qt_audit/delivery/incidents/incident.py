"""Group entries into incidents, and decide which notifications each incident causes. Pure.

A problem causes an alert when it begins and when it grows worse, a reminder once a day while it stays
open, and a recovery message when it is over, which says how long it lasted. A breach whose repair is
running waits a short time, so that one message can tell both. A problem that comes and goes is reported
once as flapping, and once more when it has calmed down. An event (a program that failed; no entry will
say that it is well again) causes no reminder. The same event is reported again after REPEAT_AFTER_S.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from qt_audit.delivery import stored_data
from qt_audit.delivery.incidents.subject import ends, facts_of, stays_open, subject_of
from qt_audit.reading.times import seconds_between
from qt_audit.record.entry import Entry
from qt_audit.urgency import CRITICAL, LATER, URGENCIES, Rule, urgency_of

REMIND_AFTER_S = 86_400.0
"""Seconds after which a reminder is sent of a problem that is still open."""
REPEAT_AFTER_S = 20 * 3600.0
"""Seconds after which the same event is reported again. A job that fails at the same hour every day is
reported every day."""
FORGET_AFTER_S = 7 * 86_400.0
"""Seconds after which an event that did not happen again is forgotten."""
REPAIR_GRACE_S = 40.0
"""Seconds that a breach waits for the end of its repair. Short enough to alert within a minute."""
FLAPPING_COUNT = 4
"""A subject that has this many problems within FLAPPING_WINDOW_S is flapping."""
FLAPPING_WINDOW_S = 3600.0
MAX_INCIDENTS = 2000
"""Incidents that are kept at a time. The one that changed least recently is forgotten first."""
_MAX_RUNS = 5


@dataclass(frozen=True)
class Incident:
    """A problem that is open or was open lately. Times are those of entries."""

    subject: str
    opened: str
    last: str
    """Time of the last entry about it."""
    text: str
    """The sentence of the entry that opened it, or of the last one that failed."""
    seq: int
    """Number of the entry that opened it."""
    urgency: str
    runs: tuple[str, ...] = ()
    """Run ids of its latest entries."""
    count: int = 1
    """Number of entries about it."""
    told: str | None = None
    """When people were last notified; None while it waits for the end of its repair."""
    told_urgency: str = LATER
    closed: str | None = None
    mended: str = ""
    """The sentence of the repair that succeeded."""
    beginnings: tuple[str, ...] = ()
    """When it was opened, the latest times. Many within FLAPPING_WINDOW_S mean that it is flapping."""
    flapping: bool = False
    facts: tuple[tuple[str, str], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Incident:
        """The incident that as_dict() returned. Raises TypeError, KeyError or ValueError for other data."""
        pairs = tuple((str(name), str(value)) for name, value in plain["facts"])
        lists = {
            "facts": pairs,
            "runs": stored_data.texts(plain["runs"]),
            "beginnings": stored_data.texts(plain["beginnings"]),
        }
        incident = cls(**{**plain, **lists})
        for text in (incident.subject, incident.text, incident.mended):
            stored_data.text(text)
        for instant in (incident.opened, incident.last, *incident.beginnings):
            stored_data.instant(instant)
        for maybe in (incident.told, incident.closed):
            if maybe is not None:
                stored_data.instant(maybe)
        for number in (incident.seq, incident.count):
            stored_data.count(number)
        for urgency in (incident.urgency, incident.told_urgency):
            URGENCIES.index(urgency)
        stored_data.flag(incident.flapping)
        return incident

    @property
    def stays_open(self) -> bool:
        return stays_open(self.subject)

    @property
    def duration_s(self) -> float:
        """Seconds between its beginning and its end, or its last entry while it is open."""
        return max(0.0, seconds_between(self.opened, self.closed or self.last))

    def not_after(self, now: str) -> Incident:
        """A copy in which no time is later than `now`.

        Entries written while the clock was ahead have later times, and reminders would wait for them.
        """
        return replace(
            self,
            opened=min(self.opened, now),
            last=min(self.last, now),
            told=self.told and min(self.told, now),
            closed=self.closed and min(self.closed, now),
            beginnings=tuple(min(ts, now) for ts in self.beginnings),
        )


@dataclass(frozen=True)
class Notification:
    """One message to send about an incident."""

    kind: str
    """alert, reminder, recovery, calm (it no longer flaps) or notice (not a problem)."""
    incident: Incident
    entry_seq: int
    """Number of the entry that caused it."""


class Incidents:
    """All incidents, by subject."""

    def __init__(self, incidents: Mapping[str, Incident] | None = None) -> None:
        self.by_subject = dict(incidents or {})
        self._by_run = {run: name for name, incident in self.by_subject.items() for run in incident.runs}

    def add_entry(self, entry: Entry, rules: tuple[Rule, ...] = ()) -> list[Notification]:
        """Update the incidents by an entry. Returns the notifications to send at once."""
        urgency, known = urgency_of(entry, rules), list(self._open_incidents(entry))
        over = [item for item in known if ends(entry, item.subject) and self._is_about(entry, item)]
        notifications = [item for incident in over for item in self._close(incident, entry)]
        if over:
            return notifications
        if known and entry.outcome == "succeeded":  # a repair succeeded; the problem may still be there
            own = subject_of(entry) == known[0].subject
            self._store(replace(known[0], mended=known[0].mended if own else entry.action, last=entry.ts))
            return []
        if urgency == LATER:
            return []
        if known:
            return self._update(known[0], entry, urgency)
        if entry.outcome in ("info", "succeeded"):
            return [Notification("notice", _new_incident(entry, urgency), entry.seq)]
        return self._open(entry, urgency)

    def due_notifications(self, now: str) -> list[Notification]:
        """The notifications that are due by time alone: delayed alerts, reminders, the end of flapping."""
        for incident in list(self.by_subject.values()):
            if incident.not_after(now) != incident:
                self._store(incident.not_after(now))
        return [item for incident in list(self.by_subject.values()) for item in self._due(incident, now)]

    def next_due_s(self, now: str) -> float | None:
        """Seconds until the alert of a delayed breach is due; None if no breach is delayed."""
        waits = [
            REPAIR_GRACE_S - seconds_between(incident.opened, now)
            for incident in self.by_subject.values()
            if incident.closed is None and incident.told is None and not incident.flapping
        ]
        return min(waits, default=None)

    def _due(self, incident: Incident, now: str) -> Iterator[Notification]:
        if incident.closed is not None:
            if seconds_between(incident.closed, now) > FLAPPING_WINDOW_S:
                self._forget(incident)
                if incident.flapping:
                    yield Notification("calm", incident, incident.seq)
        elif incident.flapping:
            if seconds_between(incident.opened, now) > FLAPPING_WINDOW_S:  # it stays open: no longer flapping
                yield self._notify("alert", replace(incident, flapping=False), incident.seq, now)
        elif incident.told is None:
            if seconds_between(incident.opened, now) >= REPAIR_GRACE_S:
                yield self._notify("alert", incident, incident.seq, now)
        elif incident.stays_open:
            if seconds_between(incident.told, now) >= REMIND_AFTER_S:
                yield self._notify("reminder", incident, incident.seq, now)
        elif seconds_between(incident.last, now) > FORGET_AFTER_S:
            self._forget(incident)

    def _open_incidents(self, entry: Entry) -> Iterator[Incident]:
        """The open incidents that the entry is about; first the one that triggered the entry's repair."""
        names = [self._by_run.get(str(entry.details.get("trigger"))), subject_of(entry)]
        if entry.run is not None:
            names.append(self._by_run.get(entry.run))
        for name in dict.fromkeys(names):
            incident = None if name is None else self.by_subject.get(name)
            if incident is not None and incident.closed is None:
                yield incident

    def _is_about(self, entry: Entry, incident: Incident) -> bool:
        """Whether the entry is about the incident itself, not about a repair that it triggered."""
        return subject_of(entry) == incident.subject or (
            not incident.stays_open and entry.run in incident.runs
        )

    def _open(self, entry: Entry, urgency: str) -> list[Notification]:
        incident = _new_incident(entry, urgency)
        before = self.by_subject.get(incident.subject)
        if before is not None:
            lately = [ts for ts in before.beginnings if seconds_between(ts, entry.ts) <= FLAPPING_WINDOW_S]
            incident = replace(
                incident, beginnings=(*lately[-FLAPPING_COUNT:], entry.ts), flapping=before.flapping
            )
        self._store(incident)
        if incident.flapping:
            return []
        if len(incident.beginnings) >= FLAPPING_COUNT:
            return [self._notify("alert", replace(incident, flapping=True), entry.seq, entry.ts)]
        if entry.outcome == "started":  # its repair is running: wait for its end (REPAIR_GRACE_S)
            return []
        return [self._notify("alert", incident, entry.seq, entry.ts)]

    def _update(self, known: Incident, entry: Entry, urgency: str) -> list[Notification]:
        """Count an entry of an open incident. Returns an alert if it is worse, or is due again."""
        worse = URGENCIES.index(urgency) > URGENCIES.index(known.told_urgency)
        runs = known.runs if entry.run is None else (*known.runs, entry.run)
        incident = replace(
            known,
            count=known.count + 1,
            last=entry.ts,
            runs=tuple(dict.fromkeys(runs))[-_MAX_RUNS:],
            urgency=max(urgency, known.urgency, key=URGENCIES.index),
            text=entry.action if entry.outcome == "failed" else known.text,
            facts=facts_of(entry.details) or known.facts,
        )
        self._store(incident)
        if incident.flapping and urgency != CRITICAL:
            return []
        delayed = incident.told is None and entry.outcome == "started"
        told_s = 0.0 if incident.told is None else seconds_between(incident.told, entry.ts)
        repeated = not incident.stays_open and told_s >= REPEAT_AFTER_S
        if (worse and not delayed) or repeated:
            return [self._notify("alert", incident, entry.seq, entry.ts)]
        return []

    def _close(self, known: Incident, entry: Entry) -> list[Notification]:
        closed = replace(known, closed=entry.ts, last=entry.ts, count=known.count + 1)
        self._store(closed)
        if closed.flapping:
            return []
        return [Notification("recovery", replace(closed, text=entry.action), entry.seq)]

    def _notify(self, kind: str, incident: Incident, seq: int, now: str) -> Notification:
        told = replace(incident, told=now, told_urgency=incident.urgency)
        self._store(told)
        return Notification(kind, told, seq)

    def _store(self, incident: Incident) -> None:
        """Replace the incident of this subject, as the one that changed last."""
        before = self.by_subject.pop(incident.subject, None)
        if before is not None:
            self._forget_runs(before)
        elif len(self.by_subject) >= MAX_INCIDENTS:
            self._forget(next(iter(self.by_subject.values())))
        self.by_subject[incident.subject] = incident
        self._by_run.update(dict.fromkeys(incident.runs, incident.subject))

    def _forget(self, incident: Incident) -> None:
        del self.by_subject[incident.subject]
        self._forget_runs(incident)

    def _forget_runs(self, incident: Incident) -> None:
        for run in incident.runs:
            if self._by_run.get(run) == incident.subject:
                del self._by_run[run]


def coalesced(notifications: Sequence[Notification]) -> list[Notification]:
    """Notifications that come at once, without those that a later one of the same incident replaces."""
    last = {_key(item): number for number, item in enumerate(notifications)}
    return [item for number, item in enumerate(notifications) if last[_key(item)] == number]


def _key(item: Notification) -> tuple[str, ...]:
    """Notifications with the same key replace each other."""
    if item.kind in ("alert", "recovery"):
        return item.incident.subject, item.incident.opened
    return item.kind, item.incident.subject, str(item.entry_seq)


def _new_incident(entry: Entry, urgency: str) -> Incident:
    return Incident(
        subject=subject_of(entry),
        opened=entry.ts,
        last=entry.ts,
        text=entry.action,
        seq=entry.seq,
        urgency=urgency,
        runs=() if entry.run is None else (entry.run,),
        beginnings=(entry.ts,),
        facts=facts_of(entry.details),
    )
