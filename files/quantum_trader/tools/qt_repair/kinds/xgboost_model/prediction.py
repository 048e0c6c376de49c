"""Predict from one row: the proof that a model file works."""

from __future__ import annotations

import contextlib
import importlib
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from qt_repair.finding import RepairError
from qt_repair.kinds.xgboost_model.model_process import TaskError, run_task
from qt_repair.kinds.xgboost_model.training import import_xgboost, short_message


def predict(path: str, row: Sequence[float] | None, timeout: float) -> float:
    """The model's prediction for the row, or for a row of zeros. Runs in a child process.

    For a model with several classes it is the probability of the first. Raises RepairError if the file is no
    model, the row does not fit, or XGBoost is missing, fails, or does not end within `timeout` seconds.
    """
    if row is not None and not all(math.isfinite(value) for value in row):
        raise RepairError("the sample row must hold plain numbers")
    answer = run_task("predict", {"path": path, "row": None if row is None else list(row)}, timeout)
    return float(answer["prediction"])


def perform(job: Mapping[str, Any]) -> dict[str, Any]:
    """The child's part of predict()."""
    xgboost, numpy, path = import_xgboost(), importlib.import_module("numpy"), job["path"]
    try:
        with open(path, "rb") as file:
            content = bytearray(file.read())
    except OSError as error:
        raise TaskError(f"{path} cannot be read: {error.strerror}") from None
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            booster = xgboost.Booster(model_file=content)  # XGBoost recognises the format by the content
            features = booster.num_features()
        except (xgboost.core.XGBoostError, ValueError, TypeError) as error:
            raise TaskError(f"{path} is not a model: {short_message(error)}") from None
        row = [0.0] * features if job["row"] is None else job["row"]
        if len(row) != features:
            raise TaskError(f"the sample row has {len(row)} values, {path} takes {features}")
        try:
            cells = numpy.array([row], dtype=numpy.float32)
            sample = xgboost.DMatrix(cells, feature_names=booster.feature_names)
            value = float(numpy.ravel(booster.predict(sample))[0])
        except (xgboost.core.XGBoostError, ValueError, TypeError, IndexError) as error:
            raise TaskError(f"{path} predicts nothing: {short_message(error)}") from None
    if not math.isfinite(value):
        raise TaskError(f"{path} predicts {value}, which is no number")
    return {"prediction": value}
