"""A report as a page, the index of pages, a summary as the HTML part of a mail: each is one complete file."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from qt_audit.render import svg, words
from qt_audit.render.comparison import comparison, tiles
from qt_audit.render.templating import fill_in, style
from qt_audit.render.text import heading
from qt_audit.render.timeline import timeline
from qt_audit.report.contents import RECENT, Report, verdict
from qt_audit.report.grid import as_timestamp
from qt_audit.summary.contents import Summary

_WIDTHS = (720, 350)
"""Widths of a picture: for paper and large screens, and for a phone."""
_MAIL_LINES = 30


@dataclass(frozen=True)
class PageListing:
    """A page as the index lists it. The texts are the metadata of the page."""

    file: str
    title: str
    level: str
    verdict: str
    made: str
    others: tuple[str, ...] = ()
    """Names of the files with the same summary in other forms."""


def page(report: Report) -> str:
    """The page of a report. Raises RenderError."""
    summary = report.summary
    return fill_in(
        "page.html.j2",
        report=report,
        summary=summary,
        period=summary.period,
        title=words.title(summary.period),
        label=words.period(summary.period),
        tiles=tiles(report),
        comparison=comparison(report),
        bars=[svg.bars(report.parts, report.unit, width) for width in _WIDTHS],
        timelines=[timeline(report, width) for width in _WIDTHS] if report.rows else [],
        recent=summary.recent.lines[-RECENT:][::-1],
        longest=max((one.duration_s or 0.0 for one in report.slowest), default=0.0),
        words=words,
        words_for=words.outcome,
        as_timestamp=as_timestamp,
        **_style_values(),
    )


def index(pages: Sequence[PageListing], host: str, unlisted: int = 0) -> str:
    """The index of the pages, in the order in which they are given. Raises RenderError."""
    return fill_in("index.html.j2", pages=pages, host=host, unlisted=unlisted, **_style_values())


def mail_html(summary: Summary) -> str:
    """The HTML part of a mail about a day, week or month. Raises RenderError.

    It uses only tables and inline styles, which all mail programs can show.
    """
    return fill_in(
        "mail.html.j2",
        summary=summary,
        title=heading(summary),
        label=words.period(summary.period),
        verdict=verdict(summary),
        failed=summary.failed.lines[-_MAIL_LINES:],
        never_ended=summary.never_ended.lines[-_MAIL_LINES:],
        recent=summary.recent.lines[-_MAIL_LINES:],
        outcomes=[(name, summary.by_outcome[name]) for name in svg.STACK if name in summary.by_outcome],
        sources=list(summary.by_source.items())[:_MAIL_LINES],
        words_for=words.outcome,
    )


def _style_values() -> dict[str, str]:
    """The style sheet, and the Content-Security-Policy source that allows only it."""
    digest = b64encode(hashlib.sha256(style().encode()).digest()).decode()
    return {"style": style(), "style_source": f"'sha256-{digest}'"}
