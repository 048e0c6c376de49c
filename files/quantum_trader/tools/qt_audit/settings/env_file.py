"""Read config/audit.env: KEY=VALUE lines. An error says where it is and never shows a value."""

from __future__ import annotations

import os
import re
import stat

_MAX_FILE = 64 * 1024


class SettingsError(ValueError):
    """A setting cannot be used. The message says where and what to change, and shows no value."""


class EnvFile(dict[str, str]):
    """The settings that a file gives, and the line where each is. Prints no value."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.lines: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"EnvFile({self.path!r})"

    def where(self, name: str) -> str:
        return f"{self.path}, line {self.lines[name]}"


def parse_env(text: str, where: str = "audit.env") -> EnvFile:
    """KEY=VALUE lines, as systemd's EnvironmentFile and a shell read them; `#` begins a comment line.

    A value may be in single quotes (taken literally) or double quotes (`\\"`, `\\\\`, `\\$` and a
    backslash before a backtick stand for the second character). Raises SettingsError with
    the file and the line's number for anything else, a key given twice included.
    """
    values = EnvFile(where)
    for number, raw in enumerate(text.split("\n"), 1):
        stripped = raw.strip()
        if not stripped or stripped.startswith(("#", ";")):
            continue
        name, equals, value = stripped.removeprefix("export ").partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise SettingsError(
                f"{where}, line {number}: write KEY=VALUE, without blanks around the equals sign"
            )
        if name in values:
            raise SettingsError(f"{where}, line {number}: {name} is given twice; keep one of the two")
        values[name] = _unquoted(value, f"{where}, line {number}: {name}")
        values.lines[name] = number
    return values


def _unquoted(value: str, where: str) -> str:
    if value[:1] == "'":
        if len(value) < 2 or value.find("'", 1) != len(value) - 1:
            raise SettingsError(f"{where}: close the single quote at the end of the line")
        return value[1:-1]
    if value[:1] == '"':
        if not re.fullmatch(r'"(?:[^"\\]|\\.)*"', value):
            raise SettingsError(f"{where}: close the double quote at the end of the line")
        return re.sub(r'\\(["\\$`])', r"\1", value[1:-1])
    if re.search(r"[\s\"'`\\]", value):
        raise SettingsError(f"{where}: put the value into single quotes")
    return value


def read_env_file(path: str) -> EnvFile:
    """The file's settings; empty if there is no file.

    Raises SettingsError if it cannot be read or is malformed.
    """
    try:
        content = _read_limited(path)
    except FileNotFoundError:
        return EnvFile(path)
    except OSError as error:
        raise SettingsError(
            f"{path}: cannot be read ({error.strerror}); run as its owner, or mend its mode"
        ) from None
    if len(content) > _MAX_FILE:
        raise SettingsError(f"{path}: longer than {_MAX_FILE} bytes; settings are short")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{path}, line {number}: must be UTF-8") from None
    return parse_env(text, path)


def _read_limited(path: str) -> bytes:
    """The file's bytes, at most a few more than allowed. Does not wait for the writer of a pipe."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise SettingsError(f"{path}: must be a regular file")
        content = b""
        while len(content) <= _MAX_FILE and (block := os.read(descriptor, _MAX_FILE + 1)):
            content += block
        return content
    finally:
        os.close(descriptor)
