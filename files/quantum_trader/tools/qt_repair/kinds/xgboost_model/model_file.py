"""Read a model file without XGBoost: its format, its features, and whether it is complete."""

from __future__ import annotations

import json
import os
import resource
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qt_repair.kinds.xgboost_model.model_process import TaskError, run_task
from qt_repair.kinds.xgboost_model.ubjson import UbjsonError, parse

_MEMORY_MARGIN = 256 << 20


class InvalidModelError(Exception):
    """The file is no model. The text says why; it continues a sentence that begins with the file's path."""


@dataclass(frozen=True)
class ModelFile:
    """What matters here of a model file."""

    form: str
    """JSON or UBJSON."""
    features: int
    names: tuple[str, ...]
    """As many as features, or none: a model may have been saved without names."""
    trees: int | None


def read_model(path: str, largest: int, timeout: float) -> ModelFile:
    """Read the model file in a child process. A file of more than `largest` bytes is not read.

    Raises InvalidModelError if it is missing or no model, RepairError if that cannot be found out.
    """
    answer = run_task("inspect", {"path": path, "largest": largest}, timeout)
    if "fault" in answer:
        raise InvalidModelError(answer["fault"])
    return ModelFile(answer["form"], answer["features"], tuple(answer["names"]), answer["trees"])


def perform(job: Mapping[str, Any]) -> dict[str, Any]:
    """The child's part of read_model()."""
    try:
        data = _content(job["path"], job["largest"])
        # Parsing a model takes a few times its size; a file that takes more is no model.
        bound = 8 * len(data) + _MEMORY_MARGIN
        resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
        model = parse_model(data)
    except InvalidModelError as fault:
        return {"fault": str(fault)}
    except MemoryError:
        return {"fault": "is not a model: it takes too much memory to read"}
    return {"form": model.form, "features": model.features, "names": model.names, "trees": model.trees}


def _content(path: str, largest: int) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        raise InvalidModelError("is missing") from None
    except OSError as error:
        raise TaskError(f"{path} cannot be read: {error.strerror}: correct its rights") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise InvalidModelError("is not a regular file")
    with open(descriptor, "rb") as file:
        if not status.st_size:
            raise InvalidModelError("is empty")
        if file.read(1) != b"{":
            raise InvalidModelError("is not a model: neither JSON nor UBJSON")
        if status.st_size > largest:
            raise InvalidModelError(
                f"is too large for a model: {status.st_size >> 20} MB, max_mb is {largest >> 20}"
            )
        file.seek(0)
        try:
            return file.read(largest)
        except OSError as error:
            raise TaskError(f"{path} cannot be read: {error.strerror}") from None


def parse_model(data: bytes) -> ModelFile:
    """Parse the content of a model file. Raises InvalidModelError."""
    if data[1:2] == b"L":
        form = "UBJSON"
        try:
            value = parse(data)
        except (UbjsonError, RecursionError) as error:
            raise InvalidModelError(f"is not a model: as UBJSON {_why(error)}") from None
    else:
        form = "JSON"
        try:
            # Numbers are not needed, and their lengths take less memory. XGBoost writes the few numbers that
            # matter as texts.
            value = json.loads(data.decode("utf-8"), parse_float=len, parse_int=len)
        except json.JSONDecodeError as error:
            raise InvalidModelError(f"is not a model: not JSON from byte {error.pos} on (cut off?)") from None
        except (ValueError, RecursionError) as error:
            raise InvalidModelError(f"is not a model: as JSON {_why(error)}") from None
    try:
        return _model_file(form, value)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        raise InvalidModelError(f"is not a model: it is {form}, but not as XGBoost writes it") from None


def _why(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def _model_file(form: str, value: Any) -> ModelFile:
    learner = value["learner"]
    features = int(learner["learner_model_param"]["num_feature"])
    names = [name for name in learner.get("feature_names") or [] if isinstance(name, str)]
    booster = learner["gradient_booster"]
    model = booster.get("model") or booster["gbtree"]["model"]
    if features < 1 or (names and len(names) != features):
        raise ValueError("its features contradict each other")
    trees = None
    if "trees" in model:
        trees = len(model["trees"])
        if trees != int(model["gbtree_model_param"]["num_trees"]):
            raise ValueError("it has not all of its trees")
    return ModelFile(form, features, tuple(names), trees)
