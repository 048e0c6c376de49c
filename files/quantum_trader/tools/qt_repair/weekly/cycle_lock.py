"""The lock that one validation cycle at a time holds, and the ledger file that it protects."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from qt_audit.reading.history import History
from qt_audit.record.entry import now
from qt_audit.record.head import Busy
from qt_audit.record.place import Place
from qt_audit.record.state_directory import StateDirectory
from qt_audit.recorder import log_action
from qt_audit.summary import period
from qt_repair.engine.state_file import read_state_file
from qt_repair.weekly.ledger import (
    MOST_ATTEMPTS,
    Ledger,
    LedgerError,
    Running,
    decode,
    encode,
    initial_ledger,
)
from qt_repair.weekly.module_tree.manifest import SOURCE
from qt_repair.weekly.phase_runner import TITLE

DIRECTORY, NAME, _LOCK = "repair", "weekly.json", ".weekly.lock"
_REPORTS_TIMEOUT = 60.0
_LARGEST = 1 << 20
COMPLETED = f"{TITLE}: Completed"
INTERRUPTED = f"{TITLE}: Interrupted"
_NOT_RUN = f"{TITLE}: Not run"


class AnotherRunsError(Exception):
    """Another cycle runs; the text says since when."""


class CycleLock:
    """A context that holds the lock. The kernel releases it with the process, however that ends.

    Entering raises AnotherRunsError at once if another process holds it, OSError if it cannot be taken.
    """

    def __init__(self, home: str, slot: str, print_line: Callable[[str], None]) -> None:
        """`slot` is the present one. `print_line` gets a line about a damaged ledger that was replaced."""
        self._place = Place(home, home=True)
        self._slot = slot
        self._print_line = print_line
        self._files = StateDirectory(self._place, 0.0, DIRECTORY, _LOCK)
        self.ledger = Ledger(slot)

    def __enter__(self) -> CycleLock:
        try:
            self._files.__enter__()
        except Busy:
            raise AnotherRunsError(_holder_text(self._place)) from None
        try:
            self.ledger = self._load()
        except BaseException:
            self._files.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.__exit__(kind, error, trace)

    def save(self, ledger: Ledger) -> None:
        """Replace the ledger, durably. Raises OSError."""
        self._files.write(NAME, encode(ledger))
        self.ledger = ledger

    def close_interrupted_cycle(self) -> Running | None:
        """Close a cycle that was killed, and return it; None if there is none. Raises OSError.

        One that was killed after its last entry counts as done; any other is recorded as interrupted.
        """
        interrupted = self.ledger.running
        if interrupted is None:
            return None
        ending = _recorded_ending(self._place, interrupted)
        if ending == COMPLETED:
            self.save(self.ledger.without_running(interrupted.slot))
            return None
        if ending is None:
            log_action(
                f"{INTERRUPTED} - the validation cycle of {interrupted.began[:19]}Z did not end",
                source=SOURCE,
                outcome="failed",
                run=interrupted.run,
            )
        self.save(self.ledger.without_running(None))
        return interrupted

    def give_up(self, slot: str) -> str:
        """Run no more cycles for this slot, and record that. Returns why, for people. Raises OSError."""
        times = f"the cycle of {slot[:16]}Z was interrupted {MOST_ATTEMPTS} times"
        sentence = f"{TITLE}: Given up - {times}; the next one is tried again"
        log_action(sentence, source=SOURCE, outcome="failed")
        self.save(self.ledger.without_running(slot))
        return times

    def _load(self) -> Ledger:
        data = self._files.read(NAME)
        if data is not None:
            try:
                return decode(data)
            except LedgerError as error:
                self._files.set_aside(NAME, f"{NAME}.damaged")
                path = f"{self._files.path}/{NAME}"
                self._print_line(f"{path}: {error}; begun anew, the old one is kept as {NAME}.damaged")
        with StateDirectory(self._place, _REPORTS_TIMEOUT) as reports:
            ledger = initial_ledger(self._slot, reports.names())
        self.save(ledger)
        return ledger


def record_not_run(home: str, why: str) -> None:
    """Record that nothing was checked: once a day, not each time that the schedule calls."""
    today = period.period_at("daily", now())
    source, words = f'"source":"{SOURCE}"'.encode(), _NOT_RUN.encode()
    try:
        window = History(Place(home, home=True)).window(
            today.since, line_filter=lambda line: source in line and words in line, details=False
        )
        if any(entry.source == SOURCE and entry.action.startswith(_NOT_RUN) for entry in window):
            return
    except OSError:  # it cannot be read, but perhaps it can be written
        pass
    log_action(f"{_NOT_RUN} - {why}", source=SOURCE, outcome="failed")


def read_ledger(home: str) -> Ledger | None:
    """The ledger, read without the lock; None if there is none or if it cannot be read."""
    try:
        return decode(read_state_file(f"{home}/status/{DIRECTORY}/{NAME}", _LARGEST))
    except (OSError, LedgerError):
        return None


def _holder_text(place: Place) -> str:
    ledger = read_ledger(place.path)
    since = (
        f" since {ledger.running.began[:19]}Z" if ledger is not None and ledger.running is not None else ""
    )
    return f"another validation cycle is running{since}; wait for its end"


def _recorded_ending(place: Place, interrupted: Running) -> str | None:
    """How the record says that a run ended: COMPLETED, INTERRUPTED, or None if it has no last entry."""
    run = f'"run":"{interrupted.run}"'.encode()
    found = None
    for entry in History(place).window(interrupted.began, line_filter=lambda line: run in line):
        if entry.run == interrupted.run:
            for ending in (COMPLETED, INTERRUPTED):
                if entry.action.startswith(ending):
                    found = ending
    return found
