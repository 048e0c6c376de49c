"""`audit_logger.py report`: any time, filed or written elsewhere, and one clear line for what cannot be."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

from qt_audit.record.entry import now
from tests.support.checkout import TOOLS
from tests.support.records import cli, draft, make_record, write_record
from tests.support.reporting import ParsedPage, active_content, busy_month


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """October and the first half of November, an entry every six hours."""
    make_record(tmp_path, 180, "2026-10-01", 6 * 3600)
    return tmp_path


def title(page: Path) -> str:
    (found,) = [
        meta["content"]
        for meta in ParsedPage(page.read_text()).named("meta")
        if meta.get("name") == "qt-title"
    ]
    return found or ""


def test_without_options_it_is_the_present_month_so_far(tmp_path: Path) -> None:
    cli(tmp_path, "test")
    done = cli(tmp_path, "report")
    page = tmp_path / f"status/reports/monthly-{now()[:7]}.html"
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"✅ Report written: {page}\n1 action so far, none failed\n"
    assert active_content(page.read_text()) == []
    assert page.stat().st_mode & 0o777 == 0o640
    assert f'href="{page.name}"' in (page.parent / "index.html").read_text()


@pytest.mark.parametrize(
    ("options", "name", "says"),
    [
        (
            ["--from", "2026-11-02", "--to", "2026-11-08"],
            "weekly-2026-W45",
            "Weekly report – 2 – 8 November 2026",
        ),
        (["--from", "2026-10-01", "--to", "2026-10-31"], "monthly-2026-10", "Monthly report – October 2026"),
        (["--to", "2026-10-31"], "monthly-2026-10", "Monthly report – October 2026"),
        (
            ["--from", "2026-11-03", "--to", "2026-11-03"],
            "daily-2026-11-03",
            "Daily report – 3 November 2026",
        ),
        (
            ["--from", "2026-11-03 10:00", "--to", "2026-11-04T12:30:00Z"],
            "report-2026-11-03T1000-to-2026-11-04T1230",
            "Report – 3 Nov 2026 10:00 – 4 Nov 2026 12:30",
        ),
        (
            ["--from", "2001-01-01", "--to", "2026-11-04"],  # the record begins in October
            "report-2026-10-01-to-2026-11-04",
            "Report – 1 October – 4 November 2026",
        ),
    ],
)
def test_any_time_is_filed_under_its_name(home: Path, options: list[str], name: str, says: str) -> None:
    done = cli(home, "report", *options)
    page = home / f"status/reports/{name}.html"
    assert done.stdout.startswith(f"✅ Report written: {page}\n"), done.stderr
    assert title(page) == says


def test_a_time_that_the_record_does_not_tell_of_is_not_called_well(home: Path) -> None:
    done = cli(home, "report", "--from", "2026-08-01", "--to", "2026-08-31")
    assert done.returncode == 0
    assert "Nothing is recorded: the first entry that is there is of 2026-10-01" in done.stdout


def test_an_empty_installation_has_a_report_too(tmp_path: Path) -> None:
    done = cli(tmp_path, "report")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Nothing is recorded so far: there is no entry" in done.stdout


def test_out_writes_the_page_there_and_files_nothing(home: Path) -> None:
    page = home / "page.html"
    page.write_text("what was there")
    done = cli(home, "report", "--from", "2026-11-01", "--to", "2026-11-05", "--out", str(page))
    assert done.stdout.startswith(f"✅ Report written: {page}\n")
    assert active_content(page.read_text()) == []
    assert not (home / "status/reports").exists()
    assert sorted(path.name for path in home.iterdir()) == ["page.html", "status"]


def test_a_dash_is_standard_output(home: Path) -> None:
    done = cli(home, "report", "--to", "2026-11-05", "--out", "-")
    assert done.stdout.startswith("<!DOCTYPE html>\n")
    assert done.stdout.endswith("</html>\n") or done.stdout.endswith("</html>")
    assert active_content(done.stdout) == []


def test_a_pipe_is_written_through(home: Path) -> None:
    pipe = home / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    done = cli(home, "report", "--to", "2026-11-05", "--out", str(pipe))
    reader.join(60)
    assert done.returncode == 0
    assert read[0].startswith(b"<!DOCTYPE html>")
    assert pipe.is_fifo()


def test_json_has_the_figures_and_where_the_page_is(home: Path) -> None:
    done = cli(home, "report", "--from", "2026-10-01", "--to", "2026-10-31", "--json")
    plain = json.loads(done.stdout)
    assert plain["path"] == str(home / "status/reports/monthly-2026-10.html")
    assert plain["period"]["name"] == "monthly-2026-10"
    assert plain["figures"]["entries"] == 124
    assert plain["verdict"]["level"] == "failed"
    assert plain["chain"] == "whole: 180 entries checked"


@pytest.mark.parametrize(
    ("options", "status", "says"),
    [
        (["--from", "soon"], 2, "'soon' is not a time; write 2026-11-23"),
        (["--to", "2026-02-30"], 2, "'2026-02-30' is no time that there is"),
        (["--to", "9999-12-31"], 2, "'9999-12-31' is behind the calendar's end"),
        (["--from", "9998-01-01"], 2, "lies in the future; write a time up to"),
        (["--from", "2026-11-05", "--to", "2026-11-03"], 2, "is not before --to 2026-11-04"),
        (["--from", "2026-11-05 10:00", "--to", "2026-11-05 10:00"], 2, "is not before --to"),
        (["--out", "/nonexistent/page.html"], 1, "/nonexistent/page.html: No such file or directory"),
        (["--out", "/"], 1, "/: Is a directory"),
        (["--out", ""], 2, "--out is empty; write the name of a file"),
        (["more"], 2, "unrecognized arguments: more"),
    ],
)
def test_bad_input_is_one_line_that_says_what_to_change(
    home: Path, options: list[str], status: int, says: str
) -> None:
    done = cli(home, "report", *options)
    assert (done.returncode, done.stdout) == (status, "")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_record_that_cannot_be_read_is_one_line(home: Path) -> None:
    segment = home / "status/record/2026-10.jsonl"
    segment.unlink()
    segment.mkdir()
    done = cli(home, "report", "--to", "2026-10-31")
    assert done.returncode == 1
    assert str(segment) in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_without_jinja_it_says_what_to_install_and_all_else_works(home: Path) -> None:
    block = home / "block/jinja2.py"
    block.parent.mkdir()
    block.write_text('raise ModuleNotFoundError("No module named \'jinja2\'", name="jinja2")\n')
    environ = {"PYTHONPATH": str(block.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    done = cli(home, "report", environ=environ)
    assert (done.returncode, done.stdout) == (1, "")
    assert "the Python module jinja2 is missing; apt install python3-jinja2" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    for command in (["log", "Did it"], ["stats"], ["monthly_summary", "--date", "2026-10-31"], ["verify"]):
        assert cli(home, *command, environ=environ).returncode == 0


def test_nothing_of_a_page_is_imported_when_an_entry_is_recorded() -> None:
    script = "import sys, audit_logger; print([n for n in sys.modules if 'report_' in n or 'jinja' in n])"
    done = subprocess.run(["python3", "-c", script], cwd=TOOLS, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_secrets_that_the_record_does_not_hold_are_on_no_page(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    secret = "https://discord.com/api/webhooks/1/verysecrettokenverysecrettoken"
    (tmp_path / "config/audit.env").write_text(f"QT_ALERT_WEBHOOK={secret}\n")
    (tmp_path / "config/audit.env").chmod(0o600)
    cli(tmp_path, "log", f"Told {secret}", "--outcome", "failed", "--source", secret)
    assert cli(tmp_path, "report").returncode == 0
    for page in (tmp_path / "status/reports").glob("*.html"):
        assert "verysecret" not in page.read_text()


def test_a_hundred_thousand_entries_make_one_small_page(tmp_path: Path) -> None:
    write_record(tmp_path, [draft(ts="2026-09-01"), *busy_month(100_000, "2026-10")], log=False)
    done = cli(tmp_path, "report", "--to", "2026-10-31", "--json")
    plain = json.loads(done.stdout)
    assert plain["figures"]["entries"] == 100_000
    assert Path(plain["path"]).stat().st_size < 300_000
