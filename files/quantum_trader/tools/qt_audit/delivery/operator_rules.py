"""The operator's rules and quiet hours (QT_NOTIFY_RULES, QT_QUIET_HOURS), and the problems in them."""

from __future__ import annotations

from qt_audit.delivery.gathering.quiet_hours import QuietError, QuietHours, parse_quiet_hours
from qt_audit.delivery.message import Values
from qt_audit.urgency import Rule, RuleError, parse_rules

RULES, QUIET = "QT_NOTIFY_RULES", "QT_QUIET_HOURS"


def rules(settings: Values) -> tuple[Rule, ...]:
    """The operator's rules; none if they cannot be used. Then only the built-in rules apply."""
    try:
        return parse_rules(settings[RULES])
    except RuleError:
        return ()


def quiet_hours(settings: Values) -> QuietHours | None:
    """The quiet hours; None if none are set or they cannot be used."""
    try:
        return parse_quiet_hours(settings[QUIET])
    except QuietError:
        return None


def problems(settings: Values) -> list[str]:
    """The problems of both settings, one line each, the setting's name first."""
    lines = []
    try:
        parse_rules(settings[RULES])
    except RuleError as error:
        lines.append(f"{RULES} {error}")
    try:
        parse_quiet_hours(settings[QUIET])
    except QuietError as error:
        lines.append(f"{QUIET} {error}")
    return lines
