"""The content of a page, hostile texts in it, and its size."""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest

from qt_audit.filing import summaries
from qt_audit.filing.reports import make_report
from qt_audit.record.entry import Draft
from qt_audit.record.place import Place
from qt_audit.render.html import PageListing, index, mail_html, page
from qt_audit.report.contents import Report
from qt_audit.summary.period import Period
from tests.support.records import draft, make_record, write_record
from tests.support.reporting import (
    HOSTILE,
    TRIGGERED,
    ParsedPage,
    active_content,
    busy_month,
    hostile_day,
    incident,
)

NOVEMBER = Period("monthly", date(2026, 11, 1))
AFTER, WITHIN = "2026-12-05T08:00:00.000000Z", "2026-11-21T12:00:00.000000Z"
LARGEST = 300_000


def made(home: Path, drafts: Iterable[Draft], now: str = AFTER, **more: object) -> Report:
    write_record(home, drafts)
    return make_report(Place(str(home), home=True), NOVEMBER, now)


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", " ".join(ParsedPage(html).text))


def test_a_period_without_entries_is_not_called_well(tmp_path: Path) -> None:
    report = make_report(Place(str(tmp_path), home=True), NOVEMBER, WITHIN)
    assert (report.verdict.level, report.verdict.says) == (
        "unknown",
        "Nothing is recorded so far: there is no entry",
    )
    html = page(report)
    assert active_content(html) == []
    assert "No action in this time." in html


def test_a_quiet_period_within_the_record_is_all_clear(tmp_path: Path) -> None:
    report = made(tmp_path, [draft(ts="2026-10-20"), draft(ts="2026-12-01")])
    assert (report.verdict.level, report.verdict.says) == (
        "clear",
        "All clear: no auto-repair actions were needed",
    )
    assert active_content(page(report)) == []


def test_one_entry_is_one_bar(tmp_path: Path) -> None:
    report = made(tmp_path, [draft(ts="2026-11-20")])
    assert report.verdict.says == "1 action, none failed"
    html = page(report)
    assert active_content(html) == []
    assert html.count("Fri 20 Nov: 1 noted") == 2  # once a width


def test_the_section_that_needs_attention_comes_before_the_pictures(tmp_path: Path) -> None:
    report = made(
        tmp_path,
        [
            *incident("2026-11-02", fails=True),
            draft("Backup begins", "2026-11-03", "started", "backup", "b"),
            draft(
                TRIGGERED, "2026-11-20", "started", run="c", details={"threshold": "disk_root", "since": "x"}
            ),
            *[draft("Same fault", f"2026-11-20T0{hour}", "failed", "jobs") for hour in range(5)],
        ],
        WITHIN,
    )
    assert report.verdict.level == "failed"
    assert (
        report.verdict.says
        == "6 of 9 actions failed so far; 2 began and never ended; 1 thing is still broken"
    )
    html = page(report)
    told = text_of(html)
    order = [
        "Still broken: disk_root",
        "Same fault × 5",
        "FAILED: exit code 1",
        "never ended: Backup",
        "Actions by day",
    ]
    places = [told.index(text) for text in order]
    assert places == sorted(places)
    assert html.index("What needs attention") < html.index('class="chart')


def test_the_page_shows_the_counted_numbers(tmp_path: Path) -> None:
    report = made(tmp_path, [*incident("2026-11-02", fails=True), *incident("2026-11-03")])
    told = text_of(page(report))
    assert "1 of 4 actions failed" in told
    assert "75 %" in told
    assert "Something was broken for 1 h 1 min in all." in told
    assert "grafana_http: broken for 1 h 1 min, 2 actions, 1 failed" in told
    assert "1 of 2 succeeded" in told


def test_a_period_is_compared_with_the_one_before_if_the_record_holds_it(tmp_path: Path) -> None:
    before = [*incident("2026-10-02"), *incident("2026-10-30", fails=True)]
    report = made(tmp_path, [draft(ts="2026-09-20"), *before, *incident("2026-11-02")], WITHIN)
    assert report.before is not None
    assert (report.before.actions, report.before.failed) == (2, 0)  # until 21 October, as now
    assert "October 2026 up to 21 Oct 12:00" in text_of(page(report))


def test_the_beginning_of_the_record_is_not_compared(tmp_path: Path) -> None:
    report = made(tmp_path, [draft(ts="2026-10-20"), *incident("2026-11-02")])
    assert report.before is None
    assert "nothing to compare with" in text_of(page(report))


def test_a_thing_broken_since_the_period_before_is_broken_from_the_beginning(tmp_path: Path) -> None:
    about = {"threshold": "disk_root", "since": "2026-10-31T12:00:00.000000Z"}
    report = made(
        tmp_path,
        [
            draft(TRIGGERED, "2026-10-31T12:00", "started", run="a", details=about),
            draft("Auto-heal: Recovered after 1 d", "2026-11-01T12:00", "succeeded", run="a", details=about),
        ],
    )
    assert report.figures.broken_s == 12 * 3600
    assert report.figures.breaches == 0


def test_lines_that_are_no_entries_are_mentioned(tmp_path: Path) -> None:
    write_record(tmp_path, [draft(ts="2026-11-20"), draft(ts="2026-11-21")])
    segment = tmp_path / "status/record/2026-11.jsonl"
    segment.write_bytes(segment.read_bytes().replace(b'"action"', b'"axtion"', 1))
    report = make_report(Place(str(tmp_path), home=True), NOVEMBER, AFTER)
    assert report.verdict.level == "attention"
    told = text_of(page(report))
    assert "1 line of the record is no entry." in told
    assert re.search(r"\d faults? found: audit_logger.py verify names what is wrong", told.replace("`", ""))


