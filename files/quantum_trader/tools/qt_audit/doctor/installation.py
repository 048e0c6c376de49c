"""Is everything in place? Each check as data: its name, how it is, and one line that says what to do.

Looks only: nothing is created or changed. Here are the checks of the installation; those of its
record are in `vitals`, those of the host in `surroundings`.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from qt_audit.record.place import LOG_NAME
from qt_audit.settings.loading import Settings

OK, WARN, WRONG = "ok", "warn", "wrong"
_DIRECTORIES = {
    "config": 0o750,
    "status": 0o750,
    "status/record": 0o750,
    "status/outbox": 0o700,
    "status/reports": 0o750,
}
_NEEDED = ("status", "status/record")
_FILES = {"config/audit.env": 0o600, "status/record/head": 0o640, f"status/{LOG_NAME}": 0o640}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: str
    text: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


Looker = Callable[[], Iterator[Check]]


def looked(name: str, look: Looker) -> list[Check]:
    """The outcome of a check; what keeps it from looking is an outcome too."""
    try:
        return list(look())
    except PermissionError as error:
        where = f"{error.filename} " if error.filename else ""
        text = f"{where}cannot be read as {user_name(os.geteuid())}: run this as the owner or as root"
        return [Check(name, WRONG, text)]
    except (OSError, ValueError) as error:
        return [Check(name, WRONG, f"cannot be looked at: {getattr(error, 'strerror', None) or error}")]


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def installation(settings: Settings) -> list[Check]:
    """Directories, files and settings of an installation."""
    there = looked("home", lambda: _home(settings.home))
    if not os.path.isdir(settings.home):
        return there
    looks: list[tuple[str, Looker]] = [
        ("directories", lambda: _directories(settings.home)),
        ("files", lambda: _files(settings.home)),
        ("settings", lambda: _settings(settings)),
    ]
    return there + [check for name, look in looks for check in looked(name, look)]


def _home(path: str) -> Iterator[Check]:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        yield Check("home", WRONG, f"{path} does not exist: set QT_HOME to the installation")
        return
    if found.st_mode & 0o022:
        yield Check("home", WRONG, f"{path} may be written by others: chmod go-w {path}")
    else:
        yield Check("home", OK, f"{path}, of {user_name(found.st_uid)}")


def _directories(base: str) -> Iterator[Check]:
    owner, faults, missing = os.stat(base).st_uid, [], []
    for name, mode in _DIRECTORIES.items():
        path = f"{base}/{name}"
        try:
            found = os.stat(path, follow_symlinks=False)
        except FileNotFoundError:
            missing.append(name)
            continue
        faults += _faults_of(path, found, stat.S_ISDIR, "a directory", owner, mode)
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
            found = os.stat(path, follow_symlinks=False)
        except FileNotFoundError:
            continue
        faults += _faults_of(path, found, stat.S_ISREG, "a regular file", owner, mode)
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
    path: str, found: os.stat_result, is_kind: Callable[[int], bool], kind: str, owner: int, mode: int
) -> list[str]:
    """What is wrong with a thing: a link, another owner, or more rights than `mode` has."""
    if not is_kind(found.st_mode):
        return [f"{path} must be {kind}, not a link or anything else: move it away"]
    faults = []
    if found.st_uid != owner:
        name = user_name(owner)
        faults.append(f"{path} belongs to {user_name(found.st_uid)}: chown {name} {path}")
    if found.st_mode & 0o7777 & ~mode:
        faults.append(f"{path} has mode {found.st_mode & 0o7777:04o}: chmod {mode:04o} {path}")
    return faults


def _settings(settings: Settings) -> Iterator[Check]:
    for warning in settings.warnings:
        yield Check("settings", WRONG, warning)
    if not settings.warnings:
        where = settings.env_file if os.path.exists(settings.env_file) else "defaults; there is no audit.env"
        yield Check("settings", OK, where)
