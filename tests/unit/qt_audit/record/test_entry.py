"""Entries: any text is read back as it was, no line is too long, and a log line is one line."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_audit.record.entry import (
    MAX_FALLBACK_BODY,
    MAX_LINE,
    Draft,
    EntryError,
    chain_hash,
    escaped,
    line,
    log_line,
    segment_name,
    timestamp,
)
from qt_audit.record.parsing import parse
from qt_audit.settings.redaction import Redactor
from tests.support.checkout import TOOLS

TS = "2026-11-23T10:00:00.000000Z"
ANY_TEXT = st.text(st.characters(), max_size=300)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)


def written(action: str, details: dict[str, Any], **more: Any) -> bytes:
    draft = Draft(action, "me", "info", "host", "user", 1, None, details)
    return line(1, TS, draft.body(**more), "0" * 64)


@given(action=ANY_TEXT, details=st.dictionaries(ANY_TEXT, VALUES, max_size=5))
def test_any_text_comes_back_as_it_was_after_parsing(action: str, details: dict[str, Any]) -> None:
    redact = Redactor()
    action, details = redact.text(action), redact.details(details)
    data = written(action, details)
    assert data.count(b"\n") == 1
    assert data.isascii()
    entry = parse(data)
    if "action_excerpt" not in entry.details and "details_excerpt" not in entry.details:
        assert entry.action == action
        assert entry.details == details


@given(
    action=st.integers(0, 9000).flatmap(
        lambda n: st.sampled_from(["x" * n, "é" * n, "🎉" * n, '"' * n, "\0" * n])
    ),
    details=st.dictionaries(
        st.text(max_size=5),
        st.integers(0, 9000).flatmap(lambda n: st.sampled_from(["x" * n, "\n" * n])),
        max_size=60,
    ),
)
def test_no_line_is_longer_than_the_limit(action: str, details: dict[str, Any]) -> None:
    assert len(written(action, details)) <= MAX_LINE
    parse(written(action, details))
    mark = {"brought_home": {"from": "x" * 280, "seq": 10**19, "ts": TS, "sha256": "0" * 64}}
    away = parse(written(action, details, max_bytes=MAX_FALLBACK_BODY))
    home = parse(written(away.action, {**away.details, **mark}))
    assert home.details == {**away.details, **mark}


@given(ANY_TEXT)
def test_a_log_line_is_one_printable_line(text: str) -> None:
    shown = log_line(TS, text)
    assert shown.isprintable()
    assert shown.encode("utf-8")
    if text.isprintable():
        assert shown == f"[{TS}] {text}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", "a\\nb"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\u202e", "\\u202e"),
        ("\ud800", "\\ud800"),
        ("é ✅", "é ✅"),
    ],
)
def test_unprintable_characters_are_escaped(text: str, shown: str) -> None:
    assert escaped(text) == shown


@pytest.mark.parametrize("without", ["", "sys.modules['_json'] = None; "])
def test_a_python_without_the_json_accelerator_writes_the_same(without: str) -> None:
    values = {"text": 'ü"\n', "list": [1, 2.5, None, True], "nested": {"": {}}}
    code = f"import sys; {without}from qt_audit.record.entry import encoded; print(encoded({values!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(TOOLS)}, capture_output=True, check=True
    )
    assert done.stdout.decode().rstrip() == json.dumps(values, separators=(",", ":"))


def test_times_have_six_digits_also_at_a_whole_second() -> None:
    assert timestamp(0) == "1970-01-01T00:00:00.000000Z"
    assert timestamp(1_765_993_186_725_707) == "2025-12-17T17:39:46.725707Z"
    assert segment_name("2025-12-17T17:39:46.725707Z") == "2025-12.jsonl"


def test_prev_is_what_coreutils_say_of_the_line_without_its_newline() -> None:
    assert chain_hash(b"abc\n") == chain_hash(b"abc")
    assert chain_hash(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


GOOD = json.loads(written("a", {}))


def compact(fields: dict[str, Any]) -> bytes:
    """The fields as a line of the record, which has no blanks."""
    return json.dumps(fields, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "change",
    [
        {"seq": "1"},
        {"seq": True},
        {"ts": "yesterday"},
        {"ts": "2026-11-23T10:00:00Z"},
        {"ts": 5},
        {"action": 5},
        {"details": []},
        {"prev": None},
        {"more": 1},
    ],
)
def test_a_line_with_other_fields_than_an_entrys_is_no_entry(change: dict[str, Any]) -> None:
    assert parse(compact(GOOD)).seq == 1
    with pytest.raises(EntryError):
        parse(compact({**GOOD, **change}))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"null",
        b"[]",
        b"{}",
        b"\0" * 8,
        b"\xff\xfe{\0}\0",
        b"[" * 100_000,
        b'{"seq":1' + b"0" * 5000,
        "é".encode(),
    ],
)
def test_a_line_that_is_no_entry_is_refused(raw: bytes) -> None:
    with pytest.raises(EntryError):
        parse(raw)
