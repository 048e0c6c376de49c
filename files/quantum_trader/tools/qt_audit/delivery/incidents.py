"""From entries to what is told: one incident is one message that says how it ended. Pure.

A problem is told once when it begins, again if it grows worse, once a day while it stays open, and
once when it is over, with how long it lasted. A breach whose repair is under way waits a moment for
how that ends. What comes and goes all the time is told as flapping, once, until it has been calm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from qt_audit.delivery import policy
from qt_audit.entry import Entry
from qt_audit.times import seconds_between

REMIND_S = 86_400.0
"""A problem that stays open is told again after this time."""
GRACE_S = 45.0
"""How long a breach waits for the end of its repair: within a minute somebody knows in any case."""
FLAPS = 4
"""So many problems of one subject within FLAP_WITHIN_S are flapping."""
FLAP_WITHIN_S = 3600.0


@dataclass(frozen=True)
class Incident:
    """A problem that is open, or was lately. Times are those of entries."""

    subject: str
    opened: str
    text: str
    """What the entry that opened it, or made it worse, says."""
    seq: int
    urgency: str
    count: int = 1
    """Entries that told of it."""
    told: str | None = None
    """When it was told last; None while it waits for how its repair ends."""
    told_urgency: str = policy.LATER
    closed: str | None = None
    beginnings: tuple[str, ...] = ()
    """When it was opened lately: many of them are flapping."""
    flapping: bool = False
    facts: tuple[tuple[str, str], ...] = ()
    run: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Incident:
        """Raises TypeError, KeyError or ValueError for what as_dict() did not give."""
        pairs = tuple((str(name), str(value)) for name, value in plain["facts"])
        return cls(**{**plain, "facts": pairs, "beginnings": tuple(plain["beginnings"])})


@dataclass(frozen=True)
class News:
    """Something to be told of an incident."""

    kind: str
    """alert, recovery or reminder."""
    incident: Incident
    entry_seq: int
    lasted_s: float | None = None
    """Of a recovery: for how long the problem was open, in seconds."""


@dataclass
class Book:
    """The incidents that are known, by subject."""

    incidents: dict[str, Incident] = field(default_factory=dict)

    def take(self, entry: Entry, rules: tuple[policy.Rule, ...] = ()) -> list[News]:
        """Note an entry; what is to be told of it at once."""
        name, urgency = self._subject(entry), policy.urgency(entry, rules)
        known = self.incidents.get(name)
        is_open = known is not None and known.closed is None
        if _ends_well(entry):
            return self._close(known, entry) if known is not None and is_open else []
        if urgency == policy.LATER:
            return []
        if known is not None and is_open:
            return self._again(known, entry, urgency)
        return self._open(known, entry, name, urgency)

    def wait(self, now: str) -> list[News]:
        """What time alone makes news: a breach that waited long enough, a problem that is still open."""
        news = []
        for name, incident in list(self.incidents.items()):
            if incident.closed is not None:
                if seconds_between(incident.closed, now) > FLAP_WITHIN_S:
                    del self.incidents[name]
                    if incident.flapping:
                        news.append(News("recovery", incident, incident.seq, _lasted(incident)))
            elif incident.told is None:
                if seconds_between(incident.opened, now) >= GRACE_S and not incident.flapping:
                    news.append(self._tell("alert", incident, incident.seq, now))
            elif seconds_between(incident.told, now) >= REMIND_S:
                news.append(self._tell("reminder", incident, incident.seq, now))
        return news

    def _subject(self, entry: Entry) -> str:
        """What the entry is about: the incident that asked for the repair it tells of, where there is one."""
        trigger = entry.details.get("trigger")
        for incident in self.incidents.values():
            if trigger is not None and incident.run == trigger and incident.closed is None:
                return incident.subject
        return policy.subject(entry)

    def _open(self, before: Incident | None, entry: Entry, name: str, urgency: str) -> list[News]:
        earlier = before.beginnings if before is not None else ()
        lately = tuple(ts for ts in earlier if seconds_between(ts, entry.ts) <= FLAP_WITHIN_S)
        incident = Incident(
            subject=name,
            opened=entry.ts,
            text=entry.action,
            seq=entry.seq,
            urgency=urgency,
            beginnings=(*lately, entry.ts),
            flapping=before is not None and before.flapping,
            facts=policy.facts(entry.details),
            run=entry.run,
        )
        self.incidents[name] = incident
        if incident.flapping:
            return []
        if len(incident.beginnings) >= FLAPS:
            incident = self.incidents[name] = replace(incident, flapping=True)
            return [self._tell("alert", incident, entry.seq, entry.ts)]
        if entry.outcome == "started":  # its repair is under way: how it ends is worth a moment
            return []
        return [self._tell("alert", incident, entry.seq, entry.ts)]

    def _again(self, known: Incident, entry: Entry, urgency: str) -> list[News]:
        worse = policy.URGENCIES.index(urgency) > policy.URGENCIES.index(known.told_urgency)
        known = replace(
            known,
            count=known.count + 1,
            urgency=max(urgency, known.urgency, key=policy.URGENCIES.index),
            text=entry.action,
            facts=policy.facts(entry.details) or known.facts,
        )
        self.incidents[known.subject] = known
        if worse and not (known.flapping and known.told is not None and urgency != policy.CRITICAL):
            return [self._tell("alert", known, entry.seq, entry.ts)]
        return []

    def _close(self, known: Incident, entry: Entry) -> list[News]:
        """It is over. A monitor's repair that ended well is not: the value must be clear again."""
        if known.subject.startswith("threshold ") and not entry.action.startswith(policy.RECOVERY):
            return []
        closed = replace(known, closed=entry.ts, count=known.count + 1)
        self.incidents[known.subject] = closed
        if closed.flapping:
            return []
        return [News("recovery", replace(closed, text=entry.action), entry.seq, _lasted(closed))]

    def _tell(self, kind: str, incident: Incident, seq: int, now: str) -> News:
        told = replace(incident, told=now, told_urgency=incident.urgency)
        self.incidents[incident.subject] = told
        return News(kind, told, seq)


def _ends_well(entry: Entry) -> bool:
    return entry.outcome == "succeeded" or entry.action.startswith(policy.RECOVERY)


def _lasted(incident: Incident) -> float:
    return max(0.0, seconds_between(incident.opened, incident.closed or incident.opened))
