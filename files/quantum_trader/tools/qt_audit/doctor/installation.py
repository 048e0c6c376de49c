"""Check the directories, files and settings of an installation."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator

from qt_audit.doctor.check import OK, WARN, WRONG, Check, run_check, run_each
from qt_audit.record.place import LOG_NAME
from qt_audit.recorder import user_name
from qt_audit.settings.loading import Settings

_DIRECTORIES = {
    "config": 0o750,
    "status": 0o750,
    "status/record": 0o750,
    "status/outbox": 0o700,
    "status/reports": 0o750,
}
_NEEDED = ("status", "status/record")
_FILES = {"config/audit.env": 0o600, "status/record/head": 0o640, f"status/{LOG_NAME}": 0o640}


def installation_checks(settings: Settings) -> list[Check]:
    """Directories, files and settings of an installation; without a home directory only the check of it."""
    home = settings.home
    checks = run_check("home", lambda: _home(home))
    if not os.path.isdir(home):
        return checks
    return checks + run_each(
        {
            "directories": lambda: _directories(home),
            "files": lambda: _files(home),
            "settings": lambda: _settings(settings),
        }
    )


def _home(path: str) -> Iterator[Check]:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        yield Check("home", WRONG, f"{path} does not exist: set QT_HOME to the installation")
        return
    if status.st_mode & 0o022:
        yield Check("home", WRONG, f"{path} may be written by others: chmod go-w {path}")
    else:
        yield Check("home", OK, f"{path}, of {user_name(status.st_uid)}")


def _directories(base: str) -> Iterator[Check]:
    owner, faults, missing = os.stat(base).st_uid, [], []
    for name, mode in _DIRECTORIES.items():
        path = f"{base}/{name}"
        try:
            status = os.stat(path, follow_symlinks=False)
        except FileNotFoundError:
            missing.append(name)
            continue
        faults += _faults_of(path, status, stat.S_ISDIR, "a directory", owner, mode)
    needed = [name for name in missing if name in _NEEDED]
    if faults:
        yield Check("directories", WRONG, "; ".join(faults))
    elif needed:
        yield Check("directories", WRONG, f"{', '.join(needed)} missing: the first entry makes them (`test`)")
    elif missing:
        yield Check("directories", WARN, f"{', '.join(missing)} missing in {base}: a deploy makes them")
    else:
        yield Check("directories", OK, f"{len(_DIRECTORIES)} with the right owner and modes")


def _files(base: str) -> Iterator[Check]:
    owner, faults = os.stat(base).st_uid, []
    expected = dict(_FILES)
    expected.update({f"status/record/{file}": 0o640 for file in _segment_files(f"{base}/status/record")})
    for name, mode in expected.items():
        path = f"{base}/{name}"
        try:
            status = os.stat(path, follow_symlinks=False)
        except FileNotFoundError:
            continue
        faults += _faults_of(path, status, stat.S_ISREG, "a regular file", owner, mode)
    if faults:
        yield Check("files", WRONG, "; ".join(faults))
    else:
        yield Check("files", OK, "settings, head, segments and log have the right owner and modes")


def _segment_files(record: str) -> list[str]:
    try:
        return [name for name in os.listdir(record) if name.endswith((".jsonl", ".jsonl.gz"))]
    except FileNotFoundError:
        return []


def _faults_of(
    path: str, status: os.stat_result, is_kind: Callable[[int], bool], kind: str, owner: int, mode: int
) -> list[str]:
    """The faults of a file or directory: a link, another owner, or more rights than `mode` gives."""
    if not is_kind(status.st_mode):
        return [f"{path} must be {kind}, not a link or anything else: move it away"]
    faults = []
    if status.st_uid != owner:
        name = user_name(owner)
        faults.append(f"{path} belongs to {user_name(status.st_uid)}: chown {name} {path}")
    if status.st_mode & 0o7777 & ~mode:
        faults.append(f"{path} has mode {status.st_mode & 0o7777:04o}: chmod {mode:04o} {path}")
    return faults


def _settings(settings: Settings) -> Iterator[Check]:
    for warning in settings.warnings:
        yield Check("settings", WRONG, warning)
    if not settings.warnings:
        where = settings.env_file if os.path.exists(settings.env_file) else "defaults; there is no audit.env"
        yield Check("settings", OK, where)
