"""The report of a cycle, for people and for programs."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from qt_repair.weekly.outcome import Cycle, CycleRequest
from qt_repair.weekly.phase_runner import COMPLETED, FAILED, PASSED, SKIPPED, PhaseResult
from qt_repair.weekly.report import as_json, as_markdown

BEGAN = "2026-11-29T03:00:05.000000Z"


def phase(name: str, verdict: str, *problems: str, summary: str = "all of it") -> PhaseResult:
    return PhaseResult(name, verdict, summary, BEGAN, 1.25, problems)


def cycle(*results: PhaseResult, head: tuple[int, str] | None = (41, "ab" * 32)) -> Cycle:
    request = CycleRequest("0f" * 8, "weekly-self-heal-2026-W48", (), slot=BEGAN, by_schedule=True)
    ended = "2026-11-29T03:01:45.000000Z"
    return Cycle(request, BEGAN, ended, "vps.example.com", "/home/qt/quantum_trader", "3f2a", results, head)


ALL_WELL = cycle(
    phase("ai_agent", PASSED),
    phase("module_integrity", PASSED),
    phase("docker_health", COMPLETED),
    phase("smoke_tests", SKIPPED, summary="nothing to check"),
    phase("audit_trail", PASSED),
)
TWO_FAILED = cycle(
    phase("ai_agent", PASSED),
    phase("module_integrity", FAILED, "altered: current/tools/a.py", "new: current/tools/b.py"),
    phase("docker_health", FAILED, "grafana: is not running"),
    phase("smoke_tests", PASSED),
    phase("audit_trail", PASSED),
)


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (ALL_WELL, "✅ All checks passed"),
        (TWO_FAILED, "❌ 2 of 5 checks failed"),
        (cycle(phase("ai_agent", SKIPPED), phase("smoke_tests", FAILED, "a")), "❌ 1 of 1 checks failed"),
        (cycle(phase("ai_agent", SKIPPED)), "⚠️ Nothing was checked: every phase is skipped"),
    ],
)
def test_the_verdict_counts_what_was_checked(seen: Cycle, verdict: str) -> None:
    assert seen.verdict == verdict


def test_the_verdict_comes_first() -> None:
    assert as_markdown(ALL_WELL).startswith("# ✅ Weekly self-heal 2026-W48: all checks passed\n")
    assert as_markdown(TWO_FAILED).startswith("# ❌ Weekly self-heal 2026-W48: 2 of 5 checks failed\n")


def test_each_phase_has_a_row_with_its_time() -> None:
    text = as_markdown(ALL_WELL)
    assert "Sunday, 2026-11-29, 03:00:05 to 03:01:45 UTC, started by schedule." in text
    assert "| ✅ | Docker health check | COMPLETED | 03:00:05 | 1.2 s | all of it |" in text
    assert "| ➖ | Smoke tests | SKIPPED |  |  | nothing to check |" in text


def test_what_failed_is_listed_with_what_to_do() -> None:
    text = as_markdown(TWO_FAILED)
    assert (
        "### Module integrity check\n\n- `altered: current/tools/a.py`\n- `new: current/tools/b.py`" in text
    )
    assert "weekly_self_heal.py --accept" in text
    assert "What failed" not in as_markdown(ALL_WELL)


def test_many_failures_are_bounded() -> None:
    many = phase("module_integrity", FAILED, *(f"new: t/{number}.py" for number in range(1000)))
    assert "- `and 980 more`" in as_markdown(cycle(many))


def test_host_release_run_and_the_head_of_the_record_are_named() -> None:
    text = as_markdown(ALL_WELL)
    for part in ("`vps.example.com`", "`3f2a`", f"`{'0f' * 8}`", "entry 41", f"sha256 {'ab' * 32}"):
        assert part in text


def test_a_record_that_cannot_be_read_is_mentioned() -> None:
    assert "could not be read" in as_markdown(replace(ALL_WELL, head=None))


def test_foreign_text_is_escaped_in_markdown() -> None:
    nasty = "`a` | <b>\n# c\x1b[31m"
    seen = phase("smoke_tests", FAILED, nasty, summary=nasty)
    text = as_markdown(cycle(replace(seen, notes=(nasty,))))
    assert "\x1b" not in text
    assert "\n# c" not in text
    assert "<b>" not in text.replace("`'a' | <b>", "")
    assert "\\`a\\` \\| \\<b\\>" in text


def test_a_repair_that_was_called_is_mentioned() -> None:
    called = phase("docker_health", COMPLETED).with_repairs(({"repair": "grafana", "text": "Restarted it"},))
    assert "repair `grafana` was called: `Restarted it`; then checked once more" in as_markdown(cycle(called))


def test_the_interrupted_run_is_named() -> None:
    request = replace(ALL_WELL.request, instead_of="ab12")
    assert "Instead of run `ab12`, which was interrupted" in as_markdown(replace(ALL_WELL, request=request))


def test_the_json_report_has_the_same_content() -> None:
    plain = json.loads(as_json(TWO_FAILED))
    assert plain["well"] is False
    assert (plain["checked"], plain["failed"]) == (5, 2)
    assert plain["record"] == {"seq": 41, "hash": "ab" * 32}
    assert [row["verdict"] for row in plain["phases"]] == [PASSED, FAILED, FAILED, PASSED, PASSED]
    assert plain["phases"][1]["problems"] == ["altered: current/tools/a.py", "new: current/tools/b.py"]
