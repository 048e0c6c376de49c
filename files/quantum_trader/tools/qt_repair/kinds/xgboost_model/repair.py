"""Train a model anew; it takes the old one's place only if it is good enough, in one rename."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from qt_repair.finding import Finding, Mended, Probe, ProbeError, RepairError
from qt_repair.host.process import run
from qt_repair.kinds.xgboost_model import expectations as model_settings
from qt_repair.kinds.xgboost_model.child import ask
from qt_repair.kinds.xgboost_model.probe import look_at
from qt_repair.kinds.xgboost_model.replacement import Workshop, replace, workshop

_CHECK_S = 30.0


class RetrainModel:
    """By XGBoost on a CSV or a query, or by the operator's own trainer."""

    def __init__(self, settings: Mapping[str, Any], home: str, probe: Probe) -> None:
        self._settings = settings
        self._home = home
        self._expected = model_settings.expected(settings)

    def intent(self, found: Finding) -> str:
        return f"Auto-repair: Retraining XGBoost model to {self._expected.features} features"

    def sentence(self, found: Finding) -> str:
        return f"Auto-repair: Retrained XGBoost model to {self._expected.features} features"

    def mend(self, found: Finding, timeout: float) -> Mended:
        """Train, measure, replace; whatever fails, the old model stays. Raises RepairError."""
        if self._settings.get("trainer"):
            return Mended(self.sentence(found), self._by_trainer(timeout))
        with workshop(os.path.join(self._home, self._settings["path"])) as place:
            details = self._trained(place, timeout)
            kept = replace(place, self._settings["keep"])
        return Mended(self.sentence(found), {"path": place.target, **details, "kept": kept})

    def _by_trainer(self, timeout: float) -> dict[str, Any]:
        """The operator's program writes the model itself; the probe will judge it."""
        argv = self._settings["trainer"]
        done = run(argv, timeout, cwd=self._home)
        if done.exit_code != 0:
            raise RepairError(f"the trainer {argv[0]} ended with {done.exit_code}", done.exit_code, done.said)
        return {"trainer": argv[0], "duration_s": round(done.duration_s, 3), "output": done.said}

    def _trained(self, place: Workshop, timeout: float) -> dict[str, Any]:
        """A new model in the workshop that is good enough; what is known of it."""
        bound = model_settings.bound(self._settings)
        deadline = time.monotonic() + timeout
        answer = ask("train", self._job(place, bound), timeout)
        value = answer.pop("value")
        if not bound.holds(value):
            raise RepairError(f"{bound.failure(value)}: {place.stays}")
        left = min(_CHECK_S, max(1.0, deadline - time.monotonic()))
        try:
            largest = self._settings["max_mb"] << 20
            seen = look_at(place.output, "that was trained", largest, self._expected, left)
        except ProbeError as error:
            raise RepairError(f"{error}: {place.stays}") from None
        if not seen.healthy:
            raise RepairError(f"{seen.summary}: {place.stays}")
        limit = {"floor": bound.floor} if bound.floor is not None else {"ceiling": bound.ceiling}
        return {**answer, "metric": bound.metric, "value": value, **limit}

    def _job(self, place: Workshop, bound: model_settings.Bound) -> dict[str, Any]:
        settings = self._settings
        data = dict(settings["data"])
        if "csv" in data:
            data["csv"] = os.path.join(self._home, data["csv"])
        return {
            **{key: settings[key] for key in ("target", "objective", "params", "seed", "rounds", "holdout")},
            "data": data,
            "columns": model_settings.columns(settings),
            "features": self._expected.features,
            "metric": bound.metric,
            "floor": bound.floor,
            "ceiling": bound.ceiling,
            "output": place.output,
        }


def privileges(settings: Mapping[str, Any]) -> list[list[str]]:
    """None: models belong to the user that repairs them."""
    return []


REPAIR = RetrainModel
