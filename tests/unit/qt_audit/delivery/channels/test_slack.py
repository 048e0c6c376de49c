"""Slack's format: limits and escapes, and `text` alone says everything, for receivers that ignore blocks."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest

from qt_audit.delivery.channels import slack
from qt_audit.delivery.channels.slack import payloads
from tests.support import receivers
from tests.support.messages import HOSTILE, message
from tests.support.receivers import SLACK_PATH, Arrival


def taken(payload: dict[str, Any]) -> bool:
    return receivers.slack(Arrival(SLACK_PATH, {}, json.dumps(payload).encode())).status == 200


def objects(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """All text objects of a payload's blocks."""
    found = []
    for block in payload["blocks"]:
        found += [block["text"]] if "text" in block else []
        found += block.get("fields", []) + block.get("elements", [])
    return found


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("where", ["title", "text", "host", "id", "created", "fields"])
def test_whatever_the_text_the_limits_are_kept_and_nobody_is_called(where: str, text: str) -> None:
    value: object = tuple((text, text) for _ in range(40)) if where == "fields" else text
    for payload in payloads(message(**{where: value}), late_s=259_200.0):
        assert taken(payload)
        assert len(payload["text"].encode("utf-16-le")) // 2 <= slack.TEXT
        for piece in (payload["text"], *(item["text"] for item in objects(payload))):
            assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", piece)
            assert not re.search(r"@(?:all|channel|everyone|here)\b|\]\(", piece)


def test_blocks_hold_plain_text_only() -> None:
    (payload,) = payloads(message())
    assert {item["type"] for item in objects(payload)} == {"plain_text"}
    assert [block["type"] for block in payload["blocks"]] == ["header", "section", "section", "context"]


def test_the_text_alone_tells_what_the_blocks_tell() -> None:
    for payload in payloads(message(text="word & more\n" * 800)):
        assert payload["mrkdwn"] is False
        assert payload["text"] == "\n".join(item["text"] for item in objects(payload))


def test_only_three_characters_are_escaped() -> None:
    assert slack.escaped("a & b < c > d \" ' * _ ~ `") == "a &amp; b &lt; c &gt; d \" ' * _ ~ `"


def test_a_long_text_goes_in_order_in_several_messages_and_nothing_is_lost() -> None:
    lines = [f"[2026-11-23T09:12:31.480152Z] number {number} <of & all>" for number in range(300)]
    made = payloads(message(text="\n".join(lines), fields=()))
    told = "\n".join(payload["blocks"][1]["text"]["text"] for payload in made)
    assert html.unescape(told).split("\n") == lines
    headers = [payload["blocks"][0]["text"]["text"] for payload in made]
    assert [header.rpartition(" ")[2] for header in headers] == [
        f"({number}/{len(made)})" for number in range(1, len(made) + 1)
    ]


def test_lateness_moves_no_cut() -> None:
    long = message(text="word & " * 3000)
    soon, late = payloads(long), payloads(long, late_s=10_000.0)
    texts = [[p["blocks"][-2]["text"]["text"] for p in made] for made in (soon, late)]
    assert texts[0] == texts[1]
    assert all("delivered 3 h late" in p["text"] for p in late)
