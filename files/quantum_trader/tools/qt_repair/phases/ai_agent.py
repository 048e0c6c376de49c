"""AI Agent validation: the model file loads, has the expected features and predicts; the agent answers."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

from qt_repair import kinds
from qt_repair.config_schema import filled, kind_schema
from qt_repair.finding import ProbeError, RepairError
from qt_repair.http_check import shown
from qt_repair.looking import look
from qt_repair.phases.seen import Seen
from qt_repair.phases.smoke_tests import ask

MISSING = "name the model or the agent's address in phases.ai_agent.model or phases.ai_agent.health"
REMEDY = "Train the model again, or put the last good one back; `auto_repair_system.py` does so if told to."


def plan(settings: Mapping[str, Any]) -> list[str]:
    lines = []
    if "model" in settings:
        model = settings["model"]
        count = _count(model)
        features = f"has {count} features, " if count else ""
        lines.append(f"{model['path']}: loads, {features}predicts")
    if "health" in settings:
        lines.append(f"agent: {shown(settings['health']['url'])} answers")
    return lines


def check(settings: Mapping[str, Any], home: str) -> Seen:
    problems: list[str] = []
    said: list[str] = []
    details: dict[str, Any] = {}
    if "model" in settings:
        model = settings["model"]
        wrong, says, details["model"] = _features(model, home)
        if not wrong:
            wrong, says, details["prediction"] = _prediction(
                model, home, details["model"], settings["timeout"]
            )
        said.append(says)
        problems += [f"{model['path']}: {wrong}"] if wrong else []
    if "health" in settings:
        wrong, details["health"] = ask(settings["health"])
        said.append("agent does not answer as it should" if wrong else "agent answers")
        problems += [f"agent: {wrong}"] if wrong else []
    return Seen(", ".join(said), tuple(problems), details=details)


def _count(model: Mapping[str, Any]) -> int | None:
    names = model.get("feature_names")
    return len(names) if names is not None else model.get("features")


def _features(model: Mapping[str, Any], home: str) -> tuple[str, str, Mapping[str, Any]]:
    """What is wrong ("" if nothing), a line of what was seen, details."""
    own = {key: model[key] for key in ("path", "features", "feature_names") if key in model}
    settings = filled({"kind": "xgboost_model", **own}, kind_schema("xgboost_model"))
    try:
        found = look(kinds.probe_of(settings, home), settings["probe_timeout"])
    except ProbeError as error:
        return str(error), "model cannot be looked at", {}
    return ("" if found.healthy else found.summary), found.summary, found.details


def _prediction(
    model: Mapping[str, Any], home: str, seen: Mapping[str, Any], timeout: float
) -> tuple[str, str, Mapping[str, Any]]:
    from qt_repair.model_prediction import predict

    row = model.get("sample") or [0.0] * int(_count(model) or seen.get("features") or 0)
    try:
        values = predict(os.path.join(home, model["path"]), row, timeout)
    except (RepairError, ProbeError) as error:
        return f"does not predict: {error}", "model does not predict", {}
    return (*judge(values, model), {"values": list(values[:10])})


def judge(values: Sequence[float], model: Mapping[str, Any]) -> tuple[str, str]:
    """What is wrong with a prediction ("" if nothing), and what it was. Pure."""
    shown = ", ".join(f"{value:g}" for value in values[:5])
    says = f"model predicts {shown}"
    lowest, highest = model.get("lowest", -math.inf), model.get("highest", math.inf)
    if not values or not all(math.isfinite(value) for value in values):
        return f"predicts {shown or 'nothing'} for the sample row", says
    if min(values) < lowest:
        return f"predicts {shown} for the sample row, below lowest ({lowest:g})", says
    if max(values) > highest:
        return f"predicts {shown} for the sample row, above highest ({highest:g})", says
    return "", says
