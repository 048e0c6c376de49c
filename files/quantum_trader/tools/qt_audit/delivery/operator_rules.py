"""What the operator chose of the delivery (QT_NOTIFY_RULES, QT_QUIET_HOURS), and what is wrong in it."""

from __future__ import annotations

from qt_audit.delivery.gathering.quiet_hours import QuietError, QuietHours, parse_quiet_hours
from qt_audit.delivery.message import Values
from qt_audit.urgency import Rule, RuleError, parse_rules

RULES, QUIET = "QT_NOTIFY_RULES", "QT_QUIET_HOURS"


def rules(settings: Values) -> tuple[Rule, ...]:
    """The operator's rules; none where they cannot be used: then ours alone count."""
    try:
        return parse_rules(settings[RULES])
    except RuleError:
        return ()


def quiet_hours(settings: Values) -> QuietHours | None:
    """The quiet hours; none where they cannot be used."""
    try:
        return parse_quiet_hours(settings[QUIET])
    except QuietError:
        return None


def problems(settings: Values) -> list[str]:
    """One line each, the setting's name first."""
    found = []
    try:
        parse_rules(settings[RULES])
    except RuleError as error:
        found.append(f"{RULES} {error}")
    try:
        parse_quiet_hours(settings[QUIET])
    except QuietError as error:
        found.append(f"{QUIET} {error}")
    return found
