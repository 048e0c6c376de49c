"""A model's settings: what the schema and problems() reject, and the bound that follows from them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qt_repair import kinds
from qt_repair.config.schema import kind_schema, violations, with_defaults
from qt_repair.kinds.xgboost_model import expectations
from qt_repair.kinds.xgboost_model.expectations import MetricBound
from tests.support.checkout import ROOT

SCHEMAS = ROOT / "files/quantum_trader/tools/qt_repair/kinds"
GOOD = {
    "kind": "xgboost_model",
    "path": "models/xgboost_model.json",
    "features": 3,
    "data": {"csv": "data.csv"},
    "target": "y",
    "ceiling": 0.5,
}


def changed(**more: Any) -> dict[str, Any]:
    """Good settings with these changes; a value of None takes a key out."""
    return {key: value for key, value in {**GOOD, **more}.items() if value is not None}


def rejections(settings: dict[str, Any]) -> list[tuple[str, str]]:
    """What schema and problems() have against settings."""
    schema = kind_schema(settings["kind"])
    found = [(".".join(map(str, path)), text) for path, text in violations(settings, schema)]
    return found or kinds.problems(with_defaults(settings, schema))


NEEDS = "needs data, target and one of floor and ceiling; or, instead of all of them, trainer"


@pytest.mark.parametrize(
    ("more", "path", "text"),
    [
        ({"features": None}, "", "needs features (how many) or feature_names (a list)"),
        ({"ceiling": None}, "", NEEDS),
        ({"floor": 0.5}, "", NEEDS),
        ({"target": None}, "", NEEDS),
        ({"trainer": ["train"]}, "", NEEDS),
        ({"data": {}}, "data", "must not be empty"),
        ({"data": {"csv": "x", "postgres": {"query": "SELECT 1"}}}, "data", "must have one key"),
        ({"features": 0}, "features", "must be at least 1"),
        ({"holdout": 1}, "holdout", "must be less than 1"),
        ({"path": "model.bin"}, "path",
         "must end in .json or .ubj: by that XGBoost tells the form of a model"),
        ({"feature_names": ["a", "b"]}, "feature_names", "has 2 names, but features is 3"),
        ({"feature_names": ["a", "b", "c"], "columns": ["c", "b", "a"]}, "columns",
         "must be the same as feature_names, in the same order; one of both will do"),
        ({"columns": ["a", "b", "y"]}, "columns",
         "must not hold the target: a model that sees the answer learns nothing"),
        ({"columns": ["a", "b", "[c]"]}, "columns[2]", "XGBoost takes no [, ] or < in a name"),
        ({"params": {"objective": "reg:tweedie"}}, "params.objective", "is set beside params, or not at all"),
        ({"objective": "multi:softmax"}, "params.num_class",
         "must be the number of classes for multi:softmax"),
        ({"floor": 0.9, "ceiling": None}, "floor",
         "rmse is better when lower: set ceiling, or another metric"),
        ({"metric": "auc"}, "ceiling", "auc is better when higher: set floor, or another metric"),
        ({"metric": "accuracy", "floor": 90, "ceiling": None}, "floor", "must be from 0 to 1 for accuracy"),
    ],
)  # fmt: skip
def test_settings_that_contradict_each_other_are_rejected(more: dict[str, Any], path: str, text: str) -> None:
    assert (path, text) in rejections(changed(**more))


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"features": None, "feature_names": ["a", "b", "c"]},
        {"data": {"postgres": {"query": "SELECT 1"}}, "columns": ["a", "b", "c"]},
        {"data": None, "target": None, "ceiling": None, "trainer": ["/usr/local/bin/train"]},
        {"objective": "binary:logistic", "ceiling": None, "floor": 0.7},
        {"objective": "multi:softprob", "params": {"num_class": 3}, "ceiling": None, "floor": 0.7},
    ],
)
def test_good_settings_are_accepted(more: dict[str, Any]) -> None:
    assert rejections(changed(**more)) == []


@pytest.mark.parametrize("kind", ["postgres_database", "xgboost_model"])
def test_every_key_is_described(kind: str) -> None:
    schema = json.loads((SCHEMAS / kind / "schema.json").read_text())
    assert all(entry.get("description") for entry in schema["properties"].values())
    assert set(schema["required"]) <= set(schema["properties"])


@pytest.mark.parametrize(
    ("bound", "value", "text"),
    [
        (MetricBound("rmse", None, 0.5), 3.2, "rmse 3.2 is above the ceiling 0.5"),
        (MetricBound("auc", 0.8, None), 0.79999, "auc 0.79999 is below the floor 0.8"),
        (MetricBound("logloss", None, 0.0), 1e-9, "logloss 1e-09 is above the ceiling 0"),
    ],
)
def test_a_value_on_the_wrong_side_of_the_bound_does_not_hold(
    bound: MetricBound, value: float, text: str
) -> None:
    assert not bound.holds(value)
    assert bound.failure(value) == text


def test_a_value_on_the_bound_holds() -> None:
    assert MetricBound("rmse", None, 0.5).holds(0.5)
    assert MetricBound("auc", 0.8, None).holds(0.8)
    assert not MetricBound("rmse", None, 0.5).holds(float("nan"))


def test_accuracy_is_one_minus_the_error_rate() -> None:
    settings = with_defaults(
        changed(objective="multi:softmax", floor=0.9, ceiling=None), kind_schema("xgboost_model")
    )
    bound = expectations.bound(settings)
    assert bound.metric == "accuracy"
    assert expectations.eval_metric(bound, "multi:softmax") == "merror"
    assert expectations.eval_metric(bound, "binary:hinge") == "error"
    assert expectations.metric_value(bound, 0.25) == 0.75
