"""Texts for channels: misleading characters become visible, and a split loses nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_audit.delivery.wording import texts
from tests.support.messages import HOSTILE, message


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_cleaned_text_steers_nothing(text: str) -> None:
    cleaned = texts.clean(text)
    assert not set(cleaned) & set("\r\x00\x07\x1b\x85\u2028\u202e\u2066\ud800\udc00")
    assert texts.clean(cleaned) == cleaned


def test_what_is_cleaned_away_is_still_seen() -> None:
    assert texts.clean("\x1b[2J\u202egpj.exe\r\nnext") == "\\x1b[2J\\u202egpj.exe\nnext"


@given(st.text(max_size=400), st.integers(20, 60))
def test_a_split_loses_white_space_at_cuts_and_nothing_else(text: str, limit: int) -> None:
    text = texts.clean(text)
    parts = texts.split(text, limit, most=1000)
    assert all(texts.units(part) <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


def test_a_text_is_cut_at_the_end_of_a_line_else_at_a_blank() -> None:
    assert texts.split("one two\nthree four\nfive", 20) == ["one two\nthree four", "five"]
    assert texts.split("one two three four five six", 20) == ["one two three four", "five six"]
    assert texts.split("x" * 50, 20) == ["x" * 20, "x" * 20, "x" * 10]


def test_the_first_part_may_have_less_room_than_the_others() -> None:
    assert [len(part) for part in texts.split("x" * 50, 20, first=5)] == [5, 20, 20, 5]


def test_no_emoji_is_torn() -> None:
    family = "👩‍👩‍👧‍👦"
    parts = texts.split(family * 20, 30)
    assert all(part == family * (len(part) // len(family)) for part in parts)
    assert "".join(parts) == family * 20


def test_of_an_endless_text_the_last_part_says_what_was_left_out() -> None:
    parts = texts.split("line\n" * 1000, 100, most=3)
    assert len(parts) == 3
    assert all(texts.units(part) <= 100 for part in parts)
    kept = "".join(parts[:2]) + parts[2].split("\n…")[0]
    assert f"… {5000 - len(kept) - kept.count('e')} more" in parts[2] or "more characters" in parts[2]


@pytest.mark.parametrize("text", ["e" + "\u0301" * 5000, "\u200d" * 5000, "🏽" * 5000])
def test_a_tower_of_marks_is_cut_all_the_same(text: str) -> None:
    parts = texts.split(text, 100, most=1000)
    assert "".join(parts) == text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5.0, ""),
        (0.0, ""),
        (299.0, ""),
        (float("nan"), ""),
        (600.0, "delivered 10 min late"),
        (3 * 3600.0, "delivered 3 h late"),
        (72 * 3600.0, "delivered 3 d late"),
    ],
)
def test_lateness_is_said_from_some_minutes_on(seconds: float, said: str) -> None:
    assert texts.late(seconds) == said


def test_the_foot_holds_host_id_and_the_head() -> None:
    foot = texts.foot(message(), 7200.0, 2, 3)
    assert (
        foot
        == f"delivered 2 h late · part 2 of 3 · vps.example.com · id 01JD-alert-7 · head 41 {'9f3a' * 16}"
    )


def test_an_id_becomes_one_word_for_a_header() -> None:
    assert texts.header_word("01JD-a.b_c") == "01JD-a.b_c"
    assert texts.header_word("a b\r\nX: é") == "a=20=b=d==a=X=3a==20==e9="
    assert len(texts.header_word("x" * 5000)) == len(texts.header_word("&" * 5000)) == 82
    assert texts.header_word("x" * 5000) != texts.header_word("x" * 5001)
    assert texts.header_word("")
