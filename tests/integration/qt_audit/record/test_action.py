"""action(): the entries before and after a body, whatever happens in it."""

from __future__ import annotations

from pathlib import Path

from tests.support.recording import actions, check, program, succeeded


def test_an_action_is_two_entries_of_one_run(tmp_path: Path) -> None:
    code = """
    with action("Auto-repair: Restarted Grafana container",
                intent="Auto-repair: Restarting Grafana container",
                source="my_tool", details={"a": 1}) as act:
        act.detail(container="grafana")
    """
    succeeded(program(tmp_path / "qt", code))
    before, after = check(tmp_path / "qt")
    assert (before["action"], before["outcome"]) == ("Auto-repair: Restarting Grafana container", "started")
    assert (after["action"], after["outcome"]) == ("Auto-repair: Restarted Grafana container", "succeeded")
    assert before["run"] == after["run"]
    assert before["run"]
    assert before["source"] == after["source"] == "my_tool"
    assert before["details"] == {"a": 1}
    assert after["details"].pop("duration_s") >= 0
    assert after["details"] == {"a": 1, "container": "grafana"}


def test_the_intent_is_durable_before_the_body_runs(tmp_path: Path) -> None:
    code = """
    with action("Did it"):
        os.kill(os.getpid(), signal.SIGKILL)
    """
    program(tmp_path / "qt", code)
    assert actions(check(tmp_path / "qt")) == ["Did it - started"]


def test_an_exception_is_recorded_as_failed_and_raised_again(tmp_path: Path) -> None:
    code = """
    class Odd(Exception):
        def __str__(self): raise RuntimeError
    errors = [ValueError("out of\\nroom"), ValueError(), KeyboardInterrupt(), SystemExit(3)]
    for error in [*errors, SystemExit("why"), Odd()]:
        try:
            with action("Did it"):
                raise error
        except BaseException as caught:
            assert caught is error
        else:
            raise AssertionError
    try:
        with action("Left in peace"):
            sys.exit(0)
    except SystemExit:
        pass
    with action("Gave up") as act:
        act.fail("no room")
    """
    succeeded(program(tmp_path / "qt", code))
    from tests.support.recording import read_record, record_of

    ends = [entry for entry in read_record(record_of(tmp_path / "qt")) if entry["outcome"] != "started"]
    assert actions(ends) == [
        "Did it - FAILED: out of\nroom",
        "Did it - FAILED: ValueError",
        "Did it - FAILED: KeyboardInterrupt",
        "Did it - FAILED: 3",
        "Did it - FAILED: why",
        "Did it - FAILED: [Odd that cannot be shown]",
        "Left in peace",
        "Gave up - FAILED: no room",
    ]
    assert [entry["outcome"] for entry in ends] == ["failed"] * 6 + ["succeeded", "failed"]
    assert ends[0]["details"]["error"] == "ValueError"


def test_a_secret_in_an_exception_is_not_recorded(tmp_path: Path) -> None:
    code = """
    try:
        with action("Connected", details={"dsn": "postgres://qt:hunter22@db.example.com"}) as act:
            act.detail(argv=["--password", "x"], password="hunter22")
            raise OSError("cannot reach https://u:hunter22@example.com/?token=hunter22")
    except OSError:
        pass
    """
    succeeded(program(tmp_path / "qt", code))
    assert "hunter22" not in str(check(tmp_path / "qt"))


def test_actions_nest_and_run_in_threads(tmp_path: Path) -> None:
    code = """
    def work(name):
        with action(f"outer {name}"):
            with action(f"inner {name}"):
                log_action(f"within {name}")
    threads = [threading.Thread(target=work, args=(n,)) for n in range(5)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    """
    succeeded(program(tmp_path / "qt", code))
    entries = check(tmp_path / "qt")
    for number in range(5):
        mine = [entry for entry in entries if str(number) in entry["action"]]
        assert actions(mine) == [
            f"outer {number} - started",
            f"inner {number} - started",
            f"within {number}",
            f"inner {number}",
            f"outer {number}",
        ]
        assert mine[0]["run"] == mine[4]["run"] != mine[1]["run"] == mine[3]["run"]


def test_an_action_that_is_used_again_is_another_run(tmp_path: Path) -> None:
    code = """
    act = action("Did it", details={"given": 1})
    act.detail(early=True)
    with act:
        act.detail(once=1)
        act.fail("first time")
    first = act.run
    with act:
        pass
    assert act.run != first
    """
    succeeded(program(tmp_path / "qt", code))
    entries = check(tmp_path / "qt")
    assert actions(entries) == [
        "Did it - started",
        "Did it - FAILED: first time",
        "Did it - started",
        "Did it",
    ]
    assert entries[0]["run"] == entries[1]["run"] != entries[2]["run"] == entries[3]["run"]
    assert entries[1]["details"]["early"] is True
    assert entries[2]["details"] == {"given": 1}
