"""Settings: the environment first, then config/audit.env, then the default; one validated object.

settings_table is the one place that names a setting. Values are never echoed in an
error: the file holds secrets.
"""

from __future__ import annotations

import os
import re
import time

from qt_audit.settings.env_file import EnvFile, read_env_file
from qt_audit.settings.env_file import SettingsError as SettingsError  # others take it from here
from qt_audit.settings.redaction import Redactor
from qt_audit.settings.table import SETTINGS as SETTINGS
from qt_audit.settings.table import SHORTEST_WAIT as SHORTEST_WAIT
from qt_audit.settings.table import Setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_LONG_PATH = 8
_LONG_TOKEN = 16
NAMES = frozenset(setting.name for setting in SETTINGS)
_BY_NAME = {setting.name: setting for setting in SETTINGS}
_SECRET_NAME = re.compile("PASSWORD|SECRET|TOKEN|WEBHOOK|KEY", re.IGNORECASE)


class Settings:
    """All settings of one installation, validated. Prints no secret."""

    __slots__ = ("_values", "home", "redactor", "warnings")

    def __init__(
        self, home: str, values: Mapping[str, Any], redactor: Redactor, warnings: tuple[str, ...]
    ) -> None:
        self.home = home
        """QT_HOME, an absolute path, links not resolved."""
        self._values = values
        self.redactor = redactor
        self.warnings = warnings
        """What was wrong in the settings, one clear line each; the default stands in for it."""

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __repr__(self) -> str:
        return f"Settings(home={self.home!r})"

    @property
    def env_file(self) -> str:
        return env_file(self.home)

    @property
    def lock_timeout(self) -> float:
        return float(self._values["QT_LOCK_TIMEOUT"])

    @property
    def required(self) -> bool:
        return bool(self._values["QT_AUDIT_REQUIRED"])


def env_file(home: str) -> str:
    """Where an installation's settings and secrets are."""
    return f"{home}/config/audit.env"


def problems(values: EnvFile) -> list[str]:
    """What is wrong with a file's settings: unusable values, unknown QT_ names. Echoes no value."""
    found = []
    for name, value in values.items():
        if name in _BY_NAME:
            try:
                _read(name, value, values.where(name))
            except SettingsError as error:
                found.append(str(error))
        elif name.startswith("QT_") and name != "QT_HOME":
            remedy = "`audit_logger.py check_config --list` names them all"
            found.append(f"{values.where(name)}: {name} is not a setting; {remedy}")
    return found


def given(values: EnvFile) -> dict[str, Any]:
    """All settings as a file alone gives them; the default stands in for what is not there or unusable."""
    read = {}
    for setting in SETTINGS:
        try:
            read[setting.name] = setting.read(values.get(setting.name, setting.default))
        except ValueError:
            read[setting.name] = setting.read(setting.default)
    return read


def load(home: str | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of an installation, whatever state its file is in.

    A file that cannot be used, or a value that cannot, never stops a record from being
    written: the default stands in, and `warnings` says so. `strict` turns them into an error.
    """
    env = os.environ if environ is None else environ
    home = _absolute(home or env.get("QT_HOME") or _named_home)
    path = env_file(home)
    try:
        from_file = read_env_file(path)
        warnings = problems(from_file)
    except SettingsError as error:
        from_file, warnings = EnvFile(path), [str(error)]
    values: dict[str, Any] = {}
    secrets = [
        value for name, value in from_file.items() if _SECRET_NAME.search(name) and not name.endswith("_FILE")
    ]
    for setting in SETTINGS:
        text = env.get(setting.name)
        given = text is not None
        if text is None:
            text = from_file.get(setting.name, setting.default)
        if setting.secret:
            secrets.append(text)
        try:
            values[setting.name] = _read(setting.name, text, "environment")
        except SettingsError as error:
            if given:  # `problems` has told of the file's
                warnings.append(str(error))
            values[setting.name] = _instead(setting, text)
    return Settings(home, values, Redactor(values["QT_REDACT"], _literals(secrets)), tuple(warnings))


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)
    except OSError:  # the working directory is gone
        return path


def _literals(secrets: list[str]) -> set[str]:
    """The texts that give a secret away: all of it, each word of it, of an address what follows the host."""
    found: set[str] = set()
    for secret in secrets:
        for part in (secret, *secret.split()):
            path = part.partition("://")[2].partition("/")[2]
            found.update((part, path) if len(path) >= _LONG_PATH else (part,))
            if "://" in part:  # a token, too, where it stands alone; no host name, for that has dots
                found.update(piece for piece in re.split(r"[/?&=@:]+", part) if _is_token(piece))
    return found


def _is_token(piece: str) -> bool:
    return len(piece) >= _LONG_TOKEN and "." not in piece


def strict(settings: Settings) -> Settings:
    """The same settings; raises SettingsError with the first thing that is wrong in them."""
    if settings.warnings:
        raise SettingsError(settings.warnings[0])
    return settings


def _read(name: str, text: str, where: str) -> Any:
    try:
        return _BY_NAME[name].read(text)
    except ValueError as error:
        says = str(error)
        # int() and float() echo what they were given; our own messages never do.
        reason = says if says.startswith(("must", "pattern")) else "must be a number"
        raise SettingsError(f"{where}: {name} {reason}") from None


def _instead(setting: Setting, text: str) -> Any:
    """What stands in for an unusable value: the default; for patterns, their text taken literally."""
    if setting.name == "QT_REDACT":
        return tuple(re.compile(re.escape(pattern)) for pattern in text.split())
    return setting.read(setting.default)


_named_home = os.path.abspath(__file__).rsplit(os.sep, 4)[0]


def name_home(face: str) -> None:
    """Make the directory above the tools/ in which this face was named (its `__file__`) the default QT_HOME.

    Links are not resolved: an installation is where the operator named it, not in a release.
    """
    global _named_home
    _named_home = os.path.dirname(os.path.dirname(os.path.abspath(face)))


class _Known:
    """The settings that were read last, and what they were read from."""

    __slots__ = ("looked", "named", "settings", "source")

    def __init__(self, named: str | None, source: object, settings: Settings, looked: float) -> None:
        self.named = named
        self.source = source
        self.settings = settings
        self.looked = looked


_known: _Known | None = None
_FRESH = 1.0


def current() -> Settings:
    """The settings as they are now: a changed QT_HOME counts at once, any other change within a second.

    The same object is returned while nothing changed; cheap, for it is called for every entry.
    """
    global _known
    try:
        named: str | None = os.environ["QT_HOME"]  # twice as quick as get()
    except KeyError:
        named = None
    now, known = time.monotonic(), _known
    if known is not None and known.named == named:
        if now - known.looked < _FRESH:
            return known.settings
        if known.source == _source(known.settings.env_file):
            known.looked = now
            return known.settings
    source = _source(env_file(_absolute(named or _named_home)))  # looked at before: no change may be missed
    settings = load()
    _known = _Known(named, source, settings, now)
    return settings


def _source(path: str) -> object:
    """What tells whether settings must be read again: the file's fingerprint and the environment's values."""
    try:
        status = os.stat(path)
    except OSError:
        fingerprint = None
    else:
        fingerprint = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
    return fingerprint, [os.environ.get(setting.name) for setting in SETTINGS]
