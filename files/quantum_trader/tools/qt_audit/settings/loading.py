"""Settings: the environment first, then config/audit.env, then the default; one validated object.

settings/table.py is the one place that names a setting. No error shows a value, because the file holds
secrets.
"""

from __future__ import annotations

import os
import re
import time

from qt_audit.settings.env_file import EnvFile, SettingsError, read_env_file
from qt_audit.settings.redaction import Redactor
from qt_audit.settings.table import SETTINGS, Setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_MIN_PATH = 8
_MIN_TOKEN = 16
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
        """What is wrong in the settings, one line each; the default is used for such a setting."""

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
    """The path of an installation's settings and secrets."""
    return f"{home}/config/audit.env"


def problems(values: EnvFile) -> list[str]:
    """What is wrong with a file's settings: unusable values, unknown QT_ names. Shows no value."""
    messages = []
    for name, value in values.items():
        if name in _BY_NAME:
            try:
                _read(name, value, values.where(name))
            except SettingsError as error:
                messages.append(str(error))
        elif name.startswith("QT_") and name != "QT_HOME":
            remedy = "`audit_logger.py check_config --list` names them all"
            messages.append(f"{values.where(name)}: {name} is not a setting; {remedy}")
    return messages


def values_from_file(values: EnvFile) -> dict[str, Any]:
    """All settings by a file alone; the default is used for what it does not give or what is unusable."""
    read = {}
    for setting in SETTINGS:
        try:
            read[setting.name] = setting.read(values.get(setting.name, setting.default))
        except ValueError:
            read[setting.name] = setting.read(setting.default)
    return read


def load(home: str | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of an installation, whatever state its file is in.

    An unusable file or value never stops an entry from being recorded: the default is used, and `warnings`
    says so. `strict` turns the warnings into an error.
    """
    env = os.environ if environ is None else environ
    home = _absolute(home or env.get("QT_HOME") or _default_home)
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
        is_from_environment = text is not None
        if text is None:
            text = from_file.get(setting.name, setting.default)
        if setting.secret:
            secrets.append(text)
        try:
            values[setting.name] = _read(setting.name, text, "environment")
        except SettingsError as error:
            if is_from_environment:  # `problems` has reported the values of the file
                warnings.append(str(error))
            values[setting.name] = _replacement(setting, text)
    return Settings(home, values, Redactor(values["QT_REDACT"], _secret_texts(secrets)), tuple(warnings))


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)
    except OSError:  # the working directory is gone
        return path


def _secret_texts(secrets: list[str]) -> set[str]:
    """The texts to redact for these secrets: each of them, its words, and the path of an address."""
    texts: set[str] = set()
    for secret in secrets:
        for part in (secret, *secret.split()):
            path = part.partition("://")[2].partition("/")[2]
            texts.update((part, path) if len(path) >= _MIN_PATH else (part,))
            if "://" in part:  # a token of the address, also alone; a host name has dots
                texts.update(piece for piece in re.split(r"[/?&=@:]+", part) if _is_token(piece))
    return texts


def _is_token(piece: str) -> bool:
    return len(piece) >= _MIN_TOKEN and "." not in piece


def strict(settings: Settings) -> Settings:
    """The same settings; raises SettingsError with the first thing that is wrong in them."""
    if settings.warnings:
        raise SettingsError(settings.warnings[0])
    return settings


def _read(name: str, text: str, where: str) -> Any:
    try:
        return _BY_NAME[name].read(text)
    except ValueError as error:
        message = str(error)
        # int() and float() echo what they were given; our own messages never do.
        reason = message if message.startswith(("must", "pattern")) else "must be a number"
        raise SettingsError(f"{where}: {name} {reason}") from None


def _replacement(setting: Setting, text: str) -> Any:
    """The value to use for an unusable one: the default; patterns are taken as literal texts."""
    if setting.name == "QT_REDACT":
        return tuple(re.compile(re.escape(pattern)) for pattern in text.split())
    return setting.read(setting.default)


_default_home = os.path.abspath(__file__).rsplit(os.sep, 4)[0]


def set_default_home(program_file: str) -> None:
    """Make the directory above the program's tools/ directory the default QT_HOME.

    `program_file` is the program's `__file__`. Links are not resolved: the program may be a link into a
    release, and QT_HOME is where the link is.
    """
    global _default_home
    _default_home = os.path.dirname(os.path.dirname(os.path.abspath(program_file)))


class _CachedSettings:
    """The settings that were read last, with QT_HOME and the fingerprint of what they were read from."""

    __slots__ = ("checked", "fingerprint", "home", "settings")

    def __init__(self, home: str | None, fingerprint: object, settings: Settings, checked: float) -> None:
        self.home = home
        self.fingerprint = fingerprint
        self.settings = settings
        self.checked = checked
        """time.monotonic() of the last comparison."""


_cached: _CachedSettings | None = None
_CACHE_SECONDS = 1.0


def current() -> Settings:
    """The settings as they are now: a changed QT_HOME is seen at once, any other change within a second.

    Returns the same object while nothing changed. It is cheap, because it is called for every entry.
    """
    global _cached
    try:
        home: str | None = os.environ["QT_HOME"]  # twice as quick as get()
    except KeyError:
        home = None
    now, cached = time.monotonic(), _cached
    if cached is not None and cached.home == home:
        if now - cached.checked < _CACHE_SECONDS:
            return cached.settings
        if cached.fingerprint == _fingerprint(cached.settings.env_file):
            cached.checked = now
            return cached.settings
    fingerprint = _fingerprint(env_file(_absolute(home or _default_home)))  # before the files are read
    settings = load()
    _cached = _CachedSettings(home, fingerprint, settings, now)
    return settings


def _fingerprint(path: str) -> object:
    """What changes if settings must be read again: the file's status and the environment's values."""
    try:
        status = os.stat(path)
    except OSError:
        file_status = None
    else:
        file_status = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
    return file_status, [os.environ.get(setting.name) for setting in SETTINGS]
