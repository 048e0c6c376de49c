"""Which period of each kind is due next, so that each finished period is summarised exactly once. Pure.

The ledger is status/reports/ledger.json:

    {"daily": {"next": "2026-11-23", "skipped": [{"first": "2026-09-01", …}]}, "weekly": …}

`next` is the first day of the next period that is due. It moves on only after the summary of that period is
filed, and not back if the clock is set back: only where the record shows that the clock was ahead.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from qt_audit.summary.period import KINDS, Period, finished_from, period_at

NAME = "ledger.json"
DAYS_BACK = 31
"""Periods that ended so many days ago, or earlier, are skipped, and the next summary says so."""
_MAX_SKIPS = 20


class LedgerError(ValueError):
    """The ledger's text is not a ledger."""


@dataclass(frozen=True)
class Skip:
    """Periods that were never summarised, because the schedule did not run for a long time."""

    first: date
    """First day of the first of them."""
    last: date
    """Last day of the last of them."""
    count: int
    before: date
    """First day of the period that was due after them."""

    def text(self, kind: str) -> str:
        """A sentence for people about the skipped periods."""
        what = f"1 {kind} summary was" if self.count == 1 else f"{self.count} {kind} summaries were"
        return (
            f"{what} skipped ({self.first} to {self.last}: more than {DAYS_BACK} days ago);"
            f" audit_logger.py {kind}_summary --date makes one of any date"
        )


@dataclass(frozen=True)
class Progress:
    """How far the schedule has come with the periods of one kind."""

    next: Period
    skips: tuple[Skip, ...] = ()

    def due(self, now: str) -> list[Period]:
        """The finished periods that have no summary yet, oldest first."""
        return list(finished_from(self.next, now))

    def without_old(self, now: str) -> Progress:
        """The progress after skipping the periods that are too old; its last skip names them."""
        limit = date.fromisoformat(now[:10]) - timedelta(days=DAYS_BACK)
        old = [period for period in self.due(now) if period.after <= limit]
        if not old:
            return self
        after = old[-1].next()
        skip = Skip(old[0].first_day, old[-1].last_day, len(old), after.first_day)
        return Progress(after, (*self.skips, skip)[-_MAX_SKIPS:])

    def after_filing(self, period: Period) -> Progress:
        """The progress after this period's summary is filed. Never goes back."""
        return replace(self, next=max(self.next, period.next()))

    def skip_before(self, period: Period) -> Skip | None:
        """The skip just before this period; None if none was skipped."""
        return next((skip for skip in self.skips if skip.before == period.first_day), None)


def initial_progress(
    kind: str, newest_filed: Period | None, first_entry_ts: str | None, now: str
) -> Progress:
    """The progress without a ledger: after the newest summary that the schedule filed.

    If there is none, the period of the first entry is due first; without entries, the present period.
    """
    if newest_filed is not None:
        return Progress(newest_filed.next())
    return Progress(period_at(kind, min(first_entry_ts or now, now)))


def decode(data: bytes) -> dict[str, Progress]:
    """The progress of each kind that has begun. Raises LedgerError."""
    try:
        return {kind: _progress(kind, plain) for kind, plain in json.loads(data).items() if kind in KINDS}
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise LedgerError(f"not a ledger ({type(error).__name__})") from None


def encode(ledger: Mapping[str, Progress]) -> bytes:
    """The ledger's text."""
    plain = {kind: _plain(progress) for kind, progress in ledger.items()}
    return (json.dumps(plain, indent=2) + "\n").encode("ascii")


def _progress(kind: str, plain: Mapping[str, Any]) -> Progress:
    period = period_at(kind, plain["next"])
    if f"{period.first_day}" != plain["next"]:
        raise ValueError("not the first day of a period")
    skips = [
        Skip(
            date.fromisoformat(skip["first"]),
            date.fromisoformat(skip["last"]),
            int(skip["count"]),
            date.fromisoformat(skip["before"]),
        )
        for skip in plain.get("skipped", [])
    ]
    return Progress(period, tuple(skips))


def _plain(progress: Progress) -> dict[str, Any]:
    skips = [
        {"first": f"{skip.first}", "last": f"{skip.last}", "count": skip.count, "before": f"{skip.before}"}
        for skip in progress.skips
    ]
    return {"next": f"{progress.next.first_day}", **({"skipped": skips} if skips else {})}
