"""What happened in a period, as plain data. Pure: entries go in, a Summary comes out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from qt_audit.record.entry import OUTCOMES, Entry
from qt_audit.summary.period import Period

LISTED = 200
"""At most so many actions are listed by each list of a summary: the last ones."""
_ENDINGS = ("succeeded", "failed")


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
    """Where the chain stood when what is summarised ended: a witness from outside of what the record was."""

    seq: int
    hash: str


@dataclass(frozen=True)
class Summary:
    """What happened in a period. A `run` counts once, in each period that it has an entry in."""

    period: Period
    as_of: str
    """When it was made. Where this is before the period's end, it tells what happened so far."""
    entries: int
    """Entries of the record in the period."""
    actions: int
    """Actions: entries, those of one run taken together."""
    by_outcome: dict[str, int]
    by_source: dict[str, int]
    failed: Listing
    """The entries that ended an action as failed."""
    never_ended: Listing
    """The entries that began an action whose end is not in the record, not after the period either."""
    recent: Listing
    """What people read: every entry but the beginnings of actions that ended in the period."""
    head: ChainHead | None = None
    unreadable: int = 0
    """Lines of the period that are no entries."""
    skipped: str = ""
    """Periods before this one that were never summarised, as people read them."""
    scheduled: bool = False
    """Whether the schedule made it."""

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

    `ended_later` answers which of the given runs end behind these entries; it is asked at most
    once, and only if an action that began in the period did not end in it.
    """
    tally = _Tally()
    for entry in entries:
        tally.add(entry)
    unfinished = list(tally.begun.values())
    later = ended_later(set(tally.begun)) if tally.begun else set()
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
        failed=_listing(failed, tally.failed_alone + len(tally.failed_runs)),
        never_ended=_listing(never),
        recent=_listing(recent, tally.shown + len(unfinished)),
    )


def with_context(
    summary: Summary, head: ChainHead | None, unreadable: int = 0, skipped: str = "", scheduled: bool = False
) -> Summary:
    """The summary with what its entries do not tell."""
    return replace(summary, head=head, unreadable=unreadable, skipped=skipped, scheduled=scheduled)


class _Tally:
    """Counts entries as they come, and keeps no more of them than the lists need."""

    def __init__(self) -> None:
        self.entries = 0
        self.outcomes: dict[str, int] = {}
        self.sources: dict[str, int] = {}
        self.runs: dict[str, tuple[str, str]] = {}
        """Of each run: the outcome and the source that it counts as."""
        self.begun: dict[str, Entry] = {}
        """The beginning of each run that has not ended."""
        self.failed_runs: dict[str, Entry] = {}
        self.failed_alone = 0
        self.failed: deque[Entry] = deque(maxlen=LISTED)
        """The last of those that are no part of a run."""
        self.shown = 0
        self.recent: deque[Entry] = deque(maxlen=LISTED)

    def add(self, entry: Entry) -> None:
        self.entries += 1
        run, outcome = entry.run, entry.outcome
        if run is None:
            self._count(outcome, entry.source, 1)
            if outcome == "failed":
                self.failed_alone += 1
                self.failed.append(entry)
        else:
            self._add_to_run(run, entry)
        if run is None or outcome != "started":
            self.shown += 1
            self.recent.append(entry)

    def _add_to_run(self, run: str, entry: Entry) -> None:
        outcome = entry.outcome
        before = self.runs.get(run)
        if outcome == "started":
            self.begun.setdefault(run, entry)
        elif outcome in _ENDINGS:
            self.begun.pop(run, None)
            self.failed_runs.pop(run, None)
            if outcome == "failed":  # it may be tried again, and help
                self.failed_runs[run] = entry
        if before is None or outcome in _ENDINGS or (outcome == "started" and before[0] not in _ENDINGS):
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
    return Listing(len(entries) if count is None else count, tuple(map(_line, entries[-LISTED:])))


def _line(entry: Entry) -> Line:
    return Line(entry.seq, entry.ts, entry.action, entry.source, entry.outcome, entry.run)
