"""Wake the delivery: a small file in status/outbox says that an entry was written that must be told at once.

It is a hint and no more: the record is the truth, and the delivery finds the entry there in any case,
within a minute. So the file is not synced, one is enough for many entries, and a fault is a warning.
"""

from __future__ import annotations

import os

from qt_audit.record.place import DIRECTORY_FLAGS, keep_owner
from qt_audit.record.warning import reason, warn
from qt_audit.settings.table import CHANNELS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from qt_audit.record.entry import Draft
    from qt_audit.settings.loading import Settings
    from qt_audit.urgency import Rule

NAME = "wake"
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Wake:
    """Leaves the file for an installation, where its settings name a channel."""

    __slots__ = ("_path", "_rules", "_rules_text", "_used")

    def __init__(self, settings: Settings) -> None:
        self._path = f"{settings.home}/status/outbox"
        self._used = any(settings[name] for name in CHANNELS)
        self._rules_text: str = settings["QT_NOTIFY_RULES"]
        self._rules: tuple[Rule, ...] | None = None

    def leave(self, draft: Draft, seq: int) -> None:
        """Wake the delivery if somebody must know of this entry at once. Never raises OSError."""
        if self._used and (self._rules_text or _may_be_urgent(draft)) and self._is_urgent(draft):
            try:
                self._write(seq)
            except FileExistsError:  # it is woken already
                pass
            except FileNotFoundError:  # nothing was ever delivered: the first time it looks by itself
                pass
            except OSError as error:
                warn(f"cannot wake the delivery in {self._path}: {reason(error)}")

    def _is_urgent(self, draft: Draft) -> bool:
        from qt_audit.urgency import LATER, RuleError, parse_rules, urgency_of  # hardly any entry gets here

        if self._rules is None:
            try:
                self._rules = parse_rules(self._rules_text)
            except RuleError:  # `check_config` and `deliver` tell of it
                self._rules = ()
        return urgency_of(draft, self._rules) != LATER

    def _write(self, seq: int) -> None:
        directory = os.open(self._path, DIRECTORY_FLAGS)
        try:
            descriptor = os.open(NAME, _NEW, 0o600, dir_fd=directory)
            try:
                keep_owner(descriptor, directory)
                os.write(descriptor, b"%d\n" % seq)
            finally:
                os.close(descriptor)
        finally:
            os.close(directory)


def _may_be_urgent(draft: Draft) -> bool:
    """Whether the built-in rules may find it urgent."""
    return draft.outcome == "failed" or draft.action.startswith("Auto-heal: ")
