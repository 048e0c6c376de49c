"""When the week's validation is due."""

from __future__ import annotations

import pytest

from qt_repair.weekly.ledger import (
    Ledger,
    LedgerError,
    Running,
    decode,
    encode,
    initial_ledger,
    next_slot,
    slot_at,
    week_of,
)

SUNDAY = "2026-11-29T03:00:00.000000Z"
WEEK_BEFORE = "2026-11-22T03:00:00.000000Z"


def ts(text: str) -> str:
    return f"{text}:00.000000Z"


@pytest.mark.parametrize(
    ("now", "day", "time", "slot"),
    [
        ("2026-11-29T02:59", "sunday", "03:00", "2026-11-22T03:00"),
        ("2026-11-29T03:00", "sunday", "03:00", "2026-11-29T03:00"),
        ("2026-11-30T00:00", "sunday", "03:00", "2026-11-29T03:00"),
        ("2026-12-05T23:59", "sunday", "03:00", "2026-11-29T03:00"),
        ("2026-11-30T00:00", "monday", "00:00", "2026-11-30T00:00"),
        ("2027-01-01T12:00", "wednesday", "23:59", "2026-12-30T23:59"),
    ],
)
def test_the_present_slot_is_the_last_scheduled_time(now: str, day: str, time: str, slot: str) -> None:
    assert slot_at(ts(now), day, time) == ts(slot)


def test_the_next_slot_is_a_week_later() -> None:
    assert next_slot(SUNDAY) == "2026-12-06T03:00:00.000000Z"


@pytest.mark.parametrize(
    ("done", "slot", "due"),
    [
        (WEEK_BEFORE, WEEK_BEFORE, False),
        (WEEK_BEFORE, SUNDAY, True),
        ("2026-10-04T03:00:00.000000Z", SUNDAY, True),
        pytest.param(WEEK_BEFORE, "2026-11-22T05:00:00.000000Z", False, id="moved later on the day it ran"),
        pytest.param(
            WEEK_BEFORE, "2026-11-25T03:00:00.000000Z", True, id="moved to another day: the next week"
        ),
        pytest.param(
            "2026-11-25T03:00:00.000000Z", SUNDAY, False, id="moved to another day of the same week"
        ),
        pytest.param(SUNDAY, WEEK_BEFORE, False, id="the clock stepped back a little"),
        pytest.param("2031-01-05T03:00:00.000000Z", SUNDAY, True, id="the clock was wrong by years"),
    ],
)
def test_a_slot_is_due_once_in_each_week(done: str, slot: str, due: bool) -> None:
    assert Ledger(done).due(slot) is due


def test_a_new_installation_waits_for_its_first_slot() -> None:
    ledger = initial_ledger(WEEK_BEFORE, [])
    assert not ledger.due(WEEK_BEFORE)
    assert ledger.due(SUNDAY)


@pytest.mark.parametrize(
    ("reports", "due"),
    [
        (["weekly-self-heal-2026-W46.json", "weekly-self-heal-2026-W46.md"], True),
        (["weekly-self-heal-2026-W47.json"], True),
        (["weekly-self-heal-2026-W47.json", "weekly-self-heal-2026-W48.json"], False),
        (["weekly-self-heal-2026-W48.md"], False),
        (["weekly-2026-W01.json", "weekly-self-heal-2026-W99.json", "weekly-self-heal-x.json"], False),
    ],
)
def test_a_lost_ledger_continues_after_the_newest_report(reports: list[str], due: bool) -> None:
    assert initial_ledger(SUNDAY, reports).due(SUNDAY) is due


@pytest.mark.parametrize(("at", "name"), [("2026-11-29", "2026-W48"), ("2027-01-01", "2026-W53")])
def test_a_week_is_named_as_iso_8601_does(at: str, name: str) -> None:
    assert week_of(at) == name


@pytest.mark.parametrize("running", [None, Running("ab12", SUNDAY, SUNDAY, 3), Running("ab12", SUNDAY, None)])
def test_a_ledger_is_read_as_it_was_written(running: Running | None) -> None:
    ledger = Ledger(WEEK_BEFORE, running)
    assert decode(encode(ledger)) == ledger


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"done": 3}',
        b'{"done": "soon"}',
        b'{"done": "2026-11-22T03:00:00.000000Z", "running": {"run": "x"}}',
        b'{"done": "2026-11-22T03:00:00.000000Z", "running": {"run": "x", "began": "y", "slot": null}}',
        b'{"done": "2026-11-22", "running": {"run":"","began":"2026-11-22","slot":null,"attempt":1e999}}',
        b'{"done": "9999-12-31T03:00:00.000000Z"}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_a_damaged_ledger_is_refused(data: bytes) -> None:
    with pytest.raises(LedgerError, match="not a ledger"):
        decode(data)
