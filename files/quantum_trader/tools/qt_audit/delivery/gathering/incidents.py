"""From entries to what is told: one incident is one message that says how it ended. Pure.

A problem is told once when it begins, again if it grows worse, once a day while it stays open, and
once when it is over, with how long it lasted. A breach whose repair is under way waits a moment for
how that ends. What comes and goes all the time is told as flapping, once, until it is calm. An event
(a program that failed, of which no entry will say that it is well again) is not reminded of; the same
one is told again a day later at the earliest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from qt_audit.delivery.gathering.subject import ends, facts_of, lasts, subject_of
from qt_audit.delivery.outbox import stored_data
from qt_audit.reading.times import seconds_between
from qt_audit.record.entry import Entry
from qt_audit.urgency import CRITICAL, LATER, URGENCIES, Rule, urgency_of

REMIND_S = 86_400.0
"""A problem that stays open is told again after this time."""
AGAIN_S = 20 * 3600.0
"""The same event is told again after this time: what fails at the same hour every day is told every day."""
FORGET_S = 7 * 86_400.0
"""An event that did not happen again for so long is forgotten."""
GRACE_S = 40.0
"""How long a breach waits for the end of its repair: within a minute somebody knows in any case."""
FLAPS = 4
"""So many problems of one subject within FLAP_WITHIN_S are flapping."""
FLAP_WITHIN_S = 3600.0
MOST = 2000
"""So many incidents are known at a time; of more the oldest are forgotten."""
_MOST_RUNS = 5


@dataclass(frozen=True)
class Incident:
    """A problem that is open, or was lately. Times are those of entries."""

    subject: str
    opened: str
    last: str
    """The last entry that tells of it."""
    text: str
    """What the entry that opened it, or made it worse, says."""
    seq: int
    """Of the entry that opened it."""
    urgency: str
    runs: tuple[str, ...] = ()
    """The runs of its entries, the last ones."""
    count: int = 1
    """Entries that told of it."""
    told: str | None = None
    """When it was told last; None while it waits for how its repair ends."""
    told_urgency: str = LATER
    closed: str | None = None
    mended: str = ""
    """What the repair that went well says."""
    beginnings: tuple[str, ...] = ()
    """When it was opened lately: many of them are flapping."""
    flapping: bool = False
    facts: tuple[tuple[str, str], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Incident:
        """Raises TypeError, KeyError or ValueError for what as_dict() did not give."""
        pairs = tuple((str(name), str(value)) for name, value in plain["facts"])
        lists = {
            "facts": pairs,
            "runs": stored_data.texts(plain["runs"]),
            "beginnings": stored_data.texts(plain["beginnings"]),
        }
        one = cls(**{**plain, **lists})
        for text in (one.subject, one.text, one.mended):
            stored_data.text(text)
        for instant in (one.opened, one.last, *one.beginnings):
            stored_data.instant(instant)
        for maybe in (one.told, one.closed):
            if maybe is not None:
                stored_data.instant(maybe)
        for number in (one.seq, one.count):
            stored_data.count(number)
        for urgency in (one.urgency, one.told_urgency):
            URGENCIES.index(urgency)
        stored_data.flag(one.flapping)
        return one

    @property
    def lasts(self) -> bool:
        return lasts(self.subject)

    @property
    def lasted_s(self) -> float:
        """For how many seconds it was open."""
        return max(0.0, seconds_between(self.opened, self.closed or self.last))

    def until(self, now: str) -> Incident:
        """The same without a future: after a clock that leapt ahead, what was to come then is due now."""
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
    """Something to be told of an incident."""

    kind: str
    """alert, reminder, recovery, calm (no more flapping), or notice (no problem at all)."""
    incident: Incident
    entry_seq: int
    """Of the entry that made it one."""


class Incidents:
    """The incidents that are known, by subject."""

    def __init__(self, incidents: Mapping[str, Incident] | None = None) -> None:
        self.by_subject = dict(incidents or {})
        self._by_run = {run: name for name, one in self.by_subject.items() for run in one.runs}

    def note(self, entry: Entry, rules: tuple[Rule, ...] = ()) -> list[Notification]:
        """Note an entry; what is to be told of it at once."""
        urgency, about = urgency_of(entry, rules), list(self._about(entry))
        over = [one for one in about if ends(entry, one.subject) and self._concerns(entry, one)]
        notifications = [item for one in over for item in self._close(one, entry)]
        if over:
            return notifications
        if about and entry.outcome == "succeeded":  # a repair went well: whether that helped is still open
            own = subject_of(entry) == about[0].subject
            self._keep(replace(about[0], mended=about[0].mended if own else entry.action, last=entry.ts))
            return []
        if urgency == LATER:
            return []
        if about:
            return self._again(about[0], entry, urgency)
        if entry.outcome in ("info", "succeeded"):
            return [Notification("notice", _begun(entry, urgency), entry.seq)]
        return self._open(entry, urgency)

    def note_time(self, now: str) -> list[Notification]:
        """What is to be told because time went by: a breach waited long enough, a problem is still open."""
        for one in list(self.by_subject.values()):
            if one.until(now) != one:
                self._keep(one.until(now))
        return [item for one in list(self.by_subject.values()) for item in self._due(one, now)]

    def next_due_s(self, now: str) -> float | None:
        """After how many seconds note_time() has something to tell of a breach; None if none waits."""
        waits = [
            GRACE_S - seconds_between(one.opened, now)
            for one in self.by_subject.values()
            if one.closed is None and one.told is None and not one.flapping
        ]
        return min(waits, default=None)

    def _due(self, one: Incident, now: str) -> Iterator[Notification]:
        if one.closed is not None:
            if seconds_between(one.closed, now) > FLAP_WITHIN_S:
                self._forget(one)
                if one.flapping:
                    yield Notification("calm", one, one.seq)
        elif one.flapping:
            if seconds_between(one.opened, now) > FLAP_WITHIN_S:  # it went, and stays so
                yield self._tell("alert", replace(one, flapping=False), one.seq, now)
        elif one.told is None:
            if seconds_between(one.opened, now) >= GRACE_S:
                yield self._tell("alert", one, one.seq, now)
        elif one.lasts:
            if seconds_between(one.told, now) >= REMIND_S:
                yield self._tell("reminder", one, one.seq, now)
        elif seconds_between(one.last, now) > FORGET_S:
            self._forget(one)

    def _about(self, entry: Entry) -> Iterator[Incident]:
        """The open incidents that the entry is about; the one that asked for the repair it tells of first."""
        names = [self._by_run.get(str(entry.details.get("trigger"))), subject_of(entry)]
        if entry.run is not None:
            names.append(self._by_run.get(entry.run))
        for name in dict.fromkeys(names):
            one = None if name is None else self.by_subject.get(name)
            if one is not None and one.closed is None:
                yield one

    def _concerns(self, entry: Entry, one: Incident) -> bool:
        """Whether the entry is about the incident itself, not about a repair that it asked for."""
        return subject_of(entry) == one.subject or (not one.lasts and entry.run in one.runs)

    def _open(self, entry: Entry, urgency: str) -> list[Notification]:
        one = _begun(entry, urgency)
        before = self.by_subject.get(one.subject)
        if before is not None:
            lately = [ts for ts in before.beginnings if seconds_between(ts, entry.ts) <= FLAP_WITHIN_S]
            one = replace(one, beginnings=(*lately[-FLAPS:], entry.ts), flapping=before.flapping)
        self._keep(one)
        if one.flapping:
            return []
        if len(one.beginnings) >= FLAPS:
            return [self._tell("alert", replace(one, flapping=True), entry.seq, entry.ts)]
        if entry.outcome == "started":  # its repair is under way: how it ends is worth a moment
            return []
        return [self._tell("alert", one, entry.seq, entry.ts)]

    def _again(self, known: Incident, entry: Entry, urgency: str) -> list[Notification]:
        worse = URGENCIES.index(urgency) > URGENCIES.index(known.told_urgency)
        runs = known.runs if entry.run is None else (*known.runs, entry.run)
        one = replace(
            known,
            count=known.count + 1,
            last=entry.ts,
            runs=tuple(dict.fromkeys(runs))[-_MOST_RUNS:],
            urgency=max(urgency, known.urgency, key=URGENCIES.index),
            text=entry.action if entry.outcome == "failed" else known.text,
            facts=facts_of(entry.details) or known.facts,
        )
        self._keep(one)
        if one.flapping and urgency != CRITICAL:
            return []
        waits = one.told is None and entry.outcome == "started"
        late = not one.lasts and one.told is not None and seconds_between(one.told, entry.ts) >= AGAIN_S
        return [self._tell("alert", one, entry.seq, entry.ts)] if (worse and not waits) or late else []

    def _close(self, known: Incident, entry: Entry) -> list[Notification]:
        closed = replace(known, closed=entry.ts, last=entry.ts, count=known.count + 1)
        self._keep(closed)
        if closed.flapping:
            return []
        return [Notification("recovery", replace(closed, text=entry.action), entry.seq)]

    def _tell(self, kind: str, one: Incident, seq: int, now: str) -> Notification:
        told = replace(one, told=now, told_urgency=one.urgency)
        self._keep(told)
        return Notification(kind, told, seq)

    def _keep(self, one: Incident) -> None:
        before = self.by_subject.pop(one.subject, None)  # the one that was touched last statuses last
        if before is not None:
            self._unlink(before)
        elif len(self.by_subject) >= MOST:
            self._forget(next(iter(self.by_subject.values())))
        self.by_subject[one.subject] = one
        self._by_run.update(dict.fromkeys(one.runs, one.subject))

    def _forget(self, one: Incident) -> None:
        del self.by_subject[one.subject]
        self._unlink(one)

    def _unlink(self, one: Incident) -> None:
        for run in one.runs:
            if self._by_run.get(run) == one.subject:
                del self._by_run[run]


def coalesced(notifications: Sequence[Notification]) -> list[Notification]:
    """What is left to tell of notifications that come at once: of each incident the last one."""
    last = {_key(item): number for number, item in enumerate(notifications)}
    return [item for number, item in enumerate(notifications) if last[_key(item)] == number]


def _key(one: Notification) -> tuple[str, ...]:
    if one.kind in ("alert", "recovery"):
        return one.incident.subject, one.incident.opened
    return one.kind, one.incident.subject, str(one.entry_seq)


def _begun(entry: Entry, urgency: str) -> Incident:
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