def test_chain_and_delivery_are_shown_as_far_as_they_are_known(tmp_path: Path) -> None:
    head = write_record(tmp_path, [draft(ts="2026-11-20")])
    report = make_report(
        Place(str(tmp_path), home=True), NOVEMBER, AFTER, delivery={"mail": "1 waits: <refused>"}
    )
    told = text_of(page(report))
    assert f"seq 1, {head.hash}" in told
    assert "whole: 1 entry checked" in told
    assert "mail 1 waits: <refused>" in told


@pytest.mark.parametrize("form", ["page", "mail", "index"])
def test_hostile_texts_are_shown_and_do_nothing(tmp_path: Path, form: str) -> None:
    place = Place(str(tmp_path), home=True)
    write_record(tmp_path, hostile_day())
    if form == "page":
        html = page(make_report(place, NOVEMBER, AFTER, HOSTILE[0], {text: text for text in HOSTILE}))
    elif form == "mail":
        html = mail_html(summaries.make_summary(place, NOVEMBER, AFTER, HOSTILE[0]))
    else:
        html = index([PageListing("report-1.html", text, text, text, text) for text in HOSTILE], HOSTILE[0])
    assert active_content(html) == []
    told = text_of(html)
    for text in (
        "<script>alert(1)</script>",
        "{{ 7 * 191 }} {% raw %}",
        "\\u202egnp.exe",
        "\\x1b[31mred\\x07\\x00",
    ):
        assert text in told
    assert "1337" not in told
    assert "x" * 1000 not in html
    html.encode("utf-8")


def test_a_page_is_one_file_that_allows_nothing_but_its_own_style(tmp_path: Path) -> None:
    html = page(made(tmp_path, incident("2026-11-02")))
    (policy,) = [
        meta["content"]
        for meta in ParsedPage(html).named("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    (digest,) = re.findall(r"'sha256-([^']+)'", policy)
    assert hashlib.sha256(style.encode()).digest() == b64decode(digest)
    assert not [tag for tag, attributes in ParsedPage(html).elements if "style" in attributes]


def test_every_picture_has_a_title_and_a_description(tmp_path: Path) -> None:
    html = page(made(tmp_path, busy_month(500)))
    parsed = ParsedPage(html)
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    pictures = [one for one in parsed.named("svg") if one.get("role") == "img"]
    charts = [one for one in pictures if "aria-labelledby" in one]
    assert len(charts) == 4
    for chart in charts:
        assert set((chart["aria-labelledby"] or "").split()) <= set(ids)
    assert all("aria-labelledby" in one or one.get("aria-label") for one in pictures)
    hidden = [one for one in parsed.named("svg") if one.get("aria-hidden")]
    legends = [one for one in parsed.named("ul") if one.get("class") == "legend" and one.get("aria-hidden")]
    assert len(legends) == 2
    assert hidden


@pytest.mark.parametrize("kind", ["busy", "plain", "hostile"])
def test_a_page_of_a_hundred_thousand_entries_stays_small(tmp_path: Path, kind: str) -> None:
    if kind == "busy":
        write_record(tmp_path, busy_month(100_000), log=False)
    elif kind == "plain":
        make_record(tmp_path, 100_000, "2026-11-01", 25, log=False)
    else:
        write_record(tmp_path, [one for day in range(1, 29) for one in hostile_day(f"2026-11-{day:02d}")])
    report = make_report(Place(str(tmp_path), home=True), NOVEMBER, AFTER)
    html = page(report)
    assert active_content(html) == []
    assert len(html.encode()) < LARGEST
    if kind == "busy":
        assert report.figures.entries == 100_000
        assert "5 more, which were broken less" in text_of(html)
    if report.failures_left_out:
        assert "more failures are left out here" in text_of(html)


def test_programs_without_number_are_cut_and_counted(tmp_path: Path) -> None:
    report = made(
        tmp_path,
        [draft("Did", f"2026-11-20T10:{n // 60:02}:{n % 60:02}", source=f"s{n}") for n in range(300)],
    )
    assert (len(report.sources), report.sources_left_out) == (20, 280)
    assert "280 more programs" in text_of(page(report))


@pytest.mark.parametrize(
    ("drafts", "says"),
    [
        ([], "✓ All clear: no auto-repair actions were needed"),
        ([draft("Did", "2026-11-20", "succeeded")], "✓ 1 action, none failed"),
        ([draft("Did", "2026-11-20", "failed")], "✗ 1 of 1 action failed"),
        (
            [draft("Does", "2026-11-20", "started", run="a")],
            "! 1 action, none failed; 1 began and never ended",
        ),
    ],
)
def test_a_mail_begins_with_the_verdict(tmp_path: Path, drafts: list[Draft], says: str) -> None:
    write_record(tmp_path, [draft(ts="2026-10-01"), *drafts])
    html = mail_html(summaries.make_summary(Place(str(tmp_path), home=True), NOVEMBER, AFTER))
    told = text_of(html)
    assert says in told
    assert "Quantum Trader V3 – Monthly Audit Summary (2026-11)" in told
    assert active_content(html) == []


def test_a_mail_needs_no_style_sheet_and_no_picture(tmp_path: Path) -> None:
    write_record(tmp_path, busy_month(1000))
    html = mail_html(summaries.make_summary(Place(str(tmp_path), home=True), NOVEMBER, AFTER))
    assert ParsedPage(html).named("style", "svg", "link") == []
    assert not [tag for tag, attributes in ParsedPage(html).elements if "class" in attributes]
    assert len(html.encode()) < 100_000  # some cut a mail that is larger
