"""Each repair on a VPS where the thing is really broken, by the one-shot run; the monitor does not run."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.deployed.deployment import HOME
from tests.deployed.repairing import (
    GRAFANA_SAYS,
    MODEL,
    MONITOR,
    REPAIRS,
    WEEKLY,
    Repairing,
    actions,
    of_one_run,
)

pytestmark = pytest.mark.usefixtures("alone")
FEATURES = (
    "import json, sys; print(json.load(open(sys.argv[1]))['learner']['learner_model_param']['num_feature'])"
)
TO_TABLE = {
    "repairs": {
        "from_table": {
            "kind": "xgboost_model",
            "path": "models/from_table.json",
            "features": 22,
            "data": {
                "postgres": {"dsn": "dbname=market", "query": "SELECT * FROM features ORDER BY return_1m"}
            },
            "target": "price_went_up",
            "objective": "binary:logistic",
            "rounds": 60,
            "floor": 0.75,
        }
    }
}
POOR = {"repairs": {"model": {"data": {"csv": "/srv/trading/poor.csv"}}}}
HASTY = {"repairs": {"grafana": {"cooldown": 0, "patience": 3, "freeze_after": 2}}}


@pytest.fixture(scope="module")
def alone(repairing: Repairing) -> Iterator[None]:
    """Without the monitor, which would be quicker."""
    repairing.root(f"systemctl stop {MONITOR}")
    yield
    repairing.root(f"systemctl start {MONITOR}")


def features(repairing: Repairing, path: str = MODEL) -> int:
    return int(repairing.qt(f'python3 -c "{FEATURES}" {path}').stdout)


def put_an_old_model(repairing: Repairing, path: str = MODEL) -> str:
    """A model of 18 features; the file's checksum."""
    repairing.qt(f"python3 /srv/trading/old_model.py {path}")
    assert features(repairing, path) == 18
    return repairing.qt(f"sha256sum {path}").stdout


def test_a_dropped_database_is_created_with_its_owner(repairing: Repairing) -> None:
    since = repairing.head()
    repairing.psql("DROP DATABASE quantum WITH (FORCE)")
    assert repairing.repair("quantum_database")["quantum_database"]["state"] == "repaired"
    owner = "SELECT datdba::regrole, pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'quantum'"
    assert repairing.psql(owner) == "quantum|UTF8"
    entries = repairing.entries(since)
    assert actions(entries) == [
        "Auto-repair: Creating PostgreSQL database quantum",
        "Auto-repair: Created PostgreSQL database quantum",
    ]
    assert [entry["outcome"] for entry in entries] == ["started", "succeeded"]
    assert of_one_run(entries)


def test_a_stopped_server_fails_clearly_and_is_started_by_its_own_repair(repairing: Repairing) -> None:
    since = repairing.head()
    repairing.root("systemctl stop postgresql@15-main")
    failed = repairing.repair("quantum_database")["quantum_database"]
    assert failed["state"] == "failed"
    assert "PostgreSQL does not answer on the local socket: is the service running?" in failed["text"]
    assert repairing.entries(since)[-1]["outcome"] == "failed"
    results = repairing.repair("postgresql", "quantum_database")
    assert {name: result["state"] for name, result in results.items()} == {
        "postgresql": "repaired",
        "quantum_database": "healthy",
    }
    assert actions(repairing.entries(since))[-1] == "Auto-repair: Restarted service postgresql@15-main"


def test_a_model_of_18_features_is_retrained_to_22_from_the_csv(repairing: Repairing) -> None:
    old = put_an_old_model(repairing)
    since = repairing.head()
    assert repairing.repair("model")["model"]["state"] == "repaired"
    assert features(repairing) == 22
    assert actions(repairing.entries(since))[-1] == "Auto-repair: Retrained XGBoost model to 22 features"
    kept = repairing.qt(f"sha256sum {MODEL}.1").stdout
    assert kept.split()[0] == old.split()[0]


def test_a_model_of_18_features_is_retrained_to_22_from_a_table(repairing: Repairing) -> None:
    path = f"{HOME}/models/from_table.json"
    put_an_old_model(repairing, path)
    with repairing.drop_in("auto_repair_system", TO_TABLE):
        result = repairing.repair("from_table")["from_table"]
    assert result["state"] == "repaired", result
    assert features(repairing, path) == 22


def test_data_that_is_too_poor_for_the_floor_leaves_the_old_model_in_place(repairing: Repairing) -> None:
    """The same rows, and whether the price went up is tossed."""
    tossed = "awk -F , -v OFS=, 'BEGIN { srand(7) } NR > 1 { $23 = int(rand() * 2) } { print }'"
    repairing.root(f"{tossed} /srv/trading/features.csv > /srv/trading/poor.csv")
    old = put_an_old_model(repairing)
    since = repairing.head()
    with repairing.drop_in("auto_repair_system", POOR):
        result = repairing.repair("model")["model"]
    assert result["state"] == "failed"
    assert "0.75" in result["text"]
    assert repairing.qt(f"sha256sum {MODEL}").stdout == old
    assert repairing.entries(since)[-1]["outcome"] == "failed"
    assert repairing.repair("model")["model"]["state"] == "repaired"


