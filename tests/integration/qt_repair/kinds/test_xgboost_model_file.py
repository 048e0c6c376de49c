"""Model files as XGBoost writes them, damaged ones, and what a model predicts."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.checkout import TOOLS
from tests.support.modelling import NAMES, train
from tests.support.recording import temporary_user
from tests.support.repairing import BOUND, PYTHON, run_probe


def settings(**more: Any) -> dict[str, Any]:
    return {"kind": "xgboost_model", "path": "model", "features": 22, "trainer": ["true"], **more}


@pytest.mark.parametrize("ending", ["json", "ubj"])
@pytest.mark.parametrize("booster", ["gbtree", "dart", "gblinear"])
def test_what_xgboost_writes_is_healthy(tmp_path: Path, ending: str, booster: str) -> None:
    train(tmp_path / f"model.{ending}", 22, booster=booster)
    answer = run_probe(settings(path=f"model.{ending}", feature_names=NAMES), tmp_path)
    assert answer["healthy"], answer
    assert answer["summary"] == f"Model {tmp_path}/model.{ending} has the 22 features expected"


def test_classes_and_nameless_features_are_healthy_too(tmp_path: Path) -> None:
    train(tmp_path / "model.json", 22, objective="multi:softprob", num_class=3)
    assert run_probe(settings(path="model.json"), tmp_path)["healthy"]
    train(tmp_path / "model.ubj", 22, named=False)
    assert run_probe(settings(path="model.ubj"), tmp_path)["healthy"]
    answer = run_probe(settings(path="model.ubj", feature_names=NAMES), tmp_path)
    assert answer["summary"] == f"Model {tmp_path}/model.ubj has no names of features"


def test_other_names_are_unhealthy(tmp_path: Path) -> None:
    train(tmp_path / "model.json", 22)
    swapped = [*NAMES[:3], NAMES[4], NAMES[3], *NAMES[5:]]
    answer = run_probe(settings(path="model.json", feature_names=swapped), tmp_path)
    assert answer["summary"].endswith("has other features: number 4 is 'feature_03', 'feature_04' expected")


def damaged(path: Path, how: str) -> None:
    """A file that is no model."""
    content = train(path.with_suffix(".ubj" if how.endswith("ubj") else ".json"), 22)
    if how.startswith("truncated"):
        path.write_bytes(content[: len(content) * 2 // 3])
    elif how == "binary":
        path.write_bytes(b"binf" + bytes(1000))  # the form that XGBoost has given up
    elif how == "garbage":
        path.write_bytes(os.urandom(4096))
    elif how == "empty":
        path.touch()
    elif how == "directory":
        path.mkdir()
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "huge":
        with path.open("wb") as file:
            file.write(b"{")
            file.truncate(1 << 40)
    elif how == "hungry":
        path.write_bytes(b'{"a":[' + b"{}," * 20_000_000)
    elif how == "link":
        path.symlink_to("nowhere")


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("missing", "is missing"),
        ("link", "is missing"),
        ("empty", "is empty"),
        ("directory", "is not a regular file"),
        ("pipe", "is not a regular file"),
        ("garbage", "is not a model"),
        ("binary", "is not a model: neither JSON nor UBJSON"),
        ("truncated json", "is not a model: not JSON from byte "),
        ("truncated ubj", "is not a model: as UBJSON it is cut off"),
        ("huge", "is too large for a model: 1048576 MB, max_mb is 256"),
        ("hungry", "is not a model"),
    ],
)
def test_a_damaged_model_is_unhealthy_in_one_line(tmp_path: Path, how: str, says: str) -> None:
    damaged(tmp_path / "model", how)
    answer = run_probe(settings(), tmp_path)
    assert answer["healthy"] is False
    assert answer["summary"].startswith(f"Model {tmp_path}/model {says}")
    assert "\n" not in answer["summary"]


def test_a_model_that_may_not_be_read_cannot_be_told(as_root: None) -> None:
    """Not taken for missing: nothing is trained over it."""
    with temporary_user() as user:
        user.home.mkdir(parents=True)
        (user.home / "model").write_text("{}")
        (user.home / "model").chmod(0o600)
        code = f"""
        import sys; sys.path.insert(0, {str(user.tools)!r})
        from qt_repair.kinds.xgboost_model.model_file import read_model
        from qt_repair.finding import RepairError
        try: read_model({str(user.home / "model")!r}, 1 << 20, 30)
        except RepairError as error: print(error)
        """
        done = user.program(code)
        assert (
            done.stdout.strip() == f"{user.home}/model cannot be read: Permission denied: correct its rights"
        )


PREDICT = """
import json, sys
sys.path.insert(0, sys.argv[1])
from qt_repair.finding import RepairError
from qt_repair.kinds.xgboost_model.prediction import predict
try:
    print(predict(sys.argv[2], json.loads(sys.argv[3]), float(sys.argv[4])))
except RepairError as error:
    print("refused:", error)
"""


def predict(path: Path, row: list[float] | None, timeout: float = 60) -> str:
    argv = [PYTHON, "-c", PREDICT, str(TOOLS), str(path), json.dumps(row), str(timeout)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=BOUND, check=True)
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize("ending", ["json", "ubj"])
def test_a_model_predicts_on_a_sample_row(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"model.{ending}"
    train(path, 22)
    path = path.rename(tmp_path / "model")
    low, high = (float(predict(path, [value, *[0.5] * 21])) for value in (0.0, 1.0))
    assert low < high
    assert float(predict(path, None)) < high


def test_a_model_of_several_classes_predicts_too(tmp_path: Path) -> None:
    train(tmp_path / "model.json", 5, objective="multi:softprob", num_class=3)
    assert 0 <= float(predict(tmp_path / "model.json", [0.5] * 5)) <= 1


@pytest.mark.parametrize(
    ("content", "row", "says"),
    [
        (None, [0.5] * 18, "the sample row has 18 values, "),
        (None, [float("nan")], "the sample row must hold plain numbers"),
        ("{}", None, "is not a model: "),
        ("[" * 100_000, None, "is not a model: "),
        ("", None, "is not a model: "),
        # XGBoost itself crashes on this one.
        ("children", None, "the prediction was ended by signal 11"),
    ],
    ids=["short", "nan", "object", "deep", "empty", "wild"],
)
def test_what_does_not_predict_is_said_in_one_line(
    tmp_path: Path, content: str | None, row: list[float] | None, says: str
) -> None:
    path = tmp_path / "model.json"
    good = train(path, 22).decode()
    if content == "children":
        path.write_text(good.replace('"left_children":[1', '"left_children":[999999999'))
    elif content is not None:
        path.write_text(content)
    said = predict(path, row)
    assert said.startswith("refused: ")
    assert says in said
    assert "\n" not in said


def test_a_missing_model_predicts_nothing(tmp_path: Path) -> None:
    said = predict(tmp_path / "no.json", None)
    assert said == f"refused: {tmp_path}/no.json cannot be read: No such file or directory"
