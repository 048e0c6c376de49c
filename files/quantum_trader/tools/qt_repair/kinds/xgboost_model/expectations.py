"""The expected features of a model and the bound that it must reach, from a repair's settings. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HIGHER_IS_BETTER = frozenset({"accuracy", "auc", "aucpr"})
_RESERVED_PARAMS = ("objective", "seed", "eval_metric", "verbosity")
_FORBIDDEN_IN_NAMES = "[]<"
"""Characters that XGBoost does not accept in the name of a feature."""


@dataclass(frozen=True)
class ExpectedFeatures:
    """The features of a healthy model. `names` are in order; None if any names will do."""

    features: int
    names: tuple[str, ...] | None


@dataclass(frozen=True)
class MetricBound:
    """How good a model must be on the rows held out: its metric at least `floor`, or at most `ceiling`."""

    metric: str
    floor: float | None
    ceiling: float | None

    def holds(self, value: float) -> bool:
        return value >= self.floor if self.floor is not None else value <= (self.ceiling or 0.0)

    def failure(self, value: float) -> str:
        """Why a value that does not hold is not good enough."""
        if self.floor is not None:
            return f"{self.metric} {value:.6g} is below the floor {self.floor:g}"
        return f"{self.metric} {value:.6g} is above the ceiling {self.ceiling:g}"


def expected(settings: Mapping[str, Any]) -> ExpectedFeatures:
    """What the probe compares the model with."""
    names = settings.get("feature_names")
    if names is None:
        return ExpectedFeatures(settings["features"], None)
    return ExpectedFeatures(len(names), tuple(names))


def columns(settings: Mapping[str, Any]) -> list[str] | None:
    """The columns to train on, in order; None means all but the target."""
    found = settings.get("columns") or settings.get("feature_names")
    return None if found is None else list(found)


def bound(settings: Mapping[str, Any]) -> MetricBound:
    """The metric and its bound. Without a metric it is the usual one for the objective."""
    floor, ceiling = settings.get("floor"), settings.get("ceiling")
    metric = settings.get("metric") or _default_metric(str(settings.get("objective")), floor is not None)
    return MetricBound(metric, floor, ceiling)


def _default_metric(objective: str, floor: bool) -> str:
    if objective.startswith("multi:"):
        return "accuracy" if floor else "mlogloss"
    if objective.startswith("binary:"):
        return "auc" if floor else "logloss"
    return "rmse"


def eval_metric(bound: MetricBound, objective: str) -> str:
    """The metric that XGBoost computes for the bound: it has no accuracy, but error rates."""
    if bound.metric != "accuracy":
        return bound.metric
    return "merror" if objective.startswith("multi:") else "error"


def metric_value(bound: MetricBound, value: float) -> float:
    """The value of the bound's metric, from the value of XGBoost's."""
    return 1.0 - value if bound.metric == "accuracy" else value


def problems(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The faults that the schema cannot name: (path below the repair, text)."""
    found = _feature_problems(settings)
    if not str(settings.get("path", "")).endswith((".json", ".ubj")):
        found.append(("path", "must end in .json or .ubj: by that XGBoost tells the form of a model"))
    if settings.get("trainer"):
        return found
    objective = str(settings.get("objective", ""))
    params = settings.get("params") or {}
    found += [
        (f"params.{key}", "is set beside params, or not at all") for key in _RESERVED_PARAMS if key in params
    ]
    if objective.startswith("multi:") and not isinstance(params.get("num_class"), int):
        found.append(("params.num_class", f"must be the number of classes for {objective}"))
    if "floor" not in settings and "ceiling" not in settings:
        return found
    wanted = bound(settings)
    higher = wanted.metric in HIGHER_IS_BETTER
    if wanted.floor is not None and not higher:
        found.append(("floor", f"{wanted.metric} is better when lower: set ceiling, or another metric"))
    if wanted.ceiling is not None and higher:
        found.append(("ceiling", f"{wanted.metric} is better when higher: set floor, or another metric"))
    if wanted.floor is not None and higher and not 0 <= wanted.floor <= 1:
        found.append(("floor", f"must be from 0 to 1 for {wanted.metric}"))
    return found


def _feature_problems(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    names, listed, count = (settings.get(key) for key in ("feature_names", "columns", "features"))
    for key, values in (("feature_names", names), ("columns", listed)):
        for number, value in enumerate(values or []):
            if any(sign in value for sign in _FORBIDDEN_IN_NAMES):
                found.append((f"{key}[{number}]", "XGBoost takes no [, ] or < in a name"))
        if values and settings.get("target") in values:
            found.append((key, "must not hold the target: a model that sees the answer learns nothing"))
    if names and listed and list(names) != list(listed):
        found.append(("columns", "must be the same as feature_names, in the same order; one of both will do"))
    for key, values in (("feature_names", names), ("columns", listed)):
        if values and count is not None and len(values) != count:
            found.append((key, f"has {len(values)} names, but features is {count}"))
    return found