def test_a_stopped_container_is_restarted(repairing: Repairing) -> None:
    since = repairing.head()
    repairing.root("docker stop grafana")
    assert repairing.repair("grafana")["grafana"]["state"] == "repaired"
    assert json.loads(repairing.root(GRAFANA_SAYS).stdout)["database"] == "ok"
    assert actions(repairing.entries(since)) == [
        "Auto-repair: Restarting Grafana container",
        "Auto-repair: Restarted Grafana container",
    ]


def test_a_container_that_never_gets_healthy_is_frozen_with_one_escalation(repairing: Repairing) -> None:
    repairing.root(
        "docker rename grafana kept && docker stop kept && docker run --detach --name grafana"
        " --stop-signal KILL --publish 127.0.0.1:3000:3000 --health-cmd false --health-interval 1s"
        " --health-retries 1 grafana-stand-in:1"
    )
    try:
        repairing.eventually(
            'docker inspect grafana | grep -q \'"Status": "unhealthy"\'', "a failing health check"
        )
        since = repairing.head()
        with repairing.drop_in("auto_repair_system", HASTY):
            states = [repairing.repair("grafana", options="")["grafana"]["state"] for _try in range(4)]
        entries = repairing.entries(since)
    finally:
        repairing.root("docker rm -f grafana && docker rename kept grafana && docker start grafana")
    assert states == ["failed", "frozen", "frozen", "frozen"]
    assert sum(entry["outcome"] == "started" for entry in entries) == 2
    escalations = [entry for entry in entries if entry["details"].get("escalation")]
    assert len(escalations) == 1
    assert escalations[0]["action"].startswith("Auto-repair: Frozen grafana: ")
    # The way back: by hand.
    repairing.qt(f"{REPAIRS} --unfreeze grafana")
    repairing.eventually(GRAFANA_SAYS, "the old container")
    assert repairing.repair("grafana", options="")["grafana"]["state"] in ("healthy", "unknown")


def test_a_repair_that_the_operator_adds_has_no_rights_until_the_role_knows_it(repairing: Repairing) -> None:
    mine = {"repairs": {"mine": {"kind": "container", "container": "another"}}}
    with repairing.drop_in("auto_repair_system", mine):
        result = repairing.repair("mine")["mine"]
    assert result["state"] == "unknown"
    assert "/etc/sudoers.d/quantum-trader, which the role repair_programs writes" in result["text"]


def test_cache_and_dangling_images_go_while_a_volume_and_a_tagged_image_stay(repairing: Repairing) -> None:
    repairing.root(
        "rm -rf /root/build && mkdir /root/build && cd /root/build && head -c 20M /dev/urandom >waste"
        " && printf 'FROM grafana-stand-in:1\\nCOPY waste /waste\\n' >Dockerfile"
        " && DOCKER_BUILDKIT=1 docker build -q -t built . && docker rmi built"
        " && tar -c waste | docker import - && docker volume create precious"
        " && tar -c Dockerfile | docker import - tagged:1"
    )
    repairing.root("sleep 2")  # what is younger than `older_than` stays
    since = repairing.head()
    result = repairing.repair("docker_cache")["docker_cache"]
    assert result["state"] == "repaired", result
    (done,) = [entry for entry in repairing.entries(since) if entry["outcome"] == "succeeded"]
    assert done["action"].startswith("Auto-repair: Cleaned Docker cache (")
    assert "MB reclaimed)" in done["action"]
    assert repairing.root("docker images -q -f dangling=true").stdout == ""
    assert (
        repairing.root("docker system df --format '{{.Type}} {{.Size}}' | grep Build").stdout.split()[2]
        == "0B"
    )
    assert "precious" in repairing.root("docker volume ls -q").stdout.split()
    assert "tagged:1" in repairing.root("docker images --format '{{.Repository}}:{{.Tag}}'").stdout.split()


def test_the_operators_own_command_is_run(repairing: Repairing) -> None:
    repairing.root("rm /srv/scratch/order_book.json")
    since = repairing.head()
    assert repairing.repair("order_book")["order_book"]["state"] == "repaired"
    assert actions(repairing.entries(since)) == [
        "Auto-repair: Rebuilding the order book",
        "Auto-repair: Rebuilt the order book",
    ]


