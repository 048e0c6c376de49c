"""A threshold of the configuration, and all that is known about it while it is watched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from qt_repair.monitor.event_loop.clock import Clock
from qt_repair.monitor.thresholds import BREACHED, CLEAR, Flaps, Reading, Track
from qt_repair.monitor.watch import KINDS, default_name

QUEUED, RUNNING = "queued", "running"


@dataclass(frozen=True)
class Threshold:
    """What is watched. Seconds."""

    kind: str
    name: str
    hold: float
    every: float
    repairs: tuple[str, ...]
    repair_again: float
    settings: Mapping[str, Any]


def thresholds_of(value: Mapping[str, Any]) -> Iterator[Threshold]:
    """Those of a checked configuration, in the order in which kinds are listed."""
    for kind in KINDS:
        for settings in value["thresholds"][kind]:
            yield Threshold(
                kind,
                settings.get("name") or default_name(kind, settings),
                settings["hold"],
                settings.get("every", value["round"]),
                tuple(settings["repairs"]),
                settings["repair_again"],
                settings,
            )


@dataclass(frozen=True)
class Incident:
    """A breach that is in the record, until its recovery is. Times are the steady clock's."""

    run: str
    since: float
    attempts: int = 0
    """How often its repairs were begun."""
    acting: str = ""
    """Whether its repairs wait for their turn, or are under way."""
    next_at: float = 0.0
    """When they may be begun again."""
    child: str = ""
    """The process that does them: see repairing.identity."""

    def kept(self, clock: Clock) -> dict[str, Any]:
        """The same by the calendar, as plain data."""
        plain = dict(self.__dict__)
        return {**plain, "since": clock.wall(self.since), "next_at": clock.wall(self.next_at)}


@dataclass(frozen=True)
class Breach:
    """The last one, over or not."""

    since: float
    until: float | None
    text: str


@dataclass
class Watched:
    """One threshold under watch."""

    threshold: Threshold
    level: float | str
    unit: str = ""
    reading: Reading | None = None
    read_at: float = 0.0
    track: Track = field(default_factory=Track)
    flaps: Flaps = field(default_factory=Flaps)
    incident: Incident | None = None
    last: Breach | None = None
    unsaid: tuple[str, str, dict[str, Any]] | None = None
    """The end of a repair that could not be recorded yet: sentence, outcome, details."""
    gone: bool = False
    """No longer in the configuration."""

    @property
    def name(self) -> str:
        return self.threshold.name

    @property
    def breached(self) -> bool:
        return self.track.phase == BREACHED

    def kept(self, clock: Clock) -> dict[str, Any]:
        """What a restarted monitor, and `status`, must know; times by the calendar."""
        threshold, reading, flaps, last = self.threshold, self.reading, self.flaps, self.last
        return {
            "name": threshold.name,
            "kind": threshold.kind,
            "level": self.level,
            "unit": self.unit,
            "hold": threshold.hold,
            "repairs": list(threshold.repairs),
            "reading": None if reading is None else dict(reading.__dict__),
            "read_at": None if reading is None else clock.wall(self.read_at),
            "phase": self.track.phase,
            "since": clock.wall(self.track.since),
            "flaps": {
                "recent": [clock.wall(at) for at in flaps.recent],
                "since": None if flaps.since is None else clock.wall(flaps.since),
                "counted": flaps.counted,
                "run": flaps.run,
            },
            "incident": None if self.incident is None else self.incident.kept(clock),
            "last": None
            if last is None
            else {
                "since": clock.wall(last.since),
                "until": None if last.until is None else clock.wall(last.until),
                "text": last.text,
            },
        }

    def remember(self, kept: Mapping[str, Any], clock: Clock) -> None:
        """Take up what an earlier process kept of this threshold. Raises KeyError, TypeError or ValueError.

        What was only about to be a breach begins anew: nobody looked meanwhile.
        """
        incident, flaps, last = kept["incident"], kept["flaps"], kept["last"]
        if kept["phase"] == BREACHED:
            self.track = Track(BREACHED, clock.steady(kept["since"]))
        else:
            self.track = Track(CLEAR, clock.now())
        self.flaps = Flaps(
            tuple(clock.steady(at) for at in flaps["recent"]),
            None if flaps["since"] is None else clock.steady(flaps["since"]),
            int(flaps["counted"]),
            str(flaps["run"]),
        )
        if last is not None:
            until = None if last["until"] is None else clock.steady(last["until"])
            self.last = Breach(clock.steady(last["since"]), until, str(last["text"]))
        if incident is not None:
            self.incident = incident_of(incident, clock)


def incident_of(kept: Mapping[str, Any], clock: Clock) -> Incident:
    """An incident from what was kept of it. Raises KeyError, TypeError or ValueError."""
    wait = max(0.0, float(kept["next_at"]) - clock.wall(clock.now()))
    return Incident(
        str(kept["run"]),
        clock.steady(float(kept["since"])),
        int(kept["attempts"]),
        str(kept["acting"]),
        clock.now() + wait,
        str(kept["child"]),
    )
