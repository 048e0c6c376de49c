"""The table at the end of a playbook: one line a host, whatever became of it."""

from __future__ import annotations

from tests.support.plugins import load

fleet = load("plugins/callback/fleet.py")


def test_a_well_host_says_so() -> None:
    host = fleet.Host("a", release="0123456789ab", doctor="ok", chain="whole, seq 7", repairs="ok")
    assert host.verified() == ("a", "✅ well", "0123456789ab", "none", "ok", "whole, seq 7", "ok", "")


def test_drift_is_named_before_the_reason_that_it_leads_to() -> None:
    host = fleet.Host("a", doctor="ok", changed=["config: has another owner", "x"])
    host.fail("a is not well\na deploy would change something")
    assert host.verified()[3] == "2"
    assert host.verified()[-1] == "drift: config: has another owner; x"


def test_the_first_reason_counts_in_one_short_line() -> None:
    host = fleet.Host("a")
    host.fail("\n  a is not well\n  ❌ clock   " + "x" * 200)
    host.fail("later")
    assert host.failed.startswith("❌ clock   xx")
    assert len(host.failed) == 90


def test_a_host_that_is_down_is_a_row_too() -> None:
    host = fleet.Host("b", unreachable=True, failed="connect to host 192.0.2.7 port 22: Connection refused")
    assert host.verified()[1:3] == ("❌ down", "-")
    assert host.done() == ("b", "❌ down", "0", "connect to host 192.0.2.7 port 22: Connection refused")


def test_columns_stand_below_each_other_on_a_terminal() -> None:
    lines = fleet.table([("HOST", "STATE", "WHY"), ("a", "✅ well", "x")])
    assert lines == ["HOST  STATE    WHY", "a     ✅ well  x"]