def test_several_faults_are_all_handled_and_one_that_fails_stops_no_other(repairing: Repairing) -> None:
    repairing.root("systemctl kill -s KILL trading-agent; rm /srv/scratch/order_book.json")
    broken = {
        "repairs": {
            "a_fault": {
                "kind": "command",
                "probe": ["/bin/false"],
                "repair": ["/bin/no-such-program"],
                "sentence": "Auto-repair: Did what cannot be done",
            }
        }
    }
    with repairing.drop_in("auto_repair_system", broken):
        results = repairing.repair("a_fault", "trading_agent", "order_book")
    assert {name: result["state"] for name, result in results.items()} == {
        "a_fault": "failed",
        "trading_agent": "repaired",
        "order_book": "repaired",
    }


def test_a_status_directory_that_cannot_be_written_stops_all_repairs_and_is_told(
    repairing: Repairing,
) -> None:
    status = f"{HOME}/status"
    repairing.root(f"docker stop grafana; mount --bind {status} {status}; mount -o remount,bind,ro {status}")
    try:
        result = repairing.repair("grafana")["grafana"]
        running = repairing.root("docker inspect -f '{{.State.Running}}' grafana").stdout.strip()
        emergency = repairing.qt("find ~/.local/state/quantum_trader -name '*.jsonl' -exec cat {} +").stdout
    finally:
        repairing.root(f"umount {status}")
    assert result["state"] == "refused"
    assert running == "false"
    assert "Auto-repair: Nothing done about grafana: " in emergency
    # The next one that can brings that home, and repairs.
    since = repairing.head()
    assert repairing.repair("grafana")["grafana"]["state"] == "repaired"
    assert any("Nothing done about grafana" in action for action in actions(repairing.entries(since)))


def test_a_repair_that_is_killed_half_way_leaves_its_entry_a_free_lock_and_a_guard_that_remembers(
    repairing: Repairing,
) -> None:
    slow = {
        "repairs": {
            "slow": {
                "kind": "command",
                "probe": ["/usr/bin/test", "-e", "/tmp/never"],
                "repair": ["/usr/bin/sleep", "60"],
                "sentence": "Auto-repair: Slept",
                "cooldown": 600,
                "timeout": 70,
            }
        }
    }
    since = repairing.head()
    with repairing.drop_in("auto_repair_system", slow):
        repairing.qt(f"setsid {REPAIRS} --only slow >/dev/null 2>&1 </dev/null &")
        repairing.wait(since, lambda entry: entry["outcome"] == "started", "the entry that it began")
        acting = json.loads(repairing.qt(f"{REPAIRS} --list --json").stdout)["acting"]
        assert acting["repair"] == "slow"
        repairing.root(f"kill -KILL {acting['pid']}")
        assert repairing.repair("order_book", options="")["order_book"]["state"] == "healthy"
        assert repairing.repair("slow", options="")["slow"]["state"] == "held"
        repairing.vps.machine.reboot()
        repairing.root(f"systemctl stop {MONITOR}")
        # As the other tests found it: what was on the disk in memory is gone after a start.
        repairing.bring_the_trading_system()
        repairing.eventually(GRAFANA_SAYS, "Grafana after the reboot")
        held = repairing.repair("slow", options="")["slow"]
        assert held["state"] == "held"
    entries = [entry for entry in repairing.entries(since) if entry["details"].get("repair") == "slow"]
    assert [entry["outcome"] for entry in entries] == ["started"]
    assert json.loads(repairing.qt(f"{REPAIRS} --list --json").stdout)["acting"] == {}


def test_the_week_passes_and_a_module_that_was_altered_is_named(repairing: Repairing) -> None:
    repairing.qt(f"{WEEKLY} --accept")
    since = repairing.head()
    passed = repairing.qt(WEEKLY, check=False)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    said = actions(repairing.entries(since))
    assert said[0] == "Weekly self-heal: Started validation cycle"
    assert "Weekly self-heal: AI Agent validation - PASSED" in said
    assert "Weekly self-heal: Docker health check - COMPLETED" in said
    assert "Weekly self-heal: Completed - ✅ All checks passed" in said

    module = f"{HOME}/current/tools/qt_audit/record/entry.py"
    since = repairing.head()
    repairing.qt(f"cp {module} /tmp/entry.kept && echo '# altered' >> {module}")
    try:
        failed = repairing.qt(WEEKLY, check=False)
    finally:
        repairing.qt(f"cat /tmp/entry.kept > {module}")
    assert failed.returncode == 1
    assert "qt_audit/record/entry.py" in failed.stdout
    said = actions(repairing.entries(since))
    assert any(action.startswith("Weekly self-heal: Module integrity check - FAILED") for action in said)
    assert any("checks failed" in action for action in said)
    report = failed.stdout.split("Report: ")[1].split()[0]
    assert "qt_audit/record/entry.py" in repairing.qt(f"cat {report}").stdout
