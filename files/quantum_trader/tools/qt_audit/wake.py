"""Wake the delivery: create a small file in status/outbox after an entry that must be reported at once.

The file only saves time: without it the delivery finds the entry in the record within a minute. So the file
is not synced, one file serves many entries, and an error is only a warning.
"""

from __future__ import annotations

import os

from qt_audit.record.place import DIRECTORY_FLAGS, inherit_owner
from qt_audit.record.warning import reason, warn
from qt_audit.settings.table import CHANNELS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from qt_audit.record.entry import Draft
    from qt_audit.settings.loading import Settings
    from qt_audit.urgency import Rule

NAME = "wake"
_CREATE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class WakeFile:
    """Creates the wake file of an installation whose settings name a channel."""

    __slots__ = ("_directory", "_has_channel", "_rules", "_rules_text")

    def __init__(self, settings: Settings) -> None:
        self._directory = f"{settings.home}/status/outbox"
        self._has_channel = any(settings[name] for name in CHANNELS)
        self._rules_text: str = settings["QT_NOTIFY_RULES"]
        self._rules: tuple[Rule, ...] | None = None

    def create_if_urgent(self, draft: Draft, seq: int) -> None:
        """Create the file if this entry must be reported at once. Never raises OSError."""
        if self._has_channel and (self._rules_text or _may_be_urgent(draft)) and self._is_urgent(draft):
            try:
                self._create(seq)
            except FileExistsError:  # the delivery is woken already
                pass
            except FileNotFoundError:  # no delivery ran yet; the first one needs no waking
                pass
            except OSError as error:
                warn(f"cannot wake the delivery in {self._directory}: {reason(error)}")

    def _is_urgent(self, draft: Draft) -> bool:
        from qt_audit.urgency import LATER, RuleError, parse_rules, urgency_of  # hardly any entry gets here

        if self._rules is None:
            try:
                self._rules = parse_rules(self._rules_text)
            except RuleError:  # `check_config` and `deliver` tell of it
                self._rules = ()
        return urgency_of(draft, self._rules) != LATER

    def _create(self, seq: int) -> None:
        directory = os.open(self._directory, DIRECTORY_FLAGS)
        try:
            descriptor = os.open(NAME, _CREATE_FLAGS, 0o600, dir_fd=directory)
            try:
                inherit_owner(descriptor, directory)
                os.write(descriptor, b"%d\n" % seq)
            finally:
                os.close(descriptor)
        finally:
            os.close(directory)


def _may_be_urgent(draft: Draft) -> bool:
    """Whether the built-in rules may find the entry urgent."""
    return draft.outcome == "failed" or draft.action.startswith("Auto-heal: ")
