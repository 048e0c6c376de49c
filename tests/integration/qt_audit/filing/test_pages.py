"""The schedule files a page for each week and month; the index lists them; no summary depends on a page."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qt_audit.filing import schedule
from qt_audit.record.place import Place
from tests.support.checkout import FACE
from tests.support.records import cli, cli_environment, make_record
from tests.support.reporting import ParsedPage, active_content

DECEMBER = "2026-12-01T00:05:00.000000Z"


def due(home: Path, kind: str, now: str = DECEMBER) -> tuple[list[str], list[str]]:
    """Names of the summaries that were made, and what was said."""
    said: list[str] = []
    place = Place(str(home), home=True)
    return [plain["period"]["name"] for plain, _ in schedule.file_due(place, kind, now, 2, said.append)], said


def pages(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "status/reports").glob("*.html"))


def listed(home: Path) -> list[str]:
    links = [
        one["href"] or "" for one in ParsedPage((home / "status/reports/index.html").read_text()).named("a")
    ]
    return [link for link in links if link.endswith(".html")]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The last week of October and all of November, an entry an hour."""
    make_record(tmp_path, 37 * 24, "2026-10-25", 3600)
    return tmp_path


def test_each_week_and_month_that_is_over_gets_its_page_beside_text_and_data(home: Path) -> None:
    made, said = due(home, "weekly")
    assert (made[-1], said[1:]) == ("weekly-2026-W48", [])
    assert due(home, "monthly")[0][-1] == "monthly-2026-11"
    reports = home / "status/reports"
    assert {"weekly-2026-W48.html", "monthly-2026-11.html", "index.html"} <= set(pages(home))
    for name in pages(home):
        assert active_content((reports / name).read_text()) == []
        assert (reports / name).stat().st_mode & 0o777 == 0o640
    index = (reports / "index.html").read_text()
    assert "monthly-2026-11.txt" in index
    assert "monthly-2026-11.json" in index
    assert not list(reports.glob(".*.new"))


def test_days_have_no_page(home: Path) -> None:
    due(home, "daily")
    assert pages(home) == []


def test_the_index_lists_all_pages_the_newest_first_with_what_they_found(home: Path) -> None:
    due(home, "monthly")
    due(home, "weekly")
    cli(home, "report", "--from", "2026-11-10", "--to", "2026-11-11")
    names = listed(home)
    assert sorted([*names, "index.html"]) == pages(home)
    assert names[:3] == ["monthly-2026-11.html", "weekly-2026-W48.html", "weekly-2026-W47.html"]
    assert names.index("weekly-2026-W46.html") < names.index("report-2026-11-10-to-2026-11-11.html")
    assert "144 of 720 actions failed" in (home / "status/reports/index.html").read_text()


def test_foreign_files_among_the_pages_do_not_disturb_the_index(home: Path) -> None:
    due(home, "monthly")
    reports = home / "status/reports"
    (reports / "report-odd.html").write_bytes(b'\xff<meta name="qt-verdict" content="&lt;script&gt;">')
    (reports / "report-empty.html").write_bytes(b"")
    (reports / "other.html").write_text("<p>")
    (reports / "weekly-2026-W01.html.bak").write_text("x")
    due(home, "weekly")
    assert {"report-odd.html", "report-empty.html"} <= set(listed(home))
    assert "other.html" not in listed(home)
    assert active_content((reports / "index.html").read_text()) == []


def test_a_page_that_was_lost_in_a_crash_is_made_when_the_period_comes_again(home: Path) -> None:
    due(home, "monthly", "2026-11-30T23:00:00.000000Z")
    ledger = home / "status/reports/ledger.json"
    before = ledger.read_bytes()
    due(home, "monthly")
    text = home / "status/reports/monthly-2026-11.txt"
    written = text.stat().st_mtime_ns
    ledger.write_bytes(before)
    (home / "status/reports/monthly-2026-11.html").unlink()
    assert due(home, "monthly")[0] == ["monthly-2026-11"]
    assert "monthly-2026-11.html" in pages(home)
    assert text.stat().st_mtime_ns == written


@pytest.mark.parametrize(
    ("template", "content", "says"),
    [
        ("page.html.j2", "<p>{% if %}</p>", "template page.html.j2, line 1: TemplateSyntaxError"),
        ("page.html.j2", "<p>{{ nothing.of_that }}</p>", "template page.html.j2: UndefinedError: 'nothing'"),
        ("page.html.j2", "{{ 1 / 0 }}", "template page.html.j2: ZeroDivisionError"),
        ("index.html.j2", "{% include 'gone' %}", "template index.html.j2: TemplateNotFound: "),
        ("page.html.j2", None, "template page.html.j2: TemplateNotFound: "),
        ("style.css", None, "no page was made: style.css: No such file or directory"),
    ],
)
def test_a_template_that_fails_is_one_line_and_stops_no_summary(
    home: Path, tmp_path: Path, template: str, content: str | None, says: str
) -> None:
    tools = tmp_path / "broken/tools"
    shutil.copytree(FACE.parent, tools, ignore=shutil.ignore_patterns("__pycache__"))
    broken = tools / "qt_audit/render/templates" / template
    broken.unlink()
    if content is not None:
        broken.write_text(content)
    done = subprocess.run(
        [sys.executable, str(tools / "audit_logger.py"), "monthly_summary", "--due"],
        env=cli_environment(home, {"PYTHONDONTWRITEBYTECODE": "1"}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0
    assert "Monthly Audit Summary (2026-10)" in done.stdout
    told = [line for line in done.stderr.splitlines() if "monthly-2026-10.html" in line]
    assert len(told) == 1, done.stderr
    assert says in told[0]
    assert told[0].endswith("the summary is filed without it")
    assert "Traceback" not in done.stderr
    assert (home / "status/reports/monthly-2026-10.json").exists()
