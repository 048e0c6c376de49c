"""The realtime monitor on a VPS that breaks: what it sees, has repaired, and survives."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.deployed.repairing import MONITOR, REPAIRS, Entry, Repairing, actions, of_one_run

SLEEPS = {
    "repairs": {
        "endless": {
            "kind": "command",
            "probe": ["/usr/bin/test", "-e", "/tmp/never"],
            "repair": ["/usr/bin/sleep", "60"],
            "sentence": "Auto-repair: Slept",
            "cooldown": 600,
        }
    }
}
WATCHES_IT = {"thresholds": {"repair": [{"repair": "endless", "every": 1, "repairs": ["endless"]}]}}


@pytest.fixture(autouse=True)
def well(repairing: Repairing) -> None:
    """Each test begins when the monitor has seen that all is well."""
    repairing.root(f"systemctl start {MONITOR}")
    repairing.wait_until_all_is_well()


def recovered(entry: Entry) -> bool:
    return str(entry["action"]).startswith("Auto-heal: Recovered after")


def by(source: str, entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry["source"] == source]


def test_a_full_disk_is_cleaned_and_cleared_in_three_entries_of_one_run(repairing: Repairing) -> None:
    since = repairing.head()
    repairing.root("head -c 40M /dev/zero >/srv/scratch/t.log && touch -d '3 days ago' /srv/scratch/t.log")
    entries = repairing.wait(since, recovered, "the recovery")
    mine = by("realtime_monitor", entries)
    assert actions(mine)[:2] == [
        "Auto-heal: Triggered by realtime monitor threshold breach",
        "Auto-heal: Completed successfully (exit code 0)",
    ]
    assert recovered(mine[2])
    assert len(mine) == 3
    assert of_one_run(mine)
    details = mine[0]["details"]
    assert (details["threshold"], details["repairs"]) == ("disk /srv/scratch", ["scratch_disk"])
    repairs = by("auto_repair_system", entries)
    assert repairs[-1]["action"].startswith("Auto-repair: Freed 4")
    assert {entry["details"]["trigger"] for entry in repairs} == {mine[0]["run"]}
    assert "t.log" not in repairing.root("ls /srv/scratch").stdout


def test_a_killed_container_is_restarted_though_nobody_asked(repairing: Repairing) -> None:
    since = repairing.head()
    repairing.root("docker kill grafana")
    entries = repairing.wait(since, recovered, "the recovery")
    assert "Auto-repair: Restarted Grafana container" in actions(entries)


def test_a_reload_takes_up_what_is_right_and_refuses_what_is_wrong(repairing: Repairing) -> None:
    since = repairing.head()
    wrong: Mapping[str, object] = {"thresholds": {"load": [{"trigger": 50, "clear": 60}]}}
    with repairing.drop_in("realtime_monitor", wrong):
        repairing.root(f"systemctl reload {MONITOR}")
        refused = "Realtime monitor: Refused a new configuration; the old one stays"
        repairing.wait(since, lambda entry: entry["action"] == refused, "the refusal")
    since = repairing.head()
    repairing.root(f"systemctl reload {MONITOR}")
    taken = "Realtime monitor: Took up a new configuration"
    repairing.wait(since, lambda entry: entry["action"] == taken, "the new configuration")


def test_a_monitor_that_is_killed_in_a_repair_comes_back_and_tells_of_it_and_the_repair_closes(
    repairing: Repairing,
) -> None:
    with (
        repairing.drop_in("auto_repair_system", SLEEPS),
        repairing.drop_in("realtime_monitor", WATCHES_IT),
    ):
        since = repairing.head()
        repairing.root(f"systemctl reload {MONITOR}")
        begun = repairing.wait(since, lambda entry: entry["details"].get("repair") == "endless", "the repair")
        triggered = next(entry for entry in begun if entry["action"].startswith("Auto-heal: Triggered"))
        repairing.root(f"systemctl kill --kill-who=main --signal=KILL {MONITOR}")
        unseen = "Auto-heal: Interrupted - the monitor was ended during the repair"
        entries = repairing.wait(since, lambda entry: entry["action"] == unseen, "the word of it")
        (told,) = [entry for entry in entries if entry["action"] == unseen]
        assert told["run"] == triggered["run"]
        endless = [entry for entry in entries if entry["details"].get("repair") == "endless"]
        assert [entry["outcome"] for entry in endless] == ["started", "failed"]  # it was given the time
        assert repairing.repair("endless", options="")["endless"]["state"] == "held"
        assert "repairs endless now" not in repairing.qt(f"{REPAIRS} --list").stdout
        assert repairing.root(f"systemctl is-active {MONITOR}").stdout.strip() == "active"
    repairing.root(f"systemctl reload {MONITOR}")


def test_a_stop_comes_soon_and_a_repair_under_way_gets_its_closing_entry(repairing: Repairing) -> None:
    waits = {"repairs": {"other": {**SLEEPS["repairs"]["endless"], "sentence": "Auto-repair: Slept again"}}}
    watches = {"thresholds": {"repair": [{"repair": "other", "every": 1, "repairs": ["other"]}]}}
    with repairing.drop_in("auto_repair_system", waits), repairing.drop_in("realtime_monitor", watches):
        since = repairing.head()
        repairing.root(f"systemctl reload {MONITOR}")
        repairing.wait(since, lambda entry: entry["details"].get("repair") == "other", "the repair")
        repairing.root(f"systemctl stop {MONITOR}")
        entries = repairing.entries(since)
    repairing.root(f"systemctl start {MONITOR}")
    other = [entry for entry in entries if entry["details"].get("repair") == "other"]
    assert [entry["outcome"] for entry in other] == ["started", "failed"]
    assert of_one_run(other)
    result = repairing.root(f"systemctl show -p Result {MONITOR}").stdout.strip()
    assert result == "Result=success"
    assert actions(entries)[-1] == "Realtime monitor: Stopped"
