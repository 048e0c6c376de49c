"""Records of a host that breaks and heals, and checks that every page must pass."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from itertools import count

from qt_audit.record.entry import Draft, Entry, timestamp
from tests.support.records import draft, microseconds

TRIGGERED = "Auto-heal: Triggered by realtime monitor threshold breach"
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>",
    '"><svg onload=alert(3)><a href="javascript:alert(4)">&amp;',
    "</title></style></svg>--><iframe src=https://evil.example.com/></iframe>",
    "{{ 7 * 191 }} {% raw %} ' \" `",
    "\u202egnp.exe\u202c right to left \u2067x\u2069 \u05e9\u05dc\u05d5\u05dd",
    "\x1b[31mred\x07\x00\r\nSubject: x",
    "x" * 3000,
    "no-blank-" * 330,
    "\U0001f525\U0001f469\u200d\U0001f469 \u2705 \u4f60\u597d \ud800",
)
_VOID = {"meta", "link", "br", "img", "input", "hr"}


def seconds_after(ts: str, plus: float = 0.0) -> str:
    """The time `plus` seconds later."""
    return timestamp(microseconds(ts) + round(plus * 1e6))


def incident(
    ts: str, thing: str = "grafana_http", repair: str = "grafana", fails: bool = False
) -> Iterator[Draft]:
    """A breach at `ts`, a repair of 30 s, the recovery after 60 s, or after an hour if the repair fails."""
    run, inner = f"{ts}{thing}", f"{ts}{thing}-repair"
    about = {"threshold": thing, "kind": "http", "since": seconds_after(ts)}
    monitor, repairs = "realtime_monitor", "auto_repair_system"
    yield draft(TRIGGERED, seconds_after(ts), "started", monitor, run, about)
    details = {"repair": repair, "kind": "container", "trigger": run}
    yield draft(
        "Auto-repair: Restarting Grafana container", seconds_after(ts, 1), "started", repairs, inner, details
    )
    if fails:
        text = "Auto-repair: Restarted Grafana container - FAILED: exit code 1"
        yield draft(text, seconds_after(ts, 31), "failed", repairs, inner, details)
        yield draft(
            "Auto-heal: Failed (exit code 1)",
            seconds_after(ts, 32),
            "failed",
            monitor,
            run,
            {"threshold": thing},
        )
        yield draft(
            "Auto-heal: Recovered after 1 h", seconds_after(ts, 3600), "succeeded", monitor, run, about
        )
        return
    yield draft(
        "Auto-repair: Restarted Grafana container",
        seconds_after(ts, 31),
        "succeeded",
        repairs,
        inner,
        details,
    )
    done = "Auto-heal: Completed successfully (exit code 0)"
    yield draft(done, seconds_after(ts, 32), "succeeded", monitor, run, {"threshold": thing})
    yield draft("Auto-heal: Recovered after 60 s", seconds_after(ts, 60), "succeeded", monitor, run, about)


def busy_month(entries: int, month: str = "2026-11") -> Iterator[Draft]:
    """So many entries of a month with many incidents; every seventh incident lasts an hour."""
    step = 29 * 86_400 / max(1, entries / 5)
    found: list[Draft] = []
    for number in range(entries // 5):
        thing = f"thing_{number % 17}"
        begin = seconds_after(f"{month}-01T00:00:10", number * step)
        found += incident(begin, thing, f"repair_{number % 17}", fails=number % 7 == 3)
    return iter(sorted(found, key=lambda one: one.ts or ""))


def hostile_day(day: str = "2026-11-20") -> Iterator[Draft]:
    """Hostile texts in every field of text: action, source, thing; of ended and unfinished actions."""
    numbers = count()
    for text in HOSTILE:
        for outcome in ("failed", "succeeded", "started"):
            ts = seconds_after(f"{day}T01:00:00", next(numbers) * 10)
            run = f"h{next(numbers)}"
            yield draft(text, ts, "started", text[:64], run, {"repair": text[:300]})
            if outcome != "started":
                yield draft(text, seconds_after(ts, 1), outcome, text[:64], run, {"repair": text[:300]})
            about = {"threshold": text[:300], "since": seconds_after(ts, 1)}
            yield draft(
                f"{TRIGGERED} {text}", seconds_after(ts, 2), "started", text[:64], f"i{next(numbers)}", about
            )


def entries_of(drafts: Iterable[Draft]) -> list[Entry]:
    """The entries of these drafts, read back from a record."""
    return [
        Entry(
            seq, d.ts or "", d.action, d.source, d.outcome, d.host, d.user, d.pid, d.run, d.details, "0" * 64
        )
        for seq, d in enumerate(drafts, 1)
    ]


class ParsedPage(HTMLParser):
    """The elements of a page, and the faults of its structure."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.faults: list[str] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if len(dict(attrs)) != len(attrs):
            self.faults.append(f"<{tag}> has an attribute twice")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes what is not open")

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def named(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


def active_content(text: str) -> list[str]:
    """What in a page could run code, load something or mislead; a page must have none of it."""
    page = ParsedPage(text)
    found = list(page.faults)
    allowed = {"href": r"#[a-z-]+|[0-9A-Za-z.-]+\.(html|txt|json)|data:,", "src": r"(?!)", "action": r"(?!)"}
    for tag, attributes in page.elements:
        if tag in ("script", "iframe", "object", "embed", "img", "form", "base", "video", "audio", "image"):
            found.append(f"<{tag}>")
        for name, value in attributes.items():
            if name.startswith("on") or not re.fullmatch(allowed.get(name, "(?s).*"), value or ""):
                found.append(f"<{tag} {name}={value!r}>")
    style = re.sub(r"url\(#[a-z-]+\)", "", "".join(re.findall(r"<style>(.*?)</style>", text, re.DOTALL)))
    found += re.findall(r"@import|url\([^)]*\)|expression|https?://\S+", style)
    bad = {char for char in text if not char.isprintable() and char != "\n"}
    return found + [f"character {char!r}" for char in sorted(bad)]
