"""What the monitor's entries say: sentence and outcome. Pure.

The entries of one incident share a `run`, which counts as what its last ending says: a breach
that nobody repairs as failed, one that is over as succeeded.
"""

from __future__ import annotations

from qt_repair.monitor.event_loop.clock import duration_text

EntryText = tuple[str, str]
"""The action that people read, and the outcome."""

STARTED: EntryText = ("Realtime monitor: Started", "info")
STOPPED: EntryText = ("Realtime monitor: Stopped", "info")
RELOADED: EntryText = ("Realtime monitor: Took up a new configuration", "info")
REFUSED: EntryText = ("Realtime monitor: Refused a new configuration; the old one stays", "failed")
TRIGGERED: EntryText = ("Auto-heal: Triggered by realtime monitor threshold breach", "started")
UNSEEN: EntryText = ("Auto-heal: Interrupted - the monitor was ended during the repair", "failed")
NOT_BEGUN: EntryText = ("Auto-heal: Interrupted - the monitor was stopped before the repair began", "failed")

RECOVERED = "Auto-heal: Recovered after"


def breach(name: str, found: str) -> EntryText:
    """One that has no repair."""
    return f"Auto-heal: Realtime monitor threshold breach, no repair configured ({name}: {found})", "failed"


def completed(exit_code: int) -> EntryText:
    if exit_code == 0:
        return "Auto-heal: Completed successfully (exit code 0)", "succeeded"
    return f"Auto-heal: Failed (exit code {exit_code})", "failed"


def interrupted(exit_code: int | None) -> EntryText:
    """By a stop of the monitor; None: it had not ended yet."""
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
    """How the flapping ended: clear, or in breach (an incident follows)."""
    more = f"{changes} more change" + ("s" if changes != 1 else "")
    text = f"Auto-heal: {name} has stopped flapping ({more} in {duration_text(seconds)})"
    return (f"{text} and stays in breach", "info") if breached else (text, "succeeded")
