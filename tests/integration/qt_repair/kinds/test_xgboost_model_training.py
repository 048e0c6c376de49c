"""Models trained by a real XGBoost: replaced only by a better one, and complete at every moment."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.modelling import NAMES, rows, train, write_csv
from tests.support.postgres_server import PASSWORD, postgres_server
from tests.support.recording import small_disk
from tests.support.repairing import begin, run_probe, run_repair

MODEL = "models/xgboost_model.json"


def settings(**more: Any) -> dict[str, Any]:
    """A model of 22 features from data.csv; a value of None takes a key out."""
    usual = {
        "kind": "xgboost_model",
        "path": MODEL,
        "features": 22,
        "data": {"csv": "data.csv"},
        "target": "target",
        "ceiling": 0.3,
        "rounds": 40,
    }
    return {key: value for key, value in {**usual, **more}.items() if value is not None}


def test_a_model_of_18_features_is_retrained_to_22_from_a_csv(tmp_path: Path) -> None:
    write_csv(tmp_path / "data.csv", rows())
    old = train(tmp_path / MODEL, 18)
    (tmp_path / MODEL).chmod(0o600)
    answer = run_repair(settings(), tmp_path)
    assert answer["summary"] == f"Model {tmp_path / MODEL} has 18 features, 22 expected"
    assert answer["intent"] == "Auto-repair: Retraining XGBoost model to 22 features"
    assert answer["sentence"] == "Auto-repair: Retrained XGBoost model to 22 features"
    details = answer["details"]
    assert (details["rows"], details["rows_held_out"], details["features"]) == (300, 60, 22)
    assert (details["metric"], details["ceiling"]) == ("rmse", 0.3)
    assert 0 < details["value"] <= 0.3
    new = (tmp_path / MODEL).read_bytes()
    assert details["sha256"] == hashlib.sha256(new).hexdigest()
    assert json.loads(new)["learner"]["feature_names"] == NAMES
    assert stat.S_IMODE((tmp_path / MODEL).stat().st_mode) == 0o600
    assert details["kept"] == f"{tmp_path / MODEL}.1"
    assert Path(details["kept"]).read_bytes() == old
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == [
        "xgboost_model.json",
        "xgboost_model.json.1",
    ]
    assert run_probe(settings(feature_names=NAMES), tmp_path)["healthy"]


def test_a_model_is_retrained_from_a_postgresql_table(tmp_path: Path) -> None:
    train(tmp_path / MODEL, 18)
    with postgres_server() as server:
        typed = ", ".join(f"{name} double precision" for name in NAMES)
        values = ", ".join(str(tuple(row)) for row in rows())
        server.sql(f"CREATE TABLE prices ({typed}, target numeric, name text DEFAULT 'x')")
        server.sql(f"INSERT INTO prices VALUES {values}")
        server.sql(
            "UPDATE prices SET feature_21 = NULL WHERE feature_00 < 0.2; GRANT SELECT ON prices TO remote"
        )
        dsn = f"{server.tcp(PASSWORD)} dbname=postgres"
        query = "SELECT * FROM prices ORDER BY feature_00"

        def answer(query: str, **more: Any) -> dict[str, Any]:
            data = {"postgres": {"dsn": more.pop("dsn", dsn), "query": query}}
            return run_repair(settings(data=data, columns=NAMES, **more), tmp_path)

        for wrong, says in [
            (query.replace("*", "feature_00, target"), "the query has no column 'feature_01'"),
            ("DELETE FROM prices RETURNING *", "the query of data.postgres failed: syntax error"),
            ("SELECT 1/0 AS target", "the query of data.postgres failed: division by zero"),
        ]:
            assert says in answer(wrong)["failed"]
        assert "row 1, column 'name': 'x' is not a number" in answer(query, target="name")["failed"]
        for bad in ("wrong", PASSWORD + "x"):
            refused = answer(query, dsn=f"{server.tcp(bad)} dbname=postgres")
            assert "password authentication failed" in refused["failed"]
            assert PASSWORD not in str(refused)
        made = answer(query)
        assert made["details"]["rows"] == 300
        assert run_probe(settings(feature_names=NAMES), tmp_path)["healthy"]
        server.stop()
        train(tmp_path / MODEL, 18)
        assert "is the service running?" in answer(query)["failed"]
        server.start()


def test_too_poor_data_leave_the_old_model_in_place(tmp_path: Path) -> None:
    write_csv(tmp_path / "data.csv", rows(noise=3.0))
    old = train(tmp_path / MODEL, 18)
    answer = run_repair(settings(), tmp_path)
    assert answer["failed"].startswith("rmse ")
    assert answer["failed"].endswith(" is above the ceiling 0.3: the old model stays")
    assert {path.name: path.read_bytes() for path in (tmp_path / "models").iterdir()} == {
        "xgboost_model.json": old
    }


def test_the_same_seed_measures_the_same(tmp_path: Path) -> None:
    write_csv(tmp_path / "data.csv", rows())
    values = [
        run_repair(settings(path=f"{name}.json", seed=3), tmp_path)["details"]["value"] for name in "ab"
    ]
    assert values[0] == values[1]
    assert values[0] != run_repair(settings(path="c.json", seed=4), tmp_path)["details"]["value"]


@pytest.mark.parametrize(
    ("more", "metric"),
    [
        ({"objective": "binary:logistic", "floor": 0.8, "ceiling": None}, "auc"),
        ({"objective": "binary:logistic", "ceiling": 0.6}, "logloss"),
        ({"objective": "binary:hinge", "floor": 0.8, "ceiling": None, "metric": "accuracy"}, "accuracy"),
        (
            {"objective": "multi:softprob", "params": {"num_class": 2}, "floor": 0.8, "ceiling": None},
            "accuracy",
        ),
        ({"objective": "multi:softmax", "params": {"num_class": 2}, "metric": "merror"}, "merror"),
        ({"objective": "reg:absoluteerror", "metric": "mae"}, "mae"),
        ({"params": {"booster": "gblinear"}}, "rmse"),
        ({"params": {"booster": "dart"}}, "rmse"),
        ({"path": "models/model.ubj"}, "rmse"),
    ],
)
def test_each_objective_has_its_metric(tmp_path: Path, more: dict[str, Any], metric: str) -> None:
    write_csv(tmp_path / "data.csv", [[*row[:-1], int(row[-1] > 1)] for row in rows(600)])
    answer = run_repair(settings(**{"ceiling": 0.4, **more}), tmp_path)
    assert answer["problems"] == []
    assert answer["details"]["metric"] == metric
    assert run_probe(settings(**more), tmp_path)["healthy"]


def test_a_parameter_that_xgboost_does_not_know_is_told(tmp_path: Path) -> None:
    write_csv(tmp_path / "data.csv", rows())
    answer = run_repair(settings(params={"maxdepth": 3, "eta": 0.3}), tmp_path)
    assert answer["details"]["unused_params"] == ["maxdepth"]


def test_the_last_models_are_kept(tmp_path: Path) -> None:
    write_csv(tmp_path / "data.csv", rows(40))
    (tmp_path / "real").mkdir()
    (tmp_path / "models").symlink_to("real")
    (tmp_path / "real/xgboost_model.json").symlink_to("today.json")
    for number in range(4):
        (tmp_path / "real/today.json").write_text(str(number))
        assert "sentence" in run_repair(settings(keep=2, ceiling=9, rounds=1), tmp_path)
    assert (tmp_path / "real/xgboost_model.json").is_symlink()
    assert sorted(path.name for path in (tmp_path / "real").iterdir()) == [
        "today.json",
        "today.json.1",
        "today.json.2",
        "xgboost_model.json",
    ]
    assert (tmp_path / "real/today.json.1").read_text() == "3"
    assert (tmp_path / "real/today.json.2").read_text() == "2"


GOOD = rows(40)
NAMED = ",".join([*NAMES, "target"])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "has no header line"),
        (NAMED, "0 rows of data are too few to hold out 20% of them"),
        ("a,b,target\n1,2,3\n", "data.csv has 2 columns besides 'target', 22 features are expected"),
        ("a,b\n1,2\n", "data.csv has no column 'target'; it has 'a', 'b'"),
        (NAMED + "\n1,2\n", "data.csv, line 2: has 2 cells, the header has 23"),
        (NAMED.replace("_03", "_02"), "has more than one column 'feature_02'"),
        (NAMED.replace("_03", "<3"), "takes no empty name and no [, ] or < in one: 'feature<3'"),
        (
            NAMED + "\n\n" + ",".join(["1"] * 6 + ["x"] + ["1"] * 16),
            "column 'feature_06': 'x' is not",
        ),
        (NAMED + "\n" + ",".join(["1"] * 22 + [""]), "line 2, column 'target': the target is empty"),
        (NAMED + "\n" + ",".join(["1"] * 22 + ["inf"]), "line 2, column 'target': 'inf' is not a number"),
        (
            NAMED + "\n" + ",".join(["1e99"] * 23),
            "line 2, column 'feature_00': '1e99' is not a number that fits",
        ),
        (NAMED + '\n"1', "is not a CSV: unexpected end of data"),
        ("\udcff\udcfe", "is not UTF-8"),
    ],
)
def test_a_csv_that_cannot_be_used_is_named_in_one_line(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "data.csv").write_bytes(content.encode("utf-8", "surrogateescape"))
    answer = run_repair(settings(), tmp_path)
    assert says in answer["failed"]
    assert f"{tmp_path}/data.csv" in answer["failed"] or "rows of data" in says
    assert "\n" not in answer["failed"]


def test_missing_columns_are_named_in_one_line(tmp_path: Path) -> None:
    write_csv(tmp_path / "data.csv", rows(features=18), NAMES[:18])
    answer = run_repair(settings(features=None, feature_names=NAMES), tmp_path)
    assert answer["failed"].startswith(
        f"{tmp_path}/data.csv has no column 'feature_18', 'feature_19', 'feature_20', 'feature_21'; it has "
    )
    assert "\n" not in answer["failed"]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"data": {"csv": "no.csv"}}, "no.csv cannot be read: No such file or directory"),
        ({"data": {"csv": "/dev/zero"}}, "/dev/zero is not a regular file"),
        ({"objective": "binary:logistic"}, "binary:logistic takes targets from 0 to 1, the data have "),
        ({"objective": "multi:softmax", "params": {"num_class": 3}}, "takes targets from 0 to 2"),
        ({"objective": "reg:gamma"}, "XGBoost does not train: "),
        ({"params": {"max_depth": "deep"}}, "XGBoost does not train: Invalid Parameter format for max_depth"),
        ({"holdout": 0.01}, "40 rows of data are too few to hold out 1% of them"),
        ({"path": "data.csv/model.json"}, "no model can be written in "),
        ({"path": "directory"}, "directory is not a regular file: move it away"),
    ],
)
def test_what_cannot_be_trained_is_said_in_one_line(tmp_path: Path, more: dict[str, Any], says: str) -> None:
    write_csv(tmp_path / "data.csv", GOOD)
    (tmp_path / "directory").mkdir()
    answer = run_repair(settings(**more), tmp_path)
    assert says in answer["failed"]
    assert "\n" not in answer["failed"]
    assert "Traceback" not in str(answer)


def test_a_full_disk_leaves_the_old_model_whole(tmp_path: Path, as_root: None) -> None:
    write_csv(tmp_path / "data.csv", rows())
    with small_disk(tmp_path / "models", 256):
        old = train(tmp_path / MODEL, 18)
        answer = run_repair(settings(rounds=400), tmp_path)
        assert "no whole model can be written in " in answer["failed"]
        assert "\n" not in answer["failed"]
        assert {path.name: path.read_bytes() for path in (tmp_path / "models").iterdir()} == {
            "xgboost_model.json": old
        }


def test_a_killed_training_leaves_the_old_model_whole(tmp_path: Path) -> None:
    write_csv(tmp_path / "data.csv", rows(3000))
    old = train(tmp_path / MODEL, 18)
    wanted = settings(rounds=100_000, params={"max_depth": 10})
    child = begin(wanted, tmp_path, "probe", "repair")
    training = wait_for_training(child.pid)
    os.kill(training, signal.SIGKILL)
    out, _ = child.communicate(timeout=60)
    answer = json.loads(out)
    assert answer["failed"] == "the training was ended by signal 9 (out of memory?)"
    assert answer["exit_code"] == 137
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["xgboost_model.json"]
    assert (tmp_path / MODEL).read_bytes() == old


def test_after_a_killed_repair_the_next_one_clears_up(tmp_path: Path) -> None:
    write_csv(tmp_path / "data.csv", rows(3000))
    old = train(tmp_path / MODEL, 18)
    child = begin(settings(rounds=100_000, params={"max_depth": 10}), tmp_path, "probe", "repair")
    training = wait_for_training(child.pid)
    child.kill()
    child.communicate()
    os.kill(training, signal.SIGKILL)
    assert (tmp_path / MODEL).read_bytes() == old
    assert (tmp_path / "models/.xgboost_model.json.training").is_dir()
    assert "sentence" in run_repair(settings(), tmp_path)
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == [
        "xgboost_model.json",
        "xgboost_model.json.1",
    ]


def test_a_training_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    write_csv(tmp_path / "data.csv", rows(3000))
    wanted = settings(rounds=100_000, params={"max_depth": 10})
    assert run_repair(wanted, tmp_path, timeout=2)["failed"] == "the training did not end within 2 s"
    assert list((tmp_path / "models").iterdir()) == []


def test_the_connection_string_is_in_no_argument(tmp_path: Path) -> None:
    dsn = f"host=192.0.2.1 user=qt password='{PASSWORD}'"
    child = begin(settings(data={"postgres": {"dsn": dsn, "query": "SELECT 1"}}), tmp_path, "probe", "repair")
    try:
        training = wait_for_training(child.pid)
        assert PASSWORD.encode() not in Path(f"/proc/{training}/cmdline").read_bytes()
        os.kill(training, signal.SIGKILL)
        assert PASSWORD not in child.communicate(timeout=60)[0]
    finally:
        child.kill()


def test_without_xgboost_the_package_is_named(tmp_path: Path) -> None:
    """In the development environment, which has none, as on a VPS without the package."""
    from qt_repair import kinds
    from qt_repair.config import schema as config_schema
    from qt_repair.finding import RepairError

    write_csv(tmp_path / "data.csv", GOOD)
    complete = config_schema.with_defaults(settings(), config_schema.kind_schema("xgboost_model"))
    probe = kinds.probe_of(complete, str(tmp_path))
    repair = kinds.repair_of(complete, str(tmp_path), probe)
    with pytest.raises(RepairError, match=r"^python3-xgboost is not installed$"):
        repair.run(probe.check(30), 30)
    train(tmp_path / MODEL, 22)
    assert probe.check(30).healthy


def test_the_operators_own_trainer_is_run(tmp_path: Path) -> None:
    made = train(tmp_path / "made.json", 22)
    own = settings(
        trainer=["sh", "-c", "mkdir -p models; cp made.json models/xgboost_model.json; echo done"],
        data=None,
        target=None,
        ceiling=None,
    )
    answer = run_repair(own, tmp_path)
    assert answer["details"]["output"] == "done"
    assert (tmp_path / MODEL).read_bytes() == made
    (tmp_path / MODEL).unlink()
    failed = run_repair({**own, "trainer": ["sh", "-c", "echo no data >&2; exit 3"]}, tmp_path)
    assert failed["failed"] == "the trainer sh ended with 3"
    assert (failed["exit_code"], failed["output"]) == (3, "no data")
    assert run_repair({**own, "trainer": ["/no/such"]}, tmp_path)["failed"] == "/no/such is not installed"


def wait_for_training(parent: int) -> int:
    """The process of the training, once it computes or waits: when it has loaded XGBoost."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
            try:
                maps = Path(f"/proc/{child}/maps").read_text()
                name = Path(f"/proc/{child}/cmdline").read_text()
            except OSError:
                continue
            if name.endswith("\0train\0") and "libxgboost" in maps:
                return int(child)
        time.sleep(0.02)
    pytest.fail("the training did not begin")
