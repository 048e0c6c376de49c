"""The AI agent's model: its features and a prediction, by Debian's own XGBoost in a child process."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.checkout import TOOLS

PYTHON = "/usr/bin/python3"
"""It has XGBoost, which the development environment has not."""

_TRAIN = """
import sys, numpy, xgboost
features = int(sys.argv[2])
rows = numpy.random.RandomState(1).rand(50, features)
names = [f"f{number}" for number in range(features)]
data = xgboost.DMatrix(rows, label=rows[:, 0], feature_names=names)
xgboost.train({"max_depth": 2, "verbosity": 0}, data, 5).save_model(sys.argv[1])
"""
_CHECK = """
import json, os, sys
sys.path.insert(0, os.environ["TEST_TOOLS"])
from qt_repair.weekly.phases import ai_agent
settings = json.loads(sys.argv[1])
seen = ai_agent.check(settings, sys.argv[2])
print(json.dumps([ai_agent.plan(settings), seen.summary, seen.problems, seen.details]))
"""


def python(code: str, *arguments: str) -> str:
    environment = {**os.environ, "TEST_TOOLS": str(TOOLS), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [PYTHON, "-c", code, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A QT_HOME with a model of 22 features."""
    home = tmp_path_factory.mktemp("qt")
    python(_TRAIN, str(home / "model.json"), "22")
    (home / "broken.json").write_text((home / "model.json").read_text()[:500])
    return home


def check(home: Path, **model: Any) -> tuple[list[str], str, list[str], dict[str, Any]]:
    settings = {"timeout": 60, "model": {"path": "model.json", **model}}
    plan, summary, problems, details = json.loads(python(_CHECK, json.dumps(settings), str(home)))
    return plan, summary, problems, details


def test_a_good_model_loads_and_predicts(home: Path) -> None:
    plan, summary, problems, details = check(home, features=22, sample=[0.5] * 22, lowest=0, highest=1)
    assert plan == ["model.json: loads, has 22 features, predicts"]
    assert problems == []
    assert summary.startswith("Model model.json has the 22 features expected and predicts 0.")
    assert 0 <= details["model"]["prediction"] <= 1


def test_without_a_sample_it_predicts_from_zeros(home: Path) -> None:
    assert check(home, feature_names=[f"f{number}" for number in range(22)])[2] == []


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ({"features": 18}, "Model model.json has 22 features, 18 expected"),
        ({"feature_names": ["x", *(f"f{n}" for n in range(1, 22))]}, "number 1 is 'f0', 'x' expected"),
        ({"features": 22, "highest": -5.0}, "for the sample row, above highest (-5)"),
        ({"features": 22, "lowest": 5.0}, "for the sample row, below lowest (5)"),
        ({"features": 22, "path": "gone.json"}, "Model gone.json"),
        ({"features": 22, "path": "broken.json"}, "Model broken.json"),
    ],
)
def test_a_bad_model_is_reported_in_one_line(home: Path, model: dict[str, Any], says: str) -> None:
    (problem,) = check(home, **model)[2]
    assert says in problem
    assert "\n" not in problem
