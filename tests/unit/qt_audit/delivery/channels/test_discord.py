"""Discord's format: limits and colours, and no text becomes markup or a mention."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from qt_audit.delivery.channels import discord
from qt_audit.delivery.channels.discord import payloads
from tests.support import receivers
from tests.support.messages import HOSTILE, message
from tests.support.receivers import DISCORD_PATH, Arrival


def taken(payload: dict[str, Any]) -> bool:
    """Whether Discord would accept the payload."""
    reply = receivers.discord(Arrival(f"{DISCORD_PATH}?wait=true", {}, json.dumps(payload).encode()))
    return reply.status == 200


def shown(text: str) -> str:
    """The text as a reader sees it, without the backslashes of escapes."""
    return re.sub(r"\\([^\w\s])", r"\1", text)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("where", ["title", "text", "host", "id", "created", "fields"])
def test_whatever_the_text_the_limits_are_kept_and_nothing_is_markup(where: str, text: str) -> None:
    value: object = tuple((text, text) for _ in range(40)) if where == "fields" else text
    made = payloads(message(**{where: value}), late_s=259_200.0)
    assert all(taken(payload) for payload in made)
    for payload in made:
        assert payload["allowed_mentions"] == {"parse": []}
        embed = payload["embeds"][0]
        told = [embed["title"], embed.get("description", "")]
        told += [item[key] for item in embed.get("fields", []) for key in ("name", "value")]
        for piece in told:
            assert not re.search(r"(?<!\\)(?:\\\\)*[*~`|\[\]<>#]", piece.replace("\\\\", ""))


def test_a_short_message_is_one_embed_with_all_there_is() -> None:
    (payload,) = payloads(message())
    (embed,) = payload["embeds"]
    assert embed["title"] == "🔴 Auto-repair: Restarted Grafana container - FAILED: exit code 1"
    assert embed["description"] == "The container did not come up.\nIt was tried 3 times."
    assert embed["fields"][0] == {"name": "Source", "value": "auto_repair_system", "inline": True}
    assert embed["timestamp"] == "2026-11-23T09:12:31.480152Z"
    assert embed["footer"]["text"] == f"vps.example.com · id 01JD-alert-7 · head 41 {'9f3a' * 16}"


@pytest.mark.parametrize(
    ("kind", "severity", "colour", "dot"),
    [
        ("alert", "critical", 0xDC2626, "🔴"),
        ("alert", "warning", 0xF59E0B, "🟠"),
        ("summary", "info", 0x3B82F6, "🔵"),
        ("recovery", "critical", 0x16A34A, "🟢"),
    ],
)
def test_colour_says_how_serious_it_is(kind: str, severity: str, colour: int, dot: str) -> None:
    embed = payloads(message(kind=kind, severity=severity))[0]["embeds"][0]
    assert (embed["color"], embed["title"][0]) == (colour, dot)


def test_a_long_text_goes_in_order_in_several_messages_and_nothing_is_lost() -> None:
    lines = [f"[2026-11-23T09:12:31.480152Z] Auto-repair: number {number} of *all*" for number in range(300)]
    made = payloads(message(text="\n".join(lines)))
    assert len(made) > 2
    titles = [payload["embeds"][0]["title"] for payload in made]
    assert [title.rpartition(" ")[2] for title in titles] == [
        f"({number}/{len(made)})" for number in range(1, len(made) + 1)
    ]
    told = "\n".join(payload["embeds"][0]["description"] for payload in made)
    assert shown(told).split("\n") == lines
    assert [("fields" in payload["embeds"][0]) for payload in made] == [True] + [False] * (len(made) - 1)


def test_lateness_moves_no_cut() -> None:
    """A later attempt continues after the last delivered part, so the parts must be the same."""
    long = message(text="word " * 3000)
    soon, late = payloads(long), payloads(long, late_s=10_000.0)
    assert [p["embeds"][0]["description"] for p in soon] == [p["embeds"][0]["description"] for p in late]
    assert all("late" in p["embeds"][0]["footer"]["text"] for p in late)


def test_facts_that_find_no_room_are_in_the_text() -> None:
    facts = tuple((f"Fact {number}", "v" * 200) for number in range(60))
    made = payloads(message(fields=facts))
    told = "\n".join(payload["embeds"][0]["description"] for payload in made)
    fields = [item["name"] for item in made[0]["embeds"][0]["fields"]]
    assert [
        name for name in (f"Fact {n}" for n in range(60)) if name not in fields and name not in told
    ] == []


def test_an_underscore_within_a_word_stays_as_it_is() -> None:
    assert discord.escaped("auto_repair_system _x_ __y__") == r"auto_repair_system \_x\_ \_\_y\_\_"
