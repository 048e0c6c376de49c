"""Replace a model file by a new one in one rename, and keep the last old ones."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from qt_repair.finding import RepairError

_MODE = 0o640


@dataclass(frozen=True)
class TrainingDirectory:
    """A directory beside the model in which the new one is written: a rename can then replace the old."""

    target: str
    """The model's path with links resolved: a link to the model stays a link."""
    directory: str

    @property
    def output(self) -> str:
        """Where the new model is written; its suffix says its format."""
        return os.path.join(self.directory, f"new{os.path.splitext(self.target)[1]}")

    @property
    def old_model_text(self) -> str:
        """For people: what happens if the new model is not good enough."""
        return "the old model stays" if os.path.exists(self.target) else "there is no model still"


@contextmanager
def training_directory(path: str) -> Iterator[TrainingDirectory]:
    """An empty training directory, removed afterwards; one that a killed run left is removed, too.

    Raises RepairError.
    """
    target = os.path.realpath(path)
    parent, name = os.path.split(target)
    directory = os.path.join(parent, f".{name}.training")
    try:
        if os.path.lexists(target) and not stat.S_ISREG(os.lstat(target).st_mode):
            raise RepairError(f"{target} is not a regular file: move it away")
        os.makedirs(parent, mode=0o750, exist_ok=True)
        with suppress(FileNotFoundError):
            shutil.rmtree(directory)
        os.mkdir(directory, 0o700)
    except OSError as error:
        raise RepairError(f"no model can be written in {parent}: {error.strerror or error}") from None
    try:
        yield TrainingDirectory(target, directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def replace_model(training: TrainingDirectory, keep: int) -> str | None:
    """Replace the old model by the new one, durably; the path of the old one's backup, or None.

    At every moment there is a complete model, the old or the new one. `keep` old models are kept:
    model.json.1 is the most recent, model.json.2 the one before. Raises RepairError.
    """
    try:
        _copy_owner_and_mode(training)
        backup = _back_up_old_model(training, keep)
        os.replace(training.output, training.target)
        _sync_directory(os.path.dirname(training.target))
    except OSError as error:
        raise RepairError(
            f"the model could not be replaced: {error.strerror}: {training.old_model_text}"
        ) from None
    return backup


def _copy_owner_and_mode(training: TrainingDirectory) -> None:
    """Give the new model the owner and mode of the old one, or else the owner of the directory and 0640."""
    descriptor = os.open(training.output, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        try:
            old = os.stat(training.target)
            mode = stat.S_IMODE(old.st_mode)
        except FileNotFoundError:
            old, mode = os.stat(os.path.dirname(training.target)), _MODE
        with suppress(PermissionError):  # only root may change an owner
            os.fchown(descriptor, old.st_uid, old.st_gid)
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _back_up_old_model(training: TrainingDirectory, keep: int) -> str | None:
    target = training.target
    if keep < 1 or not os.path.exists(target):
        return None
    for number in range(keep - 1, 0, -1):
        with suppress(FileNotFoundError):
            os.replace(f"{target}.{number}", f"{target}.{number + 1}")
    newest = f"{target}.1"
    # Through the training directory, so that each backup is a complete model at every moment.
    copy = os.path.join(training.directory, "old")
    try:
        os.link(target, copy)
    except OSError:  # a file system without hard links
        shutil.copy2(target, copy)
    os.replace(copy, newest)
    return newest


def _sync_directory(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
