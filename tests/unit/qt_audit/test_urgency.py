"""What is told at once, what waits for the summaries, and what entries have in common."""

from __future__ import annotations

from typing import Any

import pytest

from qt_audit.delivery.incidents.subject import ends, facts_of, subject_of
from qt_audit.record.entry import OUTCOMES, Entry
from qt_audit.urgency import CRITICAL, LATER, NOW, SOURCE, RuleError, parse_rules, urgency_of
from qt_repair.monitor import wording as sentences


def entry(action: str = "System check", outcome: str = "info", **more: Any) -> Entry:
    source, run, details = more.get("source", "me"), more.get("run"), more.get("details", {})
    return Entry(
        7, "2026-11-22T10:00:00.000000Z", action, source, outcome, "vps", "qt", 1, run, details, "0" * 64
    )


REPAIR = "Auto-repair: Restarted Grafana container"
BREACH = sentences.TRIGGERED[0]


@pytest.mark.parametrize(
    ("action", "outcome", "details", "expected"),
    [
        (REPAIR, "info", {}, LATER),
        (REPAIR, "started", {}, LATER),
        (REPAIR, "succeeded", {}, LATER),
        (f"{REPAIR} - FAILED: exit code 1", "failed", {}, NOW),
        ("Auto-repair: Frozen grafana", "failed", {"escalation": True}, CRITICAL),
        ("Auto-repair: Frozen grafana", "failed", {"escalation": "yes"}, NOW),
        ("Auto-repair: Frozen grafana", "info", {"escalation": True}, LATER),
        (BREACH, "started", {}, NOW),
        (sentences.recovered(61.0)[0], "succeeded", {}, NOW),
        (sentences.completed(0)[0], "succeeded", {}, LATER),
        (sentences.completed(1)[0], "failed", {}, NOW),
        (sentences.breach("Grafana", "down")[0], "failed", {}, NOW),
        (sentences.flapping("Grafana", 9, 600.0)[0], "failed", {}, NOW),
        (sentences.STARTED[0], "info", {}, LATER),
    ],
)
def test_without_rules_failures_breaches_and_recoveries_are_told_at_once(
    action: str, outcome: str, details: dict[str, Any], expected: str
) -> None:
    assert urgency_of(entry(action, outcome, details=details)) == expected


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", {"failed": NOW}),
        ("later outcome=failed", {}),
        ("critical outcome=failed", {"failed": CRITICAL}),
        ("now outcome=info", {"failed": NOW, "info": NOW}),
        ("now source=me", dict.fromkeys(OUTCOMES, NOW)),
        ("now source=you", {"failed": NOW}),
        ("later action=^Sys", {}),
        ("later action=^sys", {"failed": NOW}),
        ("critical outcome=failed source=me action=m c", {"failed": CRITICAL}),
        ("critical outcome=failed source=you action=m c", {"failed": NOW}),
        ("later outcome=failed; critical source=me", {**dict.fromkeys(OUTCOMES, CRITICAL), "failed": LATER}),
        (";; now outcome=started ;", {"failed": NOW, "started": NOW}),
    ],
)
def test_the_first_rule_that_matches_decides(outcome: str, text: str, told: dict[str, str]) -> None:
    assert urgency_of(entry("System check", outcome), parse_rules(text)) == told.get(outcome, LATER)


@pytest.mark.parametrize("text", ["", "now outcome=failed", "critical action=."])
def test_what_the_delivery_says_of_itself_is_never_told_at_once(text: str) -> None:
    own = entry("Notification: Channel mail-1 disabled", "failed", source=SOURCE)
    assert urgency_of(own, parse_rules(text)) == LATER


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("soon outcome=failed", "rule 1 must begin with later, now or critical"),
        ("now outcome=failed; nowadays source=x", "rule 2 must begin with"),
        ("now", "rule 1: after now come"),
        ("now everything", "rule 1: after now come"),
        ("now outcome=broken", "rule 1: outcome must be one of info, started, succeeded, failed"),
        ("now outcome=failed outcome=info", "once each"),
        ("now source=", "rule 1: source= has no value"),
        ("now action=", "rule 1: action= has no value"),
        ("now action=(", "rule 1: action must be a regular expression"),
        ("now action=a{99999999999}", "rule 1: action must be a regular expression"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_by_its_number(text: str, says: str) -> None:
    with pytest.raises(RuleError, match=says.replace("(", r"\(")):
        parse_rules(text)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (entry(details={"threshold": "disk /", "repair": "disk"}), "threshold disk /"),
        (entry(details={"repair": "grafana"}, run="r1"), "repair grafana"),
        (entry(f"{REPAIR} - FAILED: no", run="r1"), f"me: {REPAIR}"),
        (entry(REPAIR, run="r2"), f"me: {REPAIR}"),
        (entry(details={"repair": ["grafana"]}), "me: System check"),
        (entry(details={"threshold": ""}), "me: System check"),
    ],
)
def test_a_subject_is_what_an_entry_is_about(one: Entry, expected: str) -> None:
    assert subject_of(one) == expected


@pytest.mark.parametrize(
    ("saying", "over"),
    [
        (sentences.recovered(5.0), True),
        (sentences.calm("Grafana", 9, 600.0, breached=False), True),
        (sentences.calm("Grafana", 9, 600.0, breached=True), False),
        (sentences.no_longer_watched("Grafana"), True),
        (sentences.completed(0), False),
        (sentences.completed(1), False),
        (sentences.TRIGGERED, False),
        (sentences.UNSEEN, False),
        (sentences.flapping("Grafana", 9, 600.0), False),
        (sentences.breach("Grafana", "down"), False),
    ],
)
def test_a_breach_is_over_when_the_monitor_says_so(saying: tuple[str, str], over: bool) -> None:
    assert ends(entry(*saying, details={"threshold": "Grafana"}), "threshold Grafana") is over


@pytest.mark.parametrize(
    ("action", "outcome", "over"),
    [
        (REPAIR, "succeeded", True),
        ("Auto-repair: Unfrozen grafana: healthy for 300 s", "info", True),
        ("Auto-repair: Unfrozen grafana by hand", "info", False),
        (REPAIR, "started", False),
        (f"{REPAIR} - FAILED: no", "failed", False),
    ],
)
def test_a_repair_is_over_when_it_helped_or_is_not_needed(action: str, outcome: str, over: bool) -> None:
    assert ends(entry(action, outcome), "repair grafana") is over


def test_only_short_values_are_told_of_details() -> None:
    details = {"a": 1, "output": "long", "ok": True, "b": 1.5, "c": "x", "list": [1], "none": None}
    assert facts_of(details) == (("a", "1"), ("b", "1.5"), ("c", "x"))
    assert len(facts_of({str(number): number for number in range(50)})) == 12
