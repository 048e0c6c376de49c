"""AI Agent validation: the model file loads, has the expected features and predicts; the agent answers."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from typing import Any

from qt_repair.finding import Finding, ProbeError, RepairError
from qt_repair.host.http import display_url
from qt_repair.kinds.xgboost_model.expectations import expected
from qt_repair.kinds.xgboost_model.prediction import predict
from qt_repair.kinds.xgboost_model.probe import check_model_file
from qt_repair.weekly.observation import Observation
from qt_repair.weekly.phases.smoke_tests import check_address

_LARGEST = 256 << 20

MISSING = "name the model or the agent's address in phases.ai_agent.model or phases.ai_agent.health"
REMEDY = "Train the model again, or put the last good one back; `auto_repair_system.py` does so if told to."


def plan(settings: Mapping[str, Any]) -> list[str]:
    lines = []
    if "model" in settings:
        model = settings["model"]
        lines.append(f"{model['path']}: loads, has {expected(model).features} features, predicts")
    if "health" in settings:
        lines.append(f"agent: {display_url(settings['health']['url'])} answers")
    return lines


def check(settings: Mapping[str, Any], home: str) -> Observation:
    problems: list[str] = []
    summaries: list[str] = []
    details: dict[str, Any] = {}
    if "model" in settings:
        finding = _model(settings["model"], home, settings["timeout"])
        summaries.append(finding.summary)
        details["model"] = finding.details
        problems += [] if finding.healthy else [finding.summary]
    if "health" in settings:
        wrong, details["health"] = check_address(settings["health"])
        summaries.append("the agent does not answer as it should" if wrong else "the agent answers")
        problems += [f"agent: {wrong}"] if wrong else []
    return Observation("; ".join(summaries), tuple(problems), details=details)


def _model(model: Mapping[str, Any], home: str, timeout: float) -> Finding:
    """Check the features of the file, then let XGBoost predict."""
    path, name = os.path.join(home, model["path"]), model["path"]
    deadline = time.monotonic() + timeout
    try:
        finding = check_model_file(path, name, _LARGEST, expected(model), timeout)
        if not finding.healthy:
            return finding
        left = max(1.0, deadline - time.monotonic() - 1)
        value = predict(path, model.get("sample"), left)
    except (ProbeError, RepairError) as error:
        return Finding(False, f"Model {name}: {error}")
    wrong = prediction_problem(value, model)
    details = {**finding.details, "prediction": value}
    if wrong:
        return Finding(False, f"Model {name} {wrong}", details)
    return Finding(True, f"{finding.summary} and predicts {value:g}", details)


def prediction_problem(value: float, model: Mapping[str, Any]) -> str:
    """What is wrong with the prediction for the sample row; "" if nothing. Pure."""
    if value < model.get("lowest", -math.inf):
        return f"predicts {value:g} for the sample row, below lowest ({model['lowest']:g})"
    if value > model.get("highest", math.inf):
        return f"predicts {value:g} for the sample row, above highest ({model['highest']:g})"
    return ""
