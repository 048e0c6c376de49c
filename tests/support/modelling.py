"""Data sets that a model can learn, and models of any number of features, trained by Debian's XGBoost."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tests.support.repairing import BOUND, PYTHON

NAMES = [f"feature_{number:02}" for number in range(22)]

_TRAIN = """
import json, sys, numpy, xgboost
names, named, path, options = json.loads(sys.argv[1])
cells = numpy.random.RandomState(1).rand(60, len(names))
labels = numpy.floor(cells[:, 0] * 3)
data = xgboost.DMatrix(cells, label=labels, feature_names=names if named else None)
xgboost.train({"max_depth": 3, **options}, data, 4).save_model(path)
"""


@cache
def rows(count: int = 300, features: int = 22, noise: float = 0.01, seed: int = 7) -> list[list[float]]:
    """Rows whose last value follows from the first three."""
    source = random.Random(seed)
    made = []
    for _ in range(count):
        cells = [round(source.random(), 5) for _ in range(features)]
        target = 2 * cells[0] + cells[1] - cells[2] + source.gauss(0, noise)
        made.append([*cells, round(target, 5)])
    return made


def write_csv(path: Path, table: Sequence[Sequence[object]], names: Sequence[str] = NAMES) -> None:
    """The rows below a header of these names and `target`."""
    lines = [",".join([*names, "target"]), *(",".join(map(str, row)) for row in table)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def train(path: Path, features: int = 18, named: bool = True, **options: object) -> bytes:
    """Train a model with so many features, and write it in the format of the path's suffix; its content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    argv = [PYTHON, "-c", _TRAIN, json.dumps([NAMES[:features], named, str(path), options])]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=BOUND, check=False)
    assert done.returncode == 0, done.stderr
    return path.read_bytes()
