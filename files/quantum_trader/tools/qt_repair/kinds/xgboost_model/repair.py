"""Train a new model. It replaces the old one, in one rename, only if it is good enough."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from qt_repair.finding import Finding, Probe, ProbeError, RepairError, RepairResult
from qt_repair.host.process import run
from qt_repair.kinds.xgboost_model import expectations
from qt_repair.kinds.xgboost_model.model_process import run_task
from qt_repair.kinds.xgboost_model.probe import check_model_file
from qt_repair.kinds.xgboost_model.replacement import TrainingDirectory, replace_model, training_directory

_CHECK_S = 30.0


class RetrainModel:
    """By XGBoost on a CSV or a query, or by the operator's own trainer."""

    def __init__(self, settings: Mapping[str, Any], home: str, probe: Probe) -> None:
        self._settings = settings
        self._home = home
        self._expected = expectations.expected(settings)

    def intent(self, finding: Finding) -> str:
        return f"Auto-repair: Retraining XGBoost model to {self._expected.features} features"

    def sentence(self, finding: Finding) -> str:
        return f"Auto-repair: Retrained XGBoost model to {self._expected.features} features"

    def run(self, finding: Finding, timeout: float) -> RepairResult:
        """Train, measure, replace. If anything fails, the old model stays. Raises RepairError."""
        if self._settings.get("trainer"):
            return RepairResult(self.sentence(finding), self._run_trainer(timeout))
        with training_directory(os.path.join(self._home, self._settings["path"])) as training:
            details = self._train(training, timeout)
            backup = replace_model(training, self._settings["keep"])
        return RepairResult(self.sentence(finding), {"path": training.target, **details, "kept": backup})

    def _run_trainer(self, timeout: float) -> dict[str, Any]:
        """Run the operator's program, which writes the model itself; the probe checks it afterwards."""
        argv = self._settings["trainer"]
        done = run(argv, timeout, cwd=self._home)
        if done.exit_code != 0:
            raise RepairError(
                f"the trainer {argv[0]} ended with {done.exit_code}", done.exit_code, done.shown_output
            )
        return {"trainer": argv[0], "duration_s": round(done.duration_s, 3), "output": done.shown_output}

    def _train(self, training: TrainingDirectory, timeout: float) -> dict[str, Any]:
        """Train a model in the training directory and check that it is good enough; details about it."""
        bound = expectations.bound(self._settings)
        deadline = time.monotonic() + timeout
        answer = run_task("train", self._job(training, bound), timeout)
        value = answer.pop("value")
        if not bound.holds(value):
            raise RepairError(f"{bound.failure(value)}: {training.old_model_text}")
        left = min(_CHECK_S, max(1.0, deadline - time.monotonic()))
        try:
            largest = self._settings["max_mb"] << 20
            new_model = check_model_file(training.output, "that was trained", largest, self._expected, left)
        except ProbeError as error:
            raise RepairError(f"{error}: {training.old_model_text}") from None
        if not new_model.healthy:
            raise RepairError(f"{new_model.summary}: {training.old_model_text}")
        limit = {"floor": bound.floor} if bound.floor is not None else {"ceiling": bound.ceiling}
        return {**answer, "metric": bound.metric, "value": value, **limit}

    def _job(self, training: TrainingDirectory, bound: expectations.MetricBound) -> dict[str, Any]:
        settings = self._settings
        data = dict(settings["data"])
        if "csv" in data:
            data["csv"] = os.path.join(self._home, data["csv"])
        return {
            **{key: settings[key] for key in ("target", "objective", "params", "seed", "rounds", "holdout")},
            "data": data,
            "columns": expectations.columns(settings),
            "features": self._expected.features,
            "metric": bound.metric,
            "floor": bound.floor,
            "ceiling": bound.ceiling,
            "output": training.output,
        }


def privileges(settings: Mapping[str, Any]) -> list[list[str]]:
    """None: models belong to the account that repairs them."""
    return []


REPAIR = RetrainModel
