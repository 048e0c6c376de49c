"""Settings: their precedence, the quoting of values, and the errors for a file that cannot be used."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_audit.settings import loading, table
from qt_audit.settings.env_file import SettingsError, parse_env, read_env_file

S = "S3cr3tV4lue"


def env_file(home: Path, content: bytes | str) -> Path:
    path = home / "config/audit.env"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_the_environment_counts_before_the_file_and_the_file_before_the_default(tmp_path: Path) -> None:
    env_file(tmp_path, "QT_SMTP_SERVER=mail.example.com\nQT_SMTP_PORT=587\n")
    loaded = loading.load(str(tmp_path), {"QT_SMTP_PORT": "2525"})
    assert loaded["QT_SMTP_SERVER"] == "mail.example.com"
    assert loaded["QT_SMTP_PORT"] == 2525
    assert loaded["QT_LOCK_TIMEOUT"] == 2
    assert loaded.warnings == ()


def test_without_a_file_the_defaults_of_the_report_count(tmp_path: Path) -> None:
    loaded = loading.load(str(tmp_path), {})
    assert (loaded["QT_SMTP_SERVER"], loaded["QT_SMTP_PORT"]) == ("localhost", 25)
    assert (loaded["QT_ALERT_WEBHOOK"], loaded["QT_AUDIT_EMAIL"]) == ("", "")
    assert not loaded.required


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("K=v", "v"),
        ("  K=v  ", "v"),
        ("export K=v", "v"),
        ("K=v\r", "v"),
        ("K=", ""),
        ("K=a=b#c", "a=b#c"),
        ("K='a b \"c\" \\d $e'", 'a b "c" \\d $e'),
        ('K="a b \\"c\\" \\\\ \\$e \\n"', 'a b "c" \\ $e \\n'),
        ("K=''", ""),
        ('K=""', ""),
    ],
)
def test_quoting(line: str, value: str) -> None:
    assert parse_env(line) == {"K": value}


def quoted(value: str) -> str:
    """As the deployed template quotes: single quotes, or double ones with four characters escaped."""
    if "'" not in value:
        return f"'{value}'"
    return '"' + "".join("\\" + char if char in '\\"$`' else char for char in value) + '"'


@given(st.text(st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=40))
def test_a_quoted_value_comes_back_as_it_was(value: str) -> None:
    assert parse_env(f"K={quoted(value)}") == {"K": value}


def test_a_value_is_read_as_a_shell_reads_it(tmp_path: Path) -> None:
    values = [
        "",
        "a b",
        "it's $HOME",
        "`id` \"'\\",
        "'$",
        "#no comment",
        "a;b|c&d",
        "\\n",
        "'\\'",
        "é ✅",
        "*'?~",
    ]
    path = tmp_path / "audit.env"
    path.write_text("".join(f"K{number}={quoted(value)}\n" for number, value in enumerate(values)))
    names = " ".join(f'"$K{number}"' for number in range(len(values)))
    shell = subprocess.run(
        ["sh", "-c", f". {path}; printf '%s\\0' {names}"], check=True, capture_output=True, text=True
    )
    assert shell.stdout.split("\0")[:-1] == values
    assert list(read_env_file(str(path)).values()) == values


def test_comments_and_empty_lines_are_passed_over() -> None:
    assert parse_env("# a comment\n\n; another\n  # indented\nK=v\n") == {"K": "v"}


BAD_LINES = {
    "no equals sign": f"QT_SMTP_SERVER {S}",
    "blanks around it": f"QT_SMTP_SERVER = {S}",
    "no name": f"={S}",
    "a name that is none": f"QT-SMTP={S}",
    "an open single quote": f"QT_SMTP_SERVER='{S}",
    "an open double quote": f'QT_SMTP_SERVER="{S}',
    "text behind a quote": f"QT_SMTP_SERVER='{S}' # comment",
    "a blank without quotes": f"QT_SMTP_SERVER={S} {S}",
    "a quote in the middle": f"QT_SMTP_SERVER={S}'{S}'",
    "a backslash": f"QT_SMTP_SERVER={S}\\",
    "given twice": f"QT_SMTP_SERVER={S}",
    "an unknown name": f"QT_ALERT_WEBHOK={S}",
    "no port": f"QT_SMTP_PORT={S}",
    "no such port": "QT_SMTP_PORT=65536",
    "no seconds": f"QT_LOCK_TIMEOUT={S}",
    "not a number of seconds": "QT_LOCK_TIMEOUT=nan",
    "no switch": f"QT_AUDIT_REQUIRED={S}",
    "no months": "QT_ARCHIVE_KEEP_MONTHS=-1",
    "no pattern": f"QT_REDACT='{S}['",
    "a pattern too large": f"QT_REDACT='{S}{{99999999999}}'",
    "a pattern of nothing": "QT_REDACT='x*'",
    "a control character": f"QT_AUDIT_EMAIL='a\x07{S}'",
}


@pytest.mark.parametrize("line", BAD_LINES.values(), ids=BAD_LINES.keys())
def test_a_fault_is_one_line_that_names_file_line_and_key_and_no_value(tmp_path: Path, line: str) -> None:
    path = env_file(
        tmp_path,
        f"# comment\nQT_SMTP_SERVER=mail.example.com\n{line}\n"
        if "SERVER" not in line
        else f"# comment\n\n{line}\n",
    )
    if "given twice" in BAD_LINES and line == BAD_LINES["given twice"]:
        env_file(tmp_path, f"# comment\nQT_SMTP_SERVER=a\n{line}\n")
    loaded = loading.load(str(tmp_path), {})
    assert len(loaded.warnings) == 1
    warning = loaded.warnings[0]
    assert warning.startswith(f"{path}, line 3: ")
    assert S not in warning
    assert "\n" not in warning
    key = line.partition("=")[0]
    assert key in warning or "KEY=VALUE" in warning
    # The defaults stand in.
    assert loaded["QT_SMTP_PORT"] == 25
    assert loaded.lock_timeout == 2
    with pytest.raises(SettingsError, match="line 3"):
        loading.strict(loaded)


def test_a_value_of_the_environment_that_cannot_be_used_is_named_without_it(tmp_path: Path) -> None:
    loaded = loading.load(str(tmp_path), {"QT_SMTP_PORT": S})
    assert loaded.warnings == ("environment: QT_SMTP_PORT must be a number",)
    assert loaded["QT_SMTP_PORT"] == 25


def test_an_invalid_pattern_is_taken_literally(tmp_path: Path) -> None:
    loaded = loading.load(str(tmp_path), {"QT_REDACT": "CUST[ x"})
    assert loaded.warnings
    assert "CUST[" not in loaded.redactor.text("of CUST[ and")


BAD_FILES = {
    "too long": (b"#" * 70_000, "longer than"),
    "not UTF-8": (b"# ok\nQT_SMTP_SERVER=\xff\n", "line 2: must be UTF-8"),
}


@pytest.mark.parametrize(("content", "says"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_file_that_is_not_a_settings_file_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = env_file(tmp_path, content)
    with pytest.raises(SettingsError, match=says) as refused:
        read_env_file(str(path))
    assert str(path) in str(refused.value)


def test_a_directory_a_pipe_and_a_device_are_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    subprocess.run(["mkfifo", str(pipe)], check=True)
    for path in (str(tmp_path), str(pipe), "/dev/zero"):
        with pytest.raises(SettingsError, match="must be a regular file"):
            read_env_file(path)


def test_settings_print_no_secret(tmp_path: Path) -> None:
    path = env_file(tmp_path, f"QT_ALERT_WEBHOOK=https://example.com/{S}\n")
    loaded = loading.load(str(tmp_path), {})
    for thing in (
        loaded,
        loaded.redactor,
        read_env_file(str(path)),
        [loaded],
        {"file": read_env_file(str(path))},
    ):
        assert S not in repr(thing)
        assert S not in str(thing)


def test_secrets_of_the_file_are_known_to_the_redactor(tmp_path: Path) -> None:
    env_file(tmp_path, f"QT_ALERT_WEBHOOK=https://chat.example.com/x/{S}\nMY_TOKEN=other-{S}\n")
    redact = loading.load(str(tmp_path), {}).redactor
    assert S not in redact.text(f"posted to https://chat.example.com/x/{S}, then other-{S}")


def test_every_setting_has_a_default_that_can_be_read_and_says_what_it_is_for() -> None:
    for setting in table.SETTINGS:
        setting.read(setting.default)
        assert setting.help
        assert setting.name.startswith("QT_")


def test_a_working_directory_that_is_gone_is_no_trouble(tmp_path: Path) -> None:
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from qt_audit.settings import loading\n"
        "os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')\n"
        "print(loading.load(None, {'QT_HOME': 'relative'}).home)"
    )
    from tests.support.checkout import TOOLS
    from tests.support.recording import PYTHON

    done = subprocess.run(
        [PYTHON, "-c", code, str(TOOLS)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
