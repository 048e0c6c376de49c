"""File pages in status/reports, and the index that lists them: each says of itself what the index shows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape

from qt_audit.filing.reports import make
from qt_audit.record.entry import escaped
from qt_audit.record.place import Place
from qt_audit.record.state_directory import StateDirectory
from qt_audit.render.html import Listed, RenderError, index, page
from qt_audit.report.contents import Report
from qt_audit.summary.period import Period

INDEX = "index.html"
LISTED = 400
"""At most so many pages are listed: the newest."""
_PAGE = re.compile(r"(?:daily|weekly|monthly|report)-[0-9A-Za-z-]{1,60}\.html")
_HEAD = 8192
"""Bytes of a page in which it says what it is."""
_META = re.compile(r'<meta name="qt-([a-z]+)" content="([^"]*)">')
_OTHERS = ("txt", "json")


def file_page(reports: StateDirectory, report: Report) -> str:
    """Put a page in place, and the index that lists it; the page's path. Raises RenderError or OSError."""
    name = f"{report.summary.period.name}.html"
    reports.write(name, page(report).encode("utf-8"))
    pages = listed(reports)
    reports.write(INDEX, index(pages[:LISTED], report.host, len(pages[LISTED:])).encode("utf-8"))
    return f"{reports.path}/{name}"


def file_on_the_way(place: Place, reports: StateDirectory, period: Period, now: str, skipped: str) -> str:
    """The page of a period whose summary is being filed. Answers in one line why there is none, if so.

    Never raises: a page that cannot be made is no reason for no summary.
    """
    try:
        file_page(reports, make(place, period, now, skipped))
    except (RenderError, OSError) as error:
        return f"{period.name}.html: {error}; the summary is filed without it"
    except Exception as error:
        says = escaped(f"{type(error).__name__}: {error}")[:200]
        return f"{period.name}.html: no page was made ({says}); the summary is filed without it"
    return ""


def listed(reports: StateDirectory) -> list[Listed]:
    """The pages that lie there, the newest first."""
    names = reports.names()
    found = [
        _listed(name, reports.read(name, _HEAD) or b"", names) for name in names if _PAGE.fullmatch(name)
    ]
    return [one for _, one in sorted(found, key=lambda item: (item[0], item[1].file), reverse=True)]


def _listed(name: str, head: bytes, names: Iterable[str]) -> tuple[tuple[str, str], Listed]:
    """A page by what it says of itself, and what it is sorted by: the end of its time."""
    says = {key: unescape(text) for key, text in _META.findall(head.decode("utf-8", "replace"))}
    stem = name.rpartition(".")[0]
    others = tuple(other for kind in _OTHERS if (other := f"{stem}.{kind}") in names)
    one = Listed(
        name,
        says.get("title", name),
        says.get("level", ""),
        says.get("verdict", "it does not say what it found"),
        says.get("made", ""),
        others,
    )
    return (says.get("until", ""), says.get("since", "")), one
