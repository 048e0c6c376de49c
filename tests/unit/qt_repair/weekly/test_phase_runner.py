"""A phase runs in a process of its own: whatever it does, the others still run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn

import pytest

from qt_repair.host.isolated_call import IsolatedCallError, ReportedError, call_isolated
from qt_repair.weekly.observation import PhaseError
from qt_repair.weekly.phase_runner import FAILED, PASSED, SKIPPED, PhaseResult
from qt_repair.weekly.phases.ai_agent import prediction_problem


def test_the_result_of_the_function_is_returned() -> None:
    assert call_isolated(lambda: {"pid": os.getpid()}, 30)["pid"] != os.getpid()


def test_a_large_result_is_returned_whole() -> None:
    assert len(call_isolated(lambda: "x" * 10_000_000, 30)) == 10_000_000


def test_one_that_hangs_is_stopped_and_named() -> None:
    with pytest.raises(IsolatedCallError, match=r"did not end within 0\.2 s and was stopped"):
        call_isolated(lambda: time.sleep(60), 0.2)


def test_one_that_ignores_signals_is_stopped_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qt_repair.host.isolated_call._GRACE_S", 0.2)

    def deaf() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)

    with pytest.raises(IsolatedCallError, match="did not end"):
        call_isolated(deaf, 0.2)


def test_its_child_processes_are_ended_with_it(tmp_path: Path) -> None:
    def starts() -> None:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        (tmp_path / "pid").write_text(str(child.pid))
        child.wait()

    with pytest.raises(IsolatedCallError, match="did not end"):
        call_isolated(starts, 2)
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 30
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _raise(error: BaseException) -> NoReturn:
    raise error


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ValueError("no such thing"), r"crashed \(ValueError: no such thing\)"),
        (MemoryError(), r"crashed \(MemoryError: \)"),
        (SystemExit(3), r"crashed \(exit status 3\)"),
    ],
)
def test_one_that_raises_has_crashed(error: BaseException, says: str) -> None:
    with pytest.raises(IsolatedCallError, match=says):
        call_isolated(lambda: _raise(error), 30)


def test_one_that_is_killed_has_crashed() -> None:
    with pytest.raises(IsolatedCallError, match=r"crashed \(SIGKILL\)"):
        call_isolated(lambda: os.kill(os.getpid(), signal.SIGKILL), 30)


def test_reported_exceptions_are_passed_on() -> None:
    with pytest.raises(ReportedError, match=r"^correct the path$"):
        call_isolated(lambda: _raise(PhaseError("correct the path")), 30, (PhaseError,))


def test_a_thread_that_is_left_running_does_not_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qt_repair.host.isolated_call._GRACE_S", 0.2)

    def leaves() -> int:
        threading.Thread(target=time.sleep, args=(60,)).start()
        return 1

    assert call_isolated(leaves, 30) == 1


def result(verdict: str, *problems: str, summary: str = "3 files") -> PhaseResult:
    return PhaseResult("smoke_tests", verdict, summary, "2026-11-29T03:00:00.000000Z", 1.5, problems)


@pytest.mark.parametrize(
    ("seen", "sentence"),
    [
        (result(PASSED), "Weekly self-heal: Smoke tests - PASSED"),
        (result(FAILED, "a: b"), "Weekly self-heal: Smoke tests - FAILED: a: b"),
        (result(FAILED, "a: b", "c"), "Weekly self-heal: Smoke tests - FAILED: a: b (and 1 more)"),
        (result(SKIPPED, summary="switched off"), "Weekly self-heal: Smoke tests - SKIPPED: switched off"),
        (result(FAILED, "x" * 200), f"Weekly self-heal: Smoke tests - FAILED: {'x' * 160}…"),
    ],
)
def test_the_entry_states_verdict_and_reason(seen: PhaseResult, sentence: str) -> None:
    assert seen.sentence == sentence


def test_the_details_of_an_entry_are_bounded() -> None:
    details = result(FAILED, *map(str, range(1000))).entry_details()
    assert details["problems"] == [*map(str, range(10)), "and 990 more"]
    assert details["verdict"] == FAILED


@pytest.mark.parametrize(
    ("value", "model", "wrong"),
    [
        (0.5, {}, ""),
        (0.5, {"lowest": 0, "highest": 1}, ""),
        (-2, {"lowest": 0}, "predicts -2 for the sample row, below lowest (0)"),
        (2, {"highest": 1}, "predicts 2 for the sample row, above highest (1)"),
    ],
)
def test_a_prediction_is_within_its_bounds(value: float, model: dict[str, float], wrong: str) -> None:
    assert prediction_problem(value, model) == wrong
