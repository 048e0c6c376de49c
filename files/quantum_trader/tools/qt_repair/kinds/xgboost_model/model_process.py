"""Run what handles a model file or XGBoost in a child process.

XGBoost is C++: on a damaged file it may abort or run for ever, and parsing a file may take much memory. In a
child process this does not harm the caller. The job is passed in the environment, which other users cannot
read: it may hold a connection string.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qt_repair.finding import RepairError
from qt_repair.host.process import TimedOutError, capture

_JOB = "QT_REPAIR_MODEL_JOB"
_TASKS = {
    "inspect": "qt_repair.kinds.xgboost_model.model_file",
    "train": "qt_repair.kinds.xgboost_model.training",
    "predict": "qt_repair.kinds.xgboost_model.prediction",
}
"""Task -> the module whose perform(job) does it."""
_NAMES = {"inspect": "reading the model", "train": "the training", "predict": "the prediction"}
_TOOLS = str(Path(__file__).resolve().parents[3])
_BOOTSTRAP = (
    "import sys; sys.path.insert(0, sys.argv[1]);"
    " from qt_repair.kinds.xgboost_model.model_process import main; main(sys.argv[2])"
)


class TaskError(Exception):
    """Raised in the child for an error that the operator can correct: one line."""


def run_task(task: str, job: Mapping[str, Any], timeout: float) -> dict[str, Any]:
    """Run a task: its answer. Raises TimedOutError, or RepairError with the child's line or exit status."""
    text = json.dumps({**job, "timeout": timeout}, ensure_ascii=False)
    # Isolated: nothing is imported from the current directory or the user's own packages.
    argv = [
        sys.executable,
        "-I",
        *(["-B"] if sys.dont_write_bytecode else []),
        "-c",
        _BOOTSTRAP,
        _TOOLS,
        task,
    ]
    try:
        data = capture(argv, timeout, env={**os.environ, _JOB: text})
    except TimedOutError:
        raise TimedOutError(f"{_NAMES[task]} did not end within {timeout:g} s") from None
    except RepairError as error:
        raise RepairError(
            f"{_NAMES[task]} {_exit_text(error.exit_code)}", error.exit_code, error.output
        ) from None
    try:
        answer: dict[str, Any] = json.loads(data)
    except ValueError:
        raise RepairError(f"{_NAMES[task]} ended without an answer") from None
    if "error" in answer:
        raise RepairError(str(answer["error"]))
    return answer


def _exit_text(code: int | None) -> str:
    if code is None:
        return "could not be started"
    if code <= 128:
        return f"ended with {code}"
    why = " (out of memory?)" if code == 128 + signal.SIGKILL else ""
    return f"was ended by signal {code - 128}{why}"


def main(task: str) -> None:
    """The child: perform the task and print one JSON object, whatever libraries print."""
    job = json.loads(os.environ.pop(_JOB))
    # If the caller is killed, nobody else ends this process.
    signal.alarm(math.ceil(job["timeout"]) + 5)
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        try:
            answer = importlib.import_module(_TASKS[task]).perform(job)
        except TaskError as error:
            answer = {"error": str(error)}
        except MemoryError:
            answer = {"error": f"{_NAMES[task]} needs more memory than there is"}
        except Exception as error:  # one line that an operator can report
            first = " ".join(str(error).split("\n", 1)[0].split())[:200]
            answer = {"error": f"{_NAMES[task]} failed: {type(error).__name__}: {first}"}
        json.dump(answer, answers)
