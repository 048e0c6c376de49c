"""Messages for tests, and hostile texts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qt_audit.delivery.message import Message

HEAD = (41, "9f3a" * 16)
CREATED = "2026-11-23T09:12:31.480152Z"
_PLAIN = Message(
    id="01JD-alert-7",
    kind="alert",
    severity="critical",
    title="Auto-repair: Restarted Grafana container - FAILED: exit code 1",
    text="The container did not come up.\nIt was tried 3 times.",
    created=CREATED,
    host="vps.example.com",
    fields=(("Source", "auto_repair_system"), ("Exit code", "1")),
    head=HEAD,
)

HOSTILE = {
    "everybody": "@everyone @here @channel @all <!channel> <!here|x> <@123456> <@U024BE7LH> <#C024BE7LH>",
    "a link in disguise": "[the runbook](https://evil.example.com/x) <https://evil.example.com|the runbook>",
    "markup": "*b* **b** _i_ __u__ ~~s~~ ||spoiler|| `code` ```\nblock\n``` > quote # heading",
    "HTML": "<script>alert(1)</script><img src=x onerror=alert(1)>&amp;<!-- </body>",
    "a header": "Restarted\r\nBcc: victim@example.com\r\n\r\n<p>another body</p>",
    "a dot alone": "before\r\n.\r\nQUIT\r\nafter",
    "a long line": "x" * 3000,
    "long words and blanks": ("word " * 30 + "y" * 500) * 20,
    "emoji": "👩‍👩‍👧‍👦👍🏽🇩🇪❤️" * 400,
    "right to left": "\u202egpj.exe\u202c \u2066שלום\u2069 مرحبا " * 50,
    "control characters": "\x1b[2J\x00\x07\x85\u2028red\x1b[31m",
    "half a character": "a\ud800b\udc00c",
    "marks": "e" + "\u0301" * 5000,
    "only blanks": " \n \t ",
    "nothing": "",
    "backslashes": "\\\\server\\share\\*\\_\\" * 50,
    "ampersands": "&" * 6000,
}


def message(**changes: Any) -> Message:
    """A critical alert, with these fields changed."""
    return replace(_PLAIN, **changes)
