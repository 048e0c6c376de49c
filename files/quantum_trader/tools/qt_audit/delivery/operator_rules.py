"""What the operator chose of the delivery (QT_NOTIFY_RULES, QT_QUIET_HOURS), and what is wrong in it."""

from __future__ import annotations

from typing import Any, Protocol

from qt_audit import urgency as policy
from qt_audit.delivery.gathering import quiet_hours as quiet
from qt_audit.delivery.gathering.quiet_hours import QuietError, QuietHours
from qt_audit.urgency import Rule, RuleError

RULES, QUIET = "QT_NOTIFY_RULES", "QT_QUIET_HOURS"


class Values(Protocol):
    """Settings by name, as qt_audit.settings.loading reads them."""

    def __getitem__(self, name: str, /) -> Any: ...


def rules(settings: Values) -> tuple[Rule, ...]:
    """The operator's rules; none where they cannot be used: then ours alone count."""
    try:
        return policy.rules(settings[RULES])
    except RuleError:
        return ()


def quiet_hours(settings: Values) -> QuietHours | None:
    """The quiet hours; none where they cannot be used."""
    try:
        return quiet.quiet_hours(settings[QUIET])
    except QuietError:
        return None


def problems(settings: Values) -> list[str]:
    """One line each, the setting's name first."""
    found = []
    try:
        policy.rules(settings[RULES])
    except RuleError as error:
        found.append(f"{RULES} {error}")
    try:
        quiet.quiet_hours(settings[QUIET])
    except QuietError as error:
        found.append(f"{QUIET} {error}")
    return found
