"""Train a model in a child process, and measure the written file on rows held out."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import io
import math
import os
import re
import warnings
from collections.abc import Mapping
from typing import Any

from qt_repair.kinds.xgboost_model.expectations import MetricBound, eval_metric, metric_value
from qt_repair.kinds.xgboost_model.model_process import TaskError
from qt_repair.kinds.xgboost_model.training_data import Table, load

MISSING = "python3-xgboost is not installed"
_FEWEST = 2
"""The fewest rows to train on, and to hold out."""
_UNUSED = re.compile(r"Parameters: \{ (.*?) \}")
_LOG = re.compile(r"^\[[0-9:]{8}\] (?:WARNING: )?\S+:[0-9]+: ")


def import_xgboost() -> Any:
    """Import XGBoost. Raises TaskError if it is not installed."""
    try:
        return importlib.import_module("xgboost")
    except ImportError:
        raise TaskError(MISSING) from None


def short_message(error: Exception) -> str:
    """XGBoost's message without its source line and its stack."""
    first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return " ".join(_LOG.sub("", first).split())[:200]


def perform(job: Mapping[str, Any]) -> dict[str, Any]:
    """Train, write, read back and measure. Raises TaskError; what was written is of no use then."""
    os.nice(10)  # the services of this host have priority
    xgboost = import_xgboost()
    table = load(job)
    train, holdout = _split(table, job["holdout"], job["seed"])
    _check_labels(table, job["objective"], job["params"])
    wanted = MetricBound(job["metric"], job["floor"], job["ceiling"])
    metric = eval_metric(wanted, job["objective"])
    try:
        booster, unused = _train(xgboost, train, {**job, "eval_metric": metric})
    except _failures(xgboost) as error:
        raise TaskError(f"XGBoost does not train: {short_message(error)}") from None
    try:
        booster.save_model(job["output"])
        value = metric_value(wanted, _evaluate(xgboost, job["output"], holdout, metric))
    except _failures(xgboost) as error:
        where = os.path.dirname(os.path.dirname(job["output"]))
        raise TaskError(
            f"no whole model can be written in {where}, is the disk full? {short_message(error)}"
        ) from None
    if not math.isfinite(value):
        raise TaskError(
            f"{wanted.metric} cannot be told on the {holdout.num_row()} rows held out: use more data"
        )
    with open(job["output"], "rb") as file:
        os.fsync(file.fileno())
        digest = hashlib.sha256(file.read()).hexdigest()
    answer = {
        "rows": table.rows,
        "rows_held_out": int(holdout.num_row()),
        "features": len(table.names),
        "value": value,
        "sha256": digest,
    }
    return {**answer, "unused_params": unused} if unused else answer


def _failures(xgboost: Any) -> tuple[type[Exception], ...]:
    """The exceptions that XGBoost raises."""
    return (xgboost.core.XGBoostError, ValueError, TypeError)


def _split(table: Table, share: float, seed: int) -> tuple[Any, Any]:
    """The rows to train on and the rows held out: the same ones for the same seed."""
    numpy, xgboost = importlib.import_module("numpy"), import_xgboost()
    held_out = round(table.rows * share)
    if held_out < _FEWEST or table.rows - held_out < _FEWEST:
        raise TaskError(f"{table.rows} rows of data are too few to hold out {share:.0%} of them")
    cells = numpy.frombuffer(table.cells, dtype=numpy.float32).reshape(table.rows, len(table.names))
    labels = numpy.frombuffer(table.labels, dtype=numpy.float32)
    # NumPy guarantees that RandomState's sequence does not change; that of newer generators may.
    order = numpy.random.RandomState(seed).permutation(table.rows)
    return tuple(
        xgboost.DMatrix(cells[part], label=labels[part], feature_names=list(table.names))
        for part in (order[held_out:], order[:held_out])
    )


def _check_labels(table: Table, objective: str, params: Mapping[str, Any]) -> None:
    """Classes must be whole numbers from 0: XGBoost may crash on others."""
    if objective.startswith("binary:"):
        classes = 2
    elif objective.startswith("multi:"):
        classes = int(params["num_class"])
    else:
        return
    for label in set(table.labels):
        if label not in range(classes):
            raise TaskError(f"{objective} takes targets from 0 to {classes - 1}, the data have {label:g}")


def _train(xgboost: Any, train: Any, job: Mapping[str, Any]) -> tuple[Any, list[str]]:
    """The booster, and the params that XGBoost did not use."""
    params = {
        "nthread": len(os.sched_getaffinity(0)),
        **job["params"],
        **{key: job[key] for key in ("objective", "seed", "eval_metric")},
    }
    # XGBoost 1.7 prints the unused params, 3.0 warns about them.
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        booster = xgboost.train(params, train, job["rounds"], verbose_eval=False)
    found = _UNUSED.search("\n".join([printed.getvalue(), *(str(item.message) for item in warned)]))
    return booster, re.findall(r'"([^"]*)"', found[1]) if found else []


def _evaluate(xgboost: Any, path: str, holdout: Any, metric: str) -> float:
    """The metric of the written file on the rows held out."""
    booster = xgboost.Booster(model_file=path)
    booster.set_param({"eval_metric": metric})
    return float(str(booster.eval(holdout)).rsplit(":", 1)[1])
