"""The sentences and outcomes of the monitor's entries. Pure.

The entries of one incident share a `run`. Its last entry decides how the run counts: as failed for a breach
that nobody repairs, as succeeded for one that is over.
"""

from __future__ import annotations

from qt_repair.monitor.event_loop.clock import duration_text

EntryText = tuple[str, str]
"""The sentence of an entry (its action) and its outcome."""

STARTED: EntryText = ("Realtime monitor: Started", "info")
STOPPED: EntryText = ("Realtime monitor: Stopped", "info")
RELOADED: EntryText = ("Realtime monitor: Took up a new configuration", "info")
REFUSED: EntryText = ("Realtime monitor: Refused a new configuration; the old one stays", "failed")
TRIGGERED: EntryText = ("Auto-heal: Triggered by realtime monitor threshold breach", "started")
UNSEEN: EntryText = ("Auto-heal: Interrupted - the monitor was ended during the repair", "failed")
NOT_BEGUN: EntryText = ("Auto-heal: Interrupted - the monitor was stopped before the repair began", "failed")

RECOVERED = "Auto-heal: Recovered after"


def breach(name: str, found: str) -> EntryText:
    """A breach of a threshold without repairs."""
    return f"Auto-heal: Realtime monitor threshold breach, no repair configured ({name}: {found})", "failed"


def completed(exit_code: int) -> EntryText:
    if exit_code == 0:
        return "Auto-heal: Completed successfully (exit code 0)", "succeeded"
    return f"Auto-heal: Failed (exit code {exit_code})", "failed"


def interrupted(exit_code: int | None) -> EntryText:
    """The repair was interrupted by a stop of the monitor. None: it has not ended yet."""
    how = "it goes on by itself" if exit_code is None else f"exit code {exit_code}"
    return f"Auto-heal: Interrupted - the monitor was stopped during the repair ({how})", "failed"


def recovered(seconds: float) -> EntryText:
    return f"{RECOVERED} {duration_text(seconds)}", "succeeded"


def no_longer_watched(name: str) -> EntryText:
    return f"Auto-heal: {name} is no longer watched; it was in breach", "info"


def flapping(name: str, changes: int, within: float) -> EntryText:
    text = f"Auto-heal: {name} is flapping ({changes} changes in {duration_text(within)})"
    return f"{text}; further ones are counted, not recorded", "failed"


def calm(name: str, changes: int, seconds: float, breached: bool) -> EntryText:
    """The end of flapping: the threshold is clear, or in breach (then an incident follows)."""
    more = f"{changes} more change" + ("s" if changes != 1 else "")
    text = f"Auto-heal: {name} has stopped flapping ({more} in {duration_text(seconds)})"
    return (f"{text} and stays in breach", "info") if breached else (text, "succeeded")
