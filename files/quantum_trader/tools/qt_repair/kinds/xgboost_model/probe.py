"""Check that the model file is a complete model with the expected features. Needs no XGBoost."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from qt_repair.finding import Finding, ProbeError, RepairError
from qt_repair.kinds.xgboost_model import expectations
from qt_repair.kinds.xgboost_model.expectations import ExpectedFeatures
from qt_repair.kinds.xgboost_model.model_file import InvalidModelError, ModelFile, read_model

problems = expectations.problems


class ModelProbe:
    """Reads the file in a child process: a damaged or hostile file does no harm."""

    def __init__(self, settings: Mapping[str, Any], home: str) -> None:
        self._path = os.path.join(home, settings["path"])
        self._largest = settings["max_mb"] << 20
        self._expected = expectations.expected(settings)

    def check(self, timeout: float) -> Finding:
        return check_model_file(self._path, self._path, self._largest, self._expected, timeout)


def check_model_file(
    path: str, name: str, largest: int, expected: ExpectedFeatures, timeout: float
) -> Finding:
    """Compare the file with what is expected. `name` is its name in texts. Raises ProbeError."""
    details: dict[str, Any] = {"path": name, "expected": expected.features}
    try:
        model = read_model(path, largest, timeout)
    except InvalidModelError as fault:
        return Finding(False, f"Model {name} {fault}", details)
    except RepairError as error:
        raise ProbeError(str(error)) from None
    details.update(form=model.form, features=model.features)
    deviation = _difference(model, expected)
    if deviation:
        return Finding(False, f"Model {name} {deviation}", details)
    return Finding(True, f"Model {name} has the {model.features} features expected", details)


def _difference(model: ModelFile, expected: ExpectedFeatures) -> str | None:
    if model.features != expected.features:
        return f"has {model.features} features, {expected.features} expected"
    if expected.names is None or model.names == expected.names:
        return None
    if not model.names:
        return "has no names of features"
    pairs = enumerate(zip_longest(model.names, expected.names), 1)
    number, (has, wanted) = next((number, pair) for number, pair in pairs if pair[0] != pair[1])
    return f"has other features: number {number} is {str(has)[:60]!r}, {wanted!r} expected"


PROBE = ModelProbe
