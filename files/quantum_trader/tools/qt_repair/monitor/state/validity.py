"""Check the content of the monitor's state file, and drop what is not as the monitor writes it. Pure.

The file may come from another release or from an editor; the daemon computes with it, and `status` shows it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from qt_repair.monitor.thresholds import BREACHED, CLEAR, PENDING

_LATEST = 1e11
"""Seconds since the epoch; Python's datetime ends not long after."""

Test = Callable[[Any], bool]


def valid_part(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state without its damaged parts. A breach that is dropped and still lasts is found anew."""
    valid: dict[str, Any] = {key: state[key] for key in ("round", "pid", "version") if key in state}
    for key in ("started", "written"):
        if _time(state.get(key)):
            valid[key] = state[key]
    trouble = state.get("trouble")
    valid["trouble"] = trouble if isinstance(trouble, str) else ""
    valid["thresholds"] = [threshold for threshold in state["thresholds"] if _threshold(threshold)]
    return valid


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < math.inf


def _time(value: Any) -> bool:
    return _number(value) and 0 <= value <= _LATEST


def _count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _level(value: Any) -> bool:
    return _text(value) or _number(value)


def _or_none(test: Test) -> Test:
    return lambda value: value is None or test(value)


def _all(test: Test) -> Test:
    return lambda value: isinstance(value, list) and all(map(test, value))


def _with(**tests: Test) -> Test:
    """A mapping that has all of these keys, each with a value that passes its test."""
    return lambda value: (
        isinstance(value, dict) and all(key in value and test(value[key]) for key, test in tests.items())
    )


def _flaps(value: Any) -> bool:
    """One that flaps must have a last change."""
    return _FLAPS(value) and (value["since"] is None or bool(value["recent"]))


_FLAPS = _with(recent=_all(_time), since=_or_none(_time), counted=_count, run=_text)
_READING = _with(level=_text, text=_text, value=_or_none(_level))
_INCIDENT = _with(run=_text, since=_time, attempts=_count, acting=_text, next_at=_time, child=_text)
_threshold = _with(
    name=_text,
    kind=_text,
    level=_level,
    unit=_text,
    hold=_number,
    repairs=_all(_text),
    reading=_or_none(_READING),
    read_at=_or_none(_time),
    phase=lambda value: value in (CLEAR, PENDING, BREACHED),
    since=_time,
    flaps=_flaps,
    incident=_or_none(_INCIDENT),
    last=_or_none(_with(since=_time, until=_or_none(_time), text=_text)),
)
