"""A summary as text: the report's own lines, with what needs attention between them. Pure."""

from __future__ import annotations

from qt_audit.record.entry import escaped, log_line
from qt_audit.summary.contents import Listing, Summary

_RULE = "=" * 60
_PRODUCT = "Quantum Trader V3"


def render(summary: Summary) -> str:
    """The text, each line ended. Nothing in it can end a line or reach a terminal as a command."""
    blocks = [heading(summary), f"📊 Total Actions: {summary.actions}", *_attention(summary)]
    counts = _counts(summary)
    if counts:
        blocks.append(counts)
    if summary.recent.count:
        blocks.append(_recent(summary))
    blocks.append(closing(summary))
    return "\n\n".join(blocks) + "\n"


def heading(summary: Summary) -> str:
    """`Quantum Trader V3 – Daily Audit Summary (2025-12-17)`."""
    return f"{_PRODUCT} – {summary.period.kind.capitalize()} Audit Summary ({summary.period.label})"


def closing(summary: Summary) -> str:
    """The last line: whether all is well, and how much was done."""
    failed, so_far = summary.failed.count, "" if summary.complete else " so far"
    if not summary.entries:
        return f"✅ All clear{so_far}: no auto-repair actions were needed"
    if failed:
        return f"❌ {failed} of {summary.actions} auto-repair actions failed"
    return f"✅ {summary.actions} auto-repair actions executed"


def _attention(summary: Summary) -> list[str]:
    """What somebody should look at, worst first."""
    blocks = []
    if summary.failed.count:
        blocks.append(_titled("❌ Failed", summary.failed, f"{_query(summary)} --outcome failed"))
    if summary.never_ended.count:
        blocks.append(
            _titled("⏳ Started and never ended", summary.never_ended, f"{_query(summary)} --outcome started")
        )
    notes = []
    if summary.unreadable:
        lines = (
            "1 line is no entry" if summary.unreadable == 1 else f"{summary.unreadable} lines are no entries"
        )
        notes.append(f"⚠️ {lines}; `audit_logger.py verify` names what is wrong")
    if summary.skipped:
        notes.append(f"⚠️ {escaped(summary.skipped)}")
    if notes:
        blocks.append("\n".join(notes))
    return blocks


def _titled(title: str, listing: Listing, query: str) -> str:
    return "\n".join([f"{title}: {listing.count}", *_lines(listing, query)])


def _lines(listing: Listing, query: str) -> list[str]:
    lines = [log_line(line.ts, line.action) for line in listing.lines]
    if listing.unlisted:
        lines.insert(0, f"… {listing.unlisted} more before these; all of them: audit_logger.py {query}")
    return lines


def _counts(summary: Summary) -> str:
    lines = []
    if summary.by_outcome:
        lines.append(
            "By outcome: " + ", ".join(f"{count} {name}" for name, count in summary.by_outcome.items())
        )
    if summary.by_source:
        lines.append(
            "By source: " + ", ".join(f"{count} {escaped(name)}" for name, count in summary.by_source.items())
        )
    if summary.head is not None:
        lines.append(f"Head: seq {summary.head.seq}, {summary.head.hash}")
    if not summary.complete:
        lines.append(f"So far: until [{summary.as_of}]; the period ends at [{summary.period.until}]")
    return "\n".join(lines)


def _recent(summary: Summary) -> str:
    return "\n".join(["Recent Actions:", _RULE, *_lines(summary.recent, _query(summary)), _RULE])


def _query(summary: Summary) -> str:
    return f"query --since {summary.period.since[:10]} --until {summary.period.until[:10]}"
