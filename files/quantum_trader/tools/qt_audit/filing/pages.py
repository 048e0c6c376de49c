"""File pages in status/reports, and their index. The index shows the metadata that each page holds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape

from qt_audit.filing.reports import make_report
from qt_audit.record.entry import escaped
from qt_audit.record.place import Place
from qt_audit.record.state_directory import StateDirectory
from qt_audit.render.html import PageListing, index, page
from qt_audit.render.templating import RenderError
from qt_audit.report.contents import Report
from qt_audit.summary.period import Period

INDEX = "index.html"
MAX_LISTED = 400
"""The index lists at most so many pages, the newest ones."""
_PAGE = re.compile(r"(?:daily|weekly|monthly|report)-[0-9A-Za-z-]{1,60}\.html")
_HEAD_BYTES = 8192
"""The first bytes of a page, which hold its metadata."""
_META = re.compile(r'<meta name="qt-([a-z]+)" content="([^"]*)">')
_OTHER_FORMS = ("txt", "json")


def file_page(reports: StateDirectory, report: Report) -> str:
    """Write a page and the index with it. Returns the page's path. Raises RenderError, OSError."""
    name = f"{report.summary.period.name}.html"
    reports.write(name, page(report).encode("utf-8"))
    pages = list_pages(reports)
    reports.write(INDEX, index(pages[:MAX_LISTED], report.host, len(pages[MAX_LISTED:])).encode("utf-8"))
    return f"{reports.path}/{name}"


def try_file_page(place: Place, reports: StateDirectory, period: Period, now: str, skipped: str) -> str:
    """File the page of a period whose summary is being filed. Returns one line if it failed, else "".

    Never raises: the summary is filed even if its page cannot be made.
    """
    try:
        file_page(reports, make_report(place, period, now, skipped))
    except (RenderError, OSError) as error:
        return f"{period.name}.html: {error}; the summary is filed without it"
    except Exception as error:
        says = escaped(f"{type(error).__name__}: {error}")[:200]
        return f"{period.name}.html: no page was made ({says}); the summary is filed without it"
    return ""


def list_pages(reports: StateDirectory) -> list[PageListing]:
    """All pages in status/reports, the newest first."""
    names = reports.names()
    listings = [
        _listing_of(name, reports.read(name, _HEAD_BYTES) or b"", names)
        for name in names
        if _PAGE.fullmatch(name)
    ]
    return [one for _, one in sorted(listings, key=lambda item: (item[0], item[1].file), reverse=True)]


def _listing_of(name: str, head: bytes, names: Iterable[str]) -> tuple[tuple[str, str], PageListing]:
    """What the index shows of a page, and its sort key: the end and begin of its period."""
    metadata = {key: unescape(text) for key, text in _META.findall(head.decode("utf-8", "replace"))}
    stem = name.rpartition(".")[0]
    others = tuple(other for kind in _OTHER_FORMS if (other := f"{stem}.{kind}") in names)
    one = PageListing(
        name,
        metadata.get("title", name),
        metadata.get("level", ""),
        metadata.get("verdict", "it does not say what it found"),
        metadata.get("made", ""),
        others,
    )
    return (metadata.get("until", ""), metadata.get("since", "")), one
