"""The pages in a real browser: no error, no request, nothing too wide, readable in both colour schemes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from qt_audit.filing import summaries
from qt_audit.filing.reports import make_report
from qt_audit.record.entry import Draft
from qt_audit.record.place import Place
from qt_audit.render.html import PageListing, index, mail_html, page
from qt_audit.summary.period import Period
from tests.support.browser import Browser, Page
from tests.support.checkout import ROOT
from tests.support.records import draft, write_record
from tests.support.reporting import HOSTILE, busy_month, hostile_day

NOVEMBER = Period("monthly", date(2026, 11, 1))
SCREENS = [("light", 1000), ("dark", 1000), ("light", 390), ("dark", 390)]
WIDER = "document.documentElement.scrollWidth > innerWidth"
CONTRAST = (ROOT / "tests/support/contrast.js").read_text()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser")) as started:
        yield started


def records() -> dict[str, list[Draft]]:
    return {
        "0": [],
        "1": [draft(ts="2026-11-20")],
        "100000": list(busy_month(100_000)),
        "hostile": list(hostile_day()),
    }


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of each kind of record, and the index and the mail of the hostile one."""
    home = tmp_path_factory.mktemp("pages")
    paths = {}
    for name, drafts in records().items():
        write_record(home / name, drafts, log=False)
        place = Place(str(home / name), home=True)
        paths[name] = home / f"{name}.html"
        report = make_report(place, NOVEMBER, "2026-11-25T08:00:00.000000Z", HOSTILE[1])
        paths[name].write_text(page(report), "utf-8")
    paths["index"], paths["mail"] = home / "index.html", home / "mail.html"
    paths["index"].write_text(
        index([PageListing("a.html", text, text, text, text) for text in HOSTILE], "vps"), "utf-8"
    )
    paths["mail"].write_text(
        mail_html(summaries.make_summary(place, NOVEMBER, "2026-12-01", HOSTILE[1])), "utf-8"
    )
    return paths


def check(found: Page) -> None:
    assert found.complaints == []
    assert found.asked == []
    assert not found.ask(WIDER)
    assert found.ask("document.scripts.length + document.querySelectorAll('iframe, img, object').length") == 0
    ratio, where = found.ask(CONTRAST)
    assert ratio >= 4.5, where


@pytest.mark.parametrize(("scheme", "width"), SCREENS)
@pytest.mark.parametrize("name", ["0", "1", "100000", "hostile", "index"])
def test_a_page_is_quiet_fits_and_can_be_read(
    browser: Browser, shown: dict[str, Path], name: str, scheme: str, width: int
) -> None:
    found = browser.open(shown[name], scheme, width)
    check(found)
    dark = found.ask("getComputedStyle(document.body).backgroundColor") != "rgb(253, 253, 252)"
    assert dark is (scheme == "dark")
    found.ask("document.querySelectorAll('details').forEach(one => one.open = true)")
    check(found)


@pytest.mark.parametrize("width", [1000, 390])
def test_a_mail_is_quiet_fits_and_can_be_read(browser: Browser, shown: dict[str, Path], width: int) -> None:
    check(browser.open(shown["mail"], "light", width))


@pytest.mark.parametrize(("width", "seen"), [(1000, "wide"), (390, "narrow")])
def test_of_each_picture_the_one_for_the_screen_is_seen(
    browser: Browser, shown: dict[str, Path], width: int, seen: str
) -> None:
    found = browser.open(shown["100000"], "light", width)
    visible = "[...document.querySelectorAll('svg.chart')].filter(one => one.getClientRects().length)"
    assert found.ask(f"{visible}.map(one => one.classList[1])") == [seen, seen]
    smallest = (
        f"Math.min(...{visible}.map(one => one.getBoundingClientRect().width / one.viewBox.baseVal.width))"
    )
    assert found.ask(smallest) > 0.9  # 11 px of a text stay about 10


def test_on_paper_it_is_black_on_white_whatever_the_screen_was(
    browser: Browser, shown: dict[str, Path]
) -> None:
    found = browser.open(shown["100000"], "dark", 760)
    found.emulate("print", "dark", 760)
    assert found.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert found.ask("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert not found.ask(WIDER)


def test_a_script_in_the_page_would_not_run(browser: Browser, shown: dict[str, Path], tmp_path: Path) -> None:
    forged = tmp_path / "forged.html"
    bad = "<script>document.title = 'run'</script><img src='http://evil.example.com/x'><p style='color:red'>"
    forged.write_text(shown["1"].read_text("utf-8").replace("<main>", f"<main>{bad}"), "utf-8")
    found = browser.open(forged)
    assert found.ask("document.title").startswith("Monthly report")
    assert len(found.complaints) == 3
    assert all("Content Security Policy" in text for text in found.complaints)


def test_no_page_asks_a_host_that_its_texts_name(browser: Browser, shown: dict[str, Path]) -> None:
    """The browser itself asks its maker; no page asks anybody whom its texts name."""
    for path in shown.values():
        browser.open(path)
    assert [asked for asked in browser.proxy.asked if "example.com" in asked or "127.0.0.1" in asked] == []
