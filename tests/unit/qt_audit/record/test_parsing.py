"""What is an entry, and what is none: one rule, byte for byte what a writer writes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_audit.reading.lines import are_linked_entries
from qt_audit.record.entry import MAX_LINE, Draft, EntryError, line
from qt_audit.record.parsing import is_entry, parse
from qt_audit.settings.redaction import Redactor

TS = "2026-11-20T10:00:00.000000Z"
ANY_TEXT = st.text(st.characters(), max_size=30)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)


def written(action: str = "a", details: dict[str, Any] | None = None, **fields: Any) -> bytes:
    """A whole line without its newline, as a writer makes it."""
    draft = Draft(action, "s", "info", "h", "u", 1, None, details or {})
    return line(fields.get("seq", 7), fields.get("ts", TS), draft.body(), "ab" * 32)[:-1]


def with_details(text: str) -> bytes:
    """A line whose details are this text."""
    return written().replace(b'"details":{}', f'"details":{text}'.encode())


def changed(old: str, new: str) -> bytes:
    data = written()
    assert old.encode() in data
    return data.replace(old.encode(), new.encode())


NO_ENTRIES = {
    "a key twice": changed('"user":"u"', '"user":"u","user":"v"'),
    "a key twice in the details": with_details('{"a":1,"a":2}'),
    "a key twice below the details": with_details('{"a":[{"b":1,"b":1}]}'),
    "a key twice by an escape": with_details('{"a":1,"\\u0061":1}'),
    "keys out of order": changed('"host":"h","user":"u"', '"user":"u","host":"h"'),
    "a key more": changed('"run":null', '"run":null,"more":1'),
    "a key less": changed('"user":"u",', ""),
    "a blank": changed('"pid":1', '"pid": 1'),
    "a blank in the details": with_details('{"a": 1}'),
    "a pid of 5,000 digits": changed('"pid":1', '"pid":' + "9" * 5000),
    "a pid that is a text": changed('"pid":1', '"pid":"1"'),
    "a pid with a fraction": changed('"pid":1', '"pid":1.0'),
    "a pid below zero": changed('"pid":1', '"pid":-1'),
    "a pid with a leading zero": changed('"pid":1', '"pid":01'),
    "a number with a leading zero": changed('"seq":7', '"seq":07'),
    "a number beyond 63 bits": written(seq=2**63),
    "a number of 20 digits": written(seq=10**19),
    "no number": written(seq=0),
    "an outcome that there is not": changed('"outcome":"info"', '"outcome":"fine"'),
    "a day that there is not": written(ts="2026-11-31T10:00:00.000000Z"),
    "a leap day that there is not": written(ts="2026-02-29T10:00:00.000000Z"),
    "a month that there is not": written(ts="2026-13-01T10:00:00.000000Z"),
    "an hour that there is not": written(ts="2026-11-20T24:00:00.000000Z"),
    "a year that there is not": written(ts="0000-11-20T10:00:00.000000Z"),
    "a time without a fraction": written(ts="2026-11-20T10:00:00Z"),
    "NaN": with_details('{"a":NaN}'),
    "Infinity": with_details('{"a":Infinity}'),
    "minus Infinity": with_details('{"a":-Infinity}'),
    "a number that is infinite": with_details('{"a":1e999}'),
    "a number that is written otherwise": with_details('{"a":1e5}'),
    "a number with a zero too many": with_details('{"a":1.50}'),
    "a number with too many digits": with_details('{"a":0.12345678901234567890}'),
    "a very small number": with_details('{"a":0.00001}'),
    "minus zero": with_details('{"a":-0}'),
    "an integer of 21 digits": with_details('{"a":' + "9" * 21 + "}"),
    "an integer of 5,000 digits": with_details('{"a":' + "9" * 5000 + "}"),
    "details nested 3,700 deep": with_details('{"a":' + "[" * 3700 + "]" * 3700 + "}"),
    "details nested 21 deep": with_details('{"a":' + "[" * 20 + "]" * 20 + "}"),
    "brackets that do not end": with_details('{"a":' + "[" * 4000 + "}"),
    "details that are a list": changed('"details":{}', '"details":[]'),
    "two objects": with_details('{},"more":{}'),
    "a letter that needs no escape": changed('"action":"a"', '"action":"\\u0061"'),
    "an escape in capitals": changed('"action":"a"', '"action":"\\u00E4"'),
    "half an escape": changed('"action":"a"', '"action":"\\u00e"'),
    "an escape that JSON does not know": changed('"action":"a"', '"action":"\\x"'),
    "an escaped slash": changed('"action":"a"', '"action":"\\/"'),
    "a tab": changed('"action":"a"', '"action":"\t"'),
    "a NUL": changed('"action":"a"', '"action":"\0"'),
    "a NUL in the details": with_details('{"a":"\0"}'),
    "not ASCII": changed('"action":"a"', '"action":"ä"'),
    "not ASCII in the details": with_details('{"a":"ä"}'),
    "a carriage return at its end": written() + b"\r",
    "something before it": b" " + written(),
    "something behind it": written() + b" ",
    "a line that is too long": changed('"action":"a"', '"action":"' + "a" * MAX_LINE + '"'),
    "one byte too many": changed('"action":"a"', '"action":"' + "a" * (MAX_LINE - len(written()) + 1) + '"'),
}


@pytest.mark.parametrize("data", NO_ENTRIES.values(), ids=NO_ENTRIES)
def test_what_no_writer_writes_is_no_entry(data: bytes) -> None:
    for raw in (data, data + b"\n"):
        with pytest.raises(EntryError):
            parse(raw)
        with pytest.raises(EntryError):
            parse(raw, with_details=False)
    assert not is_entry(data)
    good = written()
    assert not are_linked_entries([good, good, data, good], b"\n".join([good, good, data, good, b""]))


def test_a_hash_in_capitals_is_none() -> None:
    assert not is_entry(written().replace(b"ab" * 32, b"AB" * 32))


ENTRIES = {
    "the plainest": written(),
    "as long as can be": changed('"action":"a"', '"action":"' + "a" * (MAX_LINE - len(written())) + '"'),
    "the last number": written(seq=2**63 - 1),
    "a leap day": written(ts="2028-02-29T23:59:59.999999Z"),
    "half a character": written("\ud800", {"\udc00": "\ud83c\udf89"}),
    "nested": written(details={"a": [[{"b": {"c": [1, 2.5, None, True]}}]], "d": "}"}),
    "a number that has an exponent": written(details={"a": 1e-05, "b": 1e16, "c": 5e-324, "d": -0.0}),
    "as many digits as there may be": written(details={"a": 2**64 - 1, "b": 0.1 + 0.2}),
}


@pytest.mark.parametrize("data", ENTRIES.values(), ids=ENTRIES)
def test_what_a_writer_writes_is_an_entry(data: bytes) -> None:
    assert parse(data).as_dict() == parse(data + b"\n").as_dict()
    assert parse(data, with_details=False).as_dict() == parse(data).as_dict() | {"details": {}}
    assert is_entry(data)
    assert are_linked_entries([data] * 3, b"\n".join([data, data, data, b""]))


@given(
    action=ANY_TEXT,
    details=st.dictionaries(ANY_TEXT, VALUES, max_size=4),
    change=st.none() | st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=2), st.integers(0, 3)),
)
def test_the_quick_look_at_many_lines_says_what_parsing_each_says(
    action: str, details: dict[str, Any], change: tuple[float, bytes, int] | None
) -> None:
    data = written(action, Redactor().details(details))
    if change is None:
        assert is_entry(data)
    else:
        where, put_in, left_out = change
        position = int(where * (len(data) - 70))  # `prev` is compared with a hash
        data = data[:position] + put_in.replace(b"\n", b"") + data[position + left_out :]
    good = written()
    for lines in ([good, data], [data, good], [good, data, written("\x1b")]):
        assert are_linked_entries(lines, b"\n".join([*lines, b""])) == is_entry(data)


@pytest.mark.parametrize("keys", [("🎉", "\ud83c\udf89"), ("\ud83c\udf89", "🎉")])
def test_two_keys_that_read_as_one_are_written_once(keys: tuple[str, str]) -> None:
    data = written(details=dict.fromkeys(keys, 1))
    assert parse(data).details == {"🎉": 1}
