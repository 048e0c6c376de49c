"""What happened in a period, as plain data. Pure: entries go in, a Summary comes out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from qt_audit.record.entry import ENDINGS, OUTCOMES, Entry
from qt_audit.summary.period import Period

MAX_LISTED = 200
"""Each list of a summary holds at most so many actions, the last ones."""


@dataclass(frozen=True)
class Line:
    """An entry as a summary lists it."""

    seq: int
    ts: str
    action: str
    source: str
    outcome: str
    run: str | None


@dataclass(frozen=True)
class Listing:
    """The last entries of a kind, oldest first, and how many there are in all."""

    count: int
    lines: tuple[Line, ...]

    @property
    def unlisted(self) -> int:
        return self.count - len(self.lines)


@dataclass(frozen=True)
class ChainHead:
    """The record's last entry when the summary was made: proof, outside the record, of its state."""

    seq: int
    hash: str


@dataclass(frozen=True)
class Summary:
    """What happened in a period. A `run` counts once in each period in which it has an entry."""

    period: Period
    as_of: str
    """When it was made. If the period was not over then, it covers the time until then."""
    entries: int
    """Entries of the record in the period."""
    actions: int
    """Actions: the entries of one run count as one action."""
    by_outcome: dict[str, int]
    by_source: dict[str, int]
    failed: Listing
    """The entries that ended an action as failed."""
    never_ended: Listing
    """The entries that began an action which has no end in the record, also not after the period."""
    recent: Listing
    """The entries that people read: all but the beginnings of actions that ended in the period."""
    head: ChainHead | None = None
    unreadable: int = 0
    """Lines of the period that are no entries."""
    skipped: str = ""
    """A sentence about earlier periods that were never summarised; empty if there are none."""
    scheduled: bool = False
    """Whether the schedule made it, not a person."""
    clock: tuple[str, ...] = ()
    """A sentence for each time in the period in which the clock was wrong."""

    @property
    def complete(self) -> bool:
        return self.period.finished(self.as_of)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        plain = asdict(self)
        plain["period"] = {
            "kind": self.period.kind,
            "name": self.period.name,
            "label": self.period.label,
            "since": self.period.since,
            "until": self.period.until,
        }
        plain["complete"] = self.complete
        plain["clock"] = list(self.clock)
        for key in ("failed", "never_ended", "recent"):
            plain[key]["lines"] = list(plain[key]["lines"])
        return plain


def summarise(
    entries: Iterable[Entry],
    period: Period,
    as_of: str,
    ended_later: Callable[[set[str]], set[str]] = lambda runs: set(),
) -> Summary:
    """Summarise the entries of a period, given oldest first.

    `ended_later` returns which of the given runs end after these entries. It is called at most once, and only
    if an action that began in the period did not end in it.
    """
    tally = _Tally()
    for entry in entries:
        tally.add(entry)
    unfinished = list(tally.unfinished_runs.values())
    later = ended_later(set(tally.unfinished_runs)) if tally.unfinished_runs else set()
    never = [entry for entry in unfinished if entry.run not in later]
    failed = sorted([*tally.failed, *tally.failed_runs.values()], key=lambda entry: entry.seq)
    recent = sorted([*tally.recent, *unfinished], key=lambda entry: entry.seq)
    return Summary(
        period=period,
        as_of=as_of,
        entries=tally.entries,
        actions=sum(tally.outcomes.values()),
        by_outcome={name: tally.outcomes[name] for name in OUTCOMES if tally.outcomes.get(name)},
        by_source=dict(sorted(tally.sources.items(), key=lambda item: (-item[1], item[0]))),
        failed=_listing(failed, tally.failed_without_run + len(tally.failed_runs)),
        never_ended=_listing(never),
        recent=_listing(recent, tally.recent_count + len(unfinished)),
    )


def with_context(
    summary: Summary,
    head: ChainHead | None,
    unreadable: int = 0,
    skipped: str = "",
    scheduled: bool = False,
    clock: tuple[str, ...] = (),
) -> Summary:
    """The summary with the facts that its entries do not hold."""
    return replace(
        summary, head=head, unreadable=unreadable, skipped=skipped, scheduled=scheduled, clock=clock
    )


def decides_run(outcome: str, before: str) -> bool:
    """Whether a run counts with this outcome of its newest entry, and no longer with the one `before`."""
    return outcome in ENDINGS or (outcome == "started" and before not in ENDINGS)


class _Tally:
    """Counts entries one by one, and keeps only those that the lists need."""

    def __init__(self) -> None:
        self.entries = 0
        self.outcomes: dict[str, int] = {}
        self.sources: dict[str, int] = {}
        self.runs: dict[str, tuple[str, str]] = {}
        """For each run: the outcome and the source that it is counted with."""
        self.unfinished_runs: dict[str, Entry] = {}
        """For each run that has not ended: its first entry."""
        self.failed_runs: dict[str, Entry] = {}
        self.failed_without_run = 0
        self.failed: deque[Entry] = deque(maxlen=MAX_LISTED)
        """The last failed entries that belong to no run."""
        self.recent_count = 0
        self.recent: deque[Entry] = deque(maxlen=MAX_LISTED)

    def add(self, entry: Entry) -> None:
        self.entries += 1
        run, outcome = entry.run, entry.outcome
        if run is None:
            self._count(outcome, entry.source, 1)
            if outcome == "failed":
                self.failed_without_run += 1
                self.failed.append(entry)
        else:
            self._add_to_run(run, entry)
        if run is None or outcome != "started":
            self.recent_count += 1
            self.recent.append(entry)

    def _add_to_run(self, run: str, entry: Entry) -> None:
        outcome = entry.outcome
        before = self.runs.get(run)
        if outcome == "started":
            self.unfinished_runs.setdefault(run, entry)
        elif outcome in ENDINGS:
            self.unfinished_runs.pop(run, None)
            self.failed_runs.pop(run, None)
            if outcome == "failed":  # a later entry of the run may succeed
                self.failed_runs[run] = entry
        if before is None or decides_run(outcome, before[0]):
            if before is not None:
                self._count(*before, -1)
            self.runs[run] = (outcome, entry.source)
            self._count(outcome, entry.source, 1)

    def _count(self, outcome: str, source: str, by: int) -> None:
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + by
        self.sources[source] = self.sources.get(source, 0) + by
        if not self.sources[source]:
            del self.sources[source]


def _listing(entries: list[Entry], count: int | None = None) -> Listing:
    return Listing(len(entries) if count is None else count, tuple(map(_line, entries[-MAX_LISTED:])))


def _line(entry: Entry) -> Line:
    return Line(entry.seq, entry.ts, entry.action, entry.source, entry.outcome, entry.run)
