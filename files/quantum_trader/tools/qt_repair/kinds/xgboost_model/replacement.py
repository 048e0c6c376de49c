"""Where a model lies: the new one takes the old one's place in one rename, and the last old ones are kept."""

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
    """A directory of ours beside the model: what is made in it takes its place by a rename."""

    target: str
    """The model's own path, links followed: a link to it stays one."""
    directory: str

    @property
    def output(self) -> str:
        """Where the new model is written; its ending says its form."""
        return os.path.join(self.directory, f"new{os.path.splitext(self.target)[1]}")

    @property
    def old_model_text(self) -> str:
        """What follows where the new one is not good enough, for people."""
        return "the old model stays" if os.path.exists(self.target) else "there is no model still"


@contextmanager
def training_directory(path: str) -> Iterator[TrainingDirectory]:
    """Room for a new model; gone afterwards, with what a killed run left in it. Raises RepairError."""
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
    """Put the new model in the old one's place, durably; the path that keeps the old one, if any is.

    At every instant there is a whole model, the old or the new. Of old ones `keep` stay:
    model.json.1 is the last before it, model.json.2 the one before that. Raises RepairError.
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
    """The old one's owner and mode; without one the directory's owner, and nothing for others."""
    descriptor = os.open(training.output, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        try:
            old = os.stat(training.target)
            mode = stat.S_IMODE(old.st_mode)
        except FileNotFoundError:
            old, mode = os.stat(os.path.dirname(training.target)), _MODE
        with suppress(PermissionError):  # only root gives files away
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
    # By way of the workshop, so that a name that is kept is at every instant a whole model.
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
