"""A summary as text: the report's own lines, with what needs attention between them. Pure.

The sentences are in templates/summary.txt.
"""

from __future__ import annotations

from qt_audit.record.entry import escaped, log_line
from qt_audit.render.text_template import TextTemplate
from qt_audit.summary.contents import Listing, Summary

_fill_in = TextTemplate("summary.txt").fill_in


def render(summary: Summary) -> str:
    """The text, each line ended. No value in it can end a line or reach a terminal as a command."""
    blocks = [heading(summary), _fill_in("actions", count=summary.actions)]
    for part, outcome, listing in (
        ("failed", "failed", summary.failed),
        ("never_ended", "started", summary.never_ended),
    ):
        if listing.count:
            blocks.append(_fill_in(part, count=listing.count, lines=_lines(summary, listing, outcome)))
    blocks += filter(None, ("\n".join(_notes(summary)), "\n".join(_counts(summary))))
    if summary.recent.count:
        blocks.append(_fill_in("recent", lines=_lines(summary, summary.recent)))
    blocks.append(closing(summary))
    return "\n\n".join(blocks) + "\n"


def heading(summary: Summary) -> str:
    """`Quantum Trader V3 – Daily Audit Summary (2025-12-17)`."""
    return _fill_in("heading", kind=summary.period.kind.capitalize(), label=summary.period.label)


def closing(summary: Summary) -> str:
    """The last line: whether all is well, and how much was done."""
    if not summary.entries and summary.clock:
        return _fill_in("closing_without_trust")
    if not summary.entries:
        return _fill_in("closing_without_entries" if summary.complete else "closing_without_entries_so_far")
    part = "closing_with_failures" if summary.failed.count else "closing"
    return _fill_in(part, failed=summary.failed.count, actions=summary.actions)


def _lines(summary: Summary, listing: Listing, outcome: str = "") -> str:
    """The lines of a listing; if it is cut, first how to find all of them."""
    lines = [log_line(line.ts, line.action) for line in listing.lines]
    if listing.unlisted:
        part = "more_lines_of_outcome" if outcome else "more_lines"
        since, until = summary.period.since[:10], summary.period.until[:10]
        lines.insert(0, _fill_in(part, count=listing.unlisted, since=since, until=until, outcome=outcome))
    return "\n".join(lines)


def _notes(summary: Summary) -> list[str]:
    notes = [_fill_in("clock", period=_period_words(summary), text=escaped(text)) for text in summary.clock]
    if summary.unreadable:
        part = "one_unreadable_line" if summary.unreadable == 1 else "unreadable_lines"
        notes.append(_fill_in(part, count=summary.unreadable))
    if summary.skipped:
        notes.append(_fill_in("skipped", text=escaped(summary.skipped)))
    return notes


def _period_words(summary: Summary) -> str:
    words = {"daily": "on this day", "weekly": "in this week", "monthly": "in this month"}
    return words.get(summary.period.kind, "in this period")


def _counts(summary: Summary) -> list[str]:
    lines = []
    for part, numbers in (("by_outcome", summary.by_outcome), ("by_source", summary.by_source)):
        if numbers:
            counts = ", ".join(f"{number} {escaped(name)}" for name, number in numbers.items())
            lines.append(_fill_in(part, counts=counts))
    if summary.head is not None:
        lines.append(_fill_in("head", seq=summary.head.seq, hash=summary.head.hash))
    if not summary.complete:
        lines.append(_fill_in("so_far", as_of=summary.as_of, until=summary.period.until))
    return lines
