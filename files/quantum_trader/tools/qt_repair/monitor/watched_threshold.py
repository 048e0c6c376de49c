"""A threshold of the configuration, and its state while it is watched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from qt_repair.monitor.event_loop.clock import Clock
from qt_repair.monitor.thresholds import BREACHED, CLEAR, FlapState, PhaseState, Reading
from qt_repair.monitor.watch import KINDS, default_name

QUEUED, RUNNING = "queued", "running"


@dataclass(frozen=True)
class Threshold:
    """A configured threshold. Times are seconds."""

    kind: str
    name: str
    hold: float
    every: float
    repairs: tuple[str, ...]
    repair_again: float
    settings: Mapping[str, Any]


def thresholds_of(value: Mapping[str, Any]) -> Iterator[Threshold]:
    """The thresholds of a checked configuration, kind by kind."""
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
    """A breach that is recorded and whose recovery is not yet. Times are those of the monotonic clock.

    The field names are keys of the state file.
    """

    run: str
    since: float
    attempts: int = 0
    """How often its repairs were started."""
    acting: str = ""
    """QUEUED or RUNNING while its repairs are; else empty."""
    next_at: float = 0.0
    """When they may be started again."""
    child: str = ""
    """The process that runs them, as child.process_identity writes it."""

    def as_state(self, clock: Clock) -> dict[str, Any]:
        """The incident as the state file has it, in wall-clock times."""
        plain = dict(self.__dict__)
        return {**plain, "since": clock.wall(self.since), "next_at": clock.wall(self.next_at)}


@dataclass(frozen=True)
class Breach:
    """The last breach; `until` is None while it lasts."""

    since: float
    until: float | None
    text: str


@dataclass
class WatchedThreshold:
    """A threshold that is watched: its last reading, its phase and its incident."""

    threshold: Threshold
    limit: float | str
    unit: str = ""
    reading: Reading | None = None
    read_at: float = 0.0
    phase_state: PhaseState = field(default_factory=PhaseState)
    flaps: FlapState = field(default_factory=FlapState)
    incident: Incident | None = None
    last: Breach | None = None
    pending_entry: tuple[str, str, dict[str, Any]] | None = None
    """The entry about a repair's end that could not be written yet: sentence, outcome, details."""
    removed: bool = False
    """No longer in the configuration."""

    @property
    def name(self) -> str:
        return self.threshold.name

    @property
    def breached(self) -> bool:
        return self.phase_state.phase == BREACHED

    def as_state(self, clock: Clock) -> dict[str, Any]:
        """What the state file holds of it, for `status` and for the next monitor, in wall-clock times."""
        threshold, reading, flaps, last = self.threshold, self.reading, self.flaps, self.last
        return {
            "name": threshold.name,
            "kind": threshold.kind,
            "level": self.limit,
            "unit": self.unit,
            "hold": threshold.hold,
            "repairs": list(threshold.repairs),
            "reading": None if reading is None else dict(reading.__dict__),
            "read_at": None if reading is None else clock.wall(self.read_at),
            "phase": self.phase_state.phase,
            "since": clock.wall(self.phase_state.since),
            "flaps": {
                "recent": [clock.wall(at) for at in flaps.recent],
                "since": None if flaps.since is None else clock.wall(flaps.since),
                "counted": flaps.counted,
                "run": flaps.run,
            },
            "incident": None if self.incident is None else self.incident.as_state(clock),
            "last": None
            if last is None
            else {
                "since": clock.wall(last.since),
                "until": None if last.until is None else clock.wall(last.until),
                "text": last.text,
            },
        }

    def restore(self, saved: Mapping[str, Any], clock: Clock) -> None:
        """Continue from what the state file holds. Raises KeyError, TypeError or ValueError.

        A breach that was only pending starts over: nobody watched meanwhile.
        """
        incident, flaps, last = saved["incident"], saved["flaps"], saved["last"]
        if saved["phase"] == BREACHED:
            self.phase_state = PhaseState(BREACHED, clock.from_wall(saved["since"]))
        else:
            self.phase_state = PhaseState(CLEAR, clock.now())
        self.flaps = FlapState(
            tuple(clock.from_wall(at) for at in flaps["recent"]),
            None if flaps["since"] is None else clock.from_wall(flaps["since"]),
            int(flaps["counted"]),
            str(flaps["run"]),
        )
        if last is not None:
            until = None if last["until"] is None else clock.from_wall(last["until"])
            self.last = Breach(clock.from_wall(last["since"]), until, str(last["text"]))
        if incident is not None:
            self.incident = restored_incident(incident, clock)


def restored_incident(saved: Mapping[str, Any], clock: Clock) -> Incident:
    """An incident from what the state file holds of it. Raises KeyError, TypeError or ValueError."""
    wait = max(0.0, float(saved["next_at"]) - clock.wall(clock.now()))
    return Incident(
        str(saved["run"]),
        clock.from_wall(float(saved["since"])),
        int(saved["attempts"]),
        str(saved["acting"]),
        clock.now() + wait,
        str(saved["child"]),
    )
