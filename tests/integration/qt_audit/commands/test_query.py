"""`audit_logger.py query`: what is found, in which form, and what is wrong use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.checkout import FACE
from tests.support.records import cli, cli_environment, draft, make_record, write_record

DRAFTS = [
    draft("Restarting Grafana", "2026-10-30T23:00", "started", "repairs", "r1", {"container": "grafana"}),
    draft("Restarted Grafana", "2026-10-31T00:00", "succeeded", "repairs", "r1", {"exit_code": 0}),
    draft("All healthy", "2026-11-01T00:00", "info", "monitor"),
    draft(
        "Created database - FAILED: refused", "2026-11-02T10:00", "failed", "repairs", "r2", {"port": "Grüße"}
    ),
    draft('Said "quoted" \\ and \x1b[31mred\nnext', "2026-11-02T11:00", "info", "other source"),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("home")
    write_record(path, DRAFTS)
    return path


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ([], [1, 2, 3, 4, 5]),
        (["--since", "2026-11-01"], [3, 4, 5]),
        (["--until", "2026-11-01"], [1, 2]),
        (["--since", "2026-10-31", "--until", "2026-11-02T10:00:00.000001Z"], [2, 3, 4]),
        (["--since", "2026-10-31T01:00:00+01:00", "--until", "2026-10-31 00:01"], [2]),
        (["--source", "repairs"], [1, 2, 4]),
        (["--source", "monitor", "--source", "other source"], [3, 5]),
        (["--outcome", "failed"], [4]),
        (["--outcome", "failed", "--outcome", "started"], [1, 4]),
        (["--source", "repairs", "--outcome", "info"], []),
        (["--run", "r1"], [1, 2]),
        (["--grep", "GRAFANA"], [1, 2]),
        (["--grep", "grüße|exit_code"], [2, 4]),
        (["--grep", "^restart(ed|ing)"], [1, 2]),
        (["--limit", "2"], [1, 2]),
        (["--outcome", "info", "--limit", "1"], [3]),
        (["--since", "1w"], None),
    ],
)
def test_all_conditions_must_hold(home: Path, arguments: list[str], found: list[int] | None) -> None:
    result = cli(home, "query", *arguments, "--json")
    assert (result.returncode, result.stderr) == (0, "")
    if found is not None:
        assert [json.loads(line)["seq"] for line in result.stdout.splitlines()] == found


def test_json_lines_are_the_records_own(home: Path) -> None:
    record = "".join(path.read_text() for path in sorted((home / "status/record").glob("*.jsonl")))
    assert cli(home, "query", "--json").stdout == record


def test_lines_are_those_of_the_log(home: Path) -> None:
    result = cli(home, "query")
    assert result.stdout == (home / "status/AUTO_REPAIR_AUDIT.log").read_text()
    assert "\x1b" not in result.stdout
    assert len(result.stdout.splitlines()) == 5


def test_a_terminal_gets_colours_and_the_escapes_of_no_entry(home: Path) -> None:
    main, side = os.openpty()
    program = subprocess.Popen(
        [sys.executable, str(FACE), "query"], env=cli_environment(home), stdout=side, stderr=side
    )
    os.close(side)
    shown = b""
    try:
        while block := os.read(main, 65536):
            shown += block
    except OSError:  # the other side has ended
        pass
    os.close(main)
    assert program.wait() == 0
    assert b"\x1b[31m[2026-11-02T10:00:00.000000Z] Created database" in shown
    assert b"\\x1b[31mred\\nnext" in shown
    assert shown.count(b"\x1b[31m") == 1


def test_nothing_found_is_an_answer_too(home: Path) -> None:
    result = cli(home, "query", "--grep", "no such thing")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    result = cli(home / "elsewhere", "query")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--since", "2026-13-01"], "write 2026-11-23"),
        (["--until", "tomorrow-ish"], "write 2026-11-23"),
        (["--grep", "("], "not a regular expression"),
        (["--grep", "a{99999999999}"], "not a regular expression"),
        (["--outcome", "broken"], "invalid choice"),
        (["--limit", "0"], "whole number"),
        (["--limit", "-1"], "whole number"),
        (["--limit", "ten"], "whole number"),
        (["--colour"], "unrecognized arguments"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(home: Path, arguments: list[str], says: str) -> None:
    result = cli(home, "query", *arguments)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert says in result.stderr


def test_a_reader_that_goes_away_ends_it_quietly(tmp_path: Path) -> None:
    make_record(tmp_path, 20_000)
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", '"$0" "$1" query | head -n 1', sys.executable, str(FACE)],
        env=cli_environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout.count("\n"), result.stderr) == (0, 1, "")


def test_a_damaged_archive_is_one_line_and_status_1(tmp_path: Path) -> None:
    make_record(tmp_path, 100, "2026-10-30", 3600)
    (tmp_path / "status/record/2026-10.jsonl").rename(tmp_path / "status/record/2026-10.jsonl.gz")
    result = cli(tmp_path, "query")
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert "2026-10.jsonl.gz: damaged" in result.stderr
    assert cli(tmp_path, "query", "--since", "2026-11-01").returncode == 0
