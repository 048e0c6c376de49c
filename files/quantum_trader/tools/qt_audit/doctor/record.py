"""Check the record: it is writable, head and log agree with it, no entry waits in a fallback place."""

from __future__ import annotations

import os
import pwd
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress

from qt_audit.doctor.check import OK, WARN, WRONG, Check, run_each
from qt_audit.reading.clock import wrong_clocks
from qt_audit.reading.lines import chain_fields
from qt_audit.record import fallback, segments
from qt_audit.record.clock import EARLIEST
from qt_audit.record.compressed import open_archived
from qt_audit.record.entry import chain_hash, log_line, now, timestamp
from qt_audit.record.head import Head, read_snapshot
from qt_audit.record.lines import candidate_lines
from qt_audit.record.parsing import parse_or_none
from qt_audit.record.place import (
    LOG_NAME,
    Place,
    fallback_places,
    home,
    open_file,
    state_fallback,
    var_tmp_fallback,
)
from qt_audit.recorder import user_name
from qt_audit.settings.loading import Settings
from qt_audit.summary import ledger
from qt_audit.upkeep.log_rebuild import newest_rotated
from qt_audit.verify.other_files import contradictions, read_other_files
from qt_audit.verify.snapshot import open_record_directory

_TAIL_BYTES = 128 * 1024
_LAST_ENTRIES = 20
_GRACE_US = 3600 * 1_000_000
"""Microseconds after the end of a period until which its summary is not overdue."""


def record_checks(settings: Settings) -> list[Check]:
    """The checks of an installation's record."""
    place = home(settings)
    return run_each(
        {
            "record": lambda: _writable(place),
            "head": lambda: _head(place),
            "clock": lambda: _clock(place),
            "log": lambda: _log(place),
            "fallback": lambda: _fallback(settings.home),
            "summaries": lambda: _summaries(place),
        }
    )


def _writable(place: Place) -> Iterator[Check]:
    try:
        with open_record_directory(place) as directory:
            yield _writable_here(place, directory)
    except FileNotFoundError:
        yield Check("record", WRONG, f"{place.record_path} does not exist: the first entry makes it (`test`)")


def _writable_here(place: Place, directory: int) -> Check:
    status = os.fstat(directory)
    owner, you = user_name(status.st_uid), user_name(os.geteuid())
    if os.fstatvfs(directory).f_flag & os.ST_RDONLY:
        return Check(
            "record", WRONG, f"{place.record_path} is on a read-only file system: remount it for writing"
        )
    if status.st_mode & 0o300 != 0o300:
        return Check("record", WRONG, f"{place.record_path} is not writable: chmod 0750 {place.record_path}")
    if not os.access(place.record_path, os.W_OK | os.X_OK, effective_ids=True):
        return Check(
            "record", WARN, f"{place.record_path} is writable by {owner}, not by {you}: record as {owner}"
        )
    return Check("record", OK, f"{place.record_path} is writable")


def _head(place: Place) -> Iterator[Check]:
    with open_record_directory(place) as directory:
        problem, last, known = "", None, read_other_files(directory)
        for pause in (0.05, 0.2, 0):
            head, last = read_snapshot(directory), _last_line(directory)
            problem = _disagreement(head, last)
            if not problem:
                break
            time.sleep(pause)  # a writer may be between the line and the head
        if not problem and last is not None:
            newest = _first_seq_of_newest(directory)
            faults = contradictions(known, directory, newest, last.entry.seq)
            problem = f"{faults[0]}" if faults else ""
    if problem:
        yield Check("head", WRONG, f"{problem}; `verify` tells more")
    elif last is None:
        yield Check("head", WARN, "no entry yet: write one with `test`")
    else:
        yield Check("head", OK, f"seq {last.entry.seq}, agrees with the last segment")


def _first_seq_of_newest(directory: int) -> int:
    """The number of the first entry of the last segment that has one; 1 if there is none."""
    for name in reversed(segments.names(directory)):
        with segments.open_segment(name, directory) as file:
            fields = chain_fields(file.readline(_TAIL_BYTES).rstrip(b"\n"))
        if fields is not None:
            return fields[0]
    return 1


def _last_line(directory: int) -> segments.LastLine | None:
    for name in reversed(segments.names(directory)):
        last = segments.last_line(name, directory)
        if last is not None:
            return last
    return None


def _disagreement(head: Head | None, last: segments.LastLine | None) -> str:
    """How head and last entry contradict each other; "" if they do not."""
    if head is None:
        return "the head is gone or torn" if last is not None else ""
    seq = last.entry.seq if last is not None else 0
    if seq < head.durable:
        return f"the record ends at seq {seq}, the head knows of {head.seq}"
    if last is not None and seq == head.seq and chain_hash(last.line) != head.hash:
        return f"the head has another hash for seq {seq} than the segment"
    return ""


def _clock(place: Place) -> Iterator[Check]:
    with open_record_directory(place) as directory:
        last, head = _last_line(directory), read_snapshot(directory)
    time_now, wrong = now(), wrong_clocks(place)
    if_right = "if it is right now, it was ahead, and the next entry says so (`test`)"
    if last is not None and last.entry.ts > time_now:
        text = f"the clock says {time_now}, the last entry is of {last.entry.ts}: set the clock; {if_right}"
        yield Check("clock", WRONG, text)
    elif head is not None and head.ts > time_now:
        text = f"the clock says {time_now}, but a period was summarised up to {head.ts}: set the clock"
        yield Check("clock", WRONG, f"{text}; {if_right}")
    elif time_now < EARLIEST:
        yield Check("clock", WRONG, f"the clock says {time_now}: set it")
    else:
        was_wrong = f"; {wrong[-1].text()}" if wrong else ""
        yield Check("clock", OK, f"{time_now}, not before the last entry{was_wrong}")


# The log that people read.


def _log(place: Place) -> Iterator[Check]:
    missing = expected = 0
    for pause in (0.05, 0.2, 0):
        expected, missing = _missing_lines(place)
        if not missing:
            break
        time.sleep(pause)  # a writer may be between the record and the log, logrotate between two names
    if missing:
        text = f"{missing} of the last {expected} entries are not in it: `rebuild_log` writes it anew"
        yield Check("log", WRONG, text)
    else:
        yield Check("log", OK, f"{LOG_NAME} has the last {expected} entries")


def _missing_lines(place: Place) -> tuple[int, int]:
    """(how many of the last entries were searched in the log, how many of them it lacks)."""
    with open_record_directory(place) as directory:
        wanted = _last_log_lines(directory)
        status = os.open("..", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
    try:
        rotated = newest_rotated(status)
        older = _log_tail(rotated, status) if rotated is not None else []
        present = {*older, *_log_tail(LOG_NAME, status)}
    finally:
        os.close(status)
    if older:  # earlier lines are in files that were rotated before this one
        wanted = [line for line in wanted if line >= older[0]]
    return len(wanted), sum(line not in present for line in wanted)


def _last_log_lines(directory: int) -> list[bytes]:
    """The log's lines for the last entries of the newest segment with entries."""
    for name in reversed(segments.names(directory)):
        with segments.open_segment(name, directory) as file:
            whole = deque(candidate_lines(file, last_bytes=_TAIL_BYTES), maxlen=_LAST_ENTRIES)
        entries = filter(None, map(parse_or_none, whole))
        lines = [log_line(entry.ts, entry.action).encode() for entry in entries]
        if lines:
            return lines
    return []


def _log_tail(name: str, status: int) -> list[bytes]:
    try:
        descriptor, file_status = open_file(name, status, os.O_RDONLY)
    except FileNotFoundError:
        return []
    if name.endswith(segments.ARCHIVE_SUFFIX):
        last = deque[bytes](maxlen=100 * _LAST_ENTRIES)
        with open_archived(descriptor, name) as packed:
            while line := packed.readline(_TAIL_BYTES):
                last.append(line.rstrip(b"\n"))
        return list(last)
    with os.fdopen(descriptor, "rb") as file:
        file.seek(max(0, file_status.st_size - 8 * _TAIL_BYTES))
        return file.read().split(b"\n")


# Fallback places and summaries.


def _fallback(base: str) -> Iterator[Check]:
    places = {place.path: place for place in (*fallback_places(base), *_fallbacks_of_owner(base))}
    waiting = [path for path, place in places.items() if fallback.has_entries(place)]
    if waiting:
        text = f"entries wait in {', '.join(waiting)}: the next entry of that user brings them home (`test`)"
        yield Check("fallback", WARN, text)
    else:
        yield Check("fallback", OK, "no entry waits elsewhere")


def _fallbacks_of_owner(base: str) -> list[Place]:
    """The fallback places of the installation's owner; [] if this is not root: only root can read them."""
    owner = os.stat(base).st_uid
    if os.geteuid() != 0 or owner == 0:
        return []
    places = [var_tmp_fallback(base, owner)]
    with suppress(KeyError):  # an owner without an account has no home either
        places.append(state_fallback(base, f"{pwd.getpwuid(owner).pw_dir}/.local/state"))
    return places


def _summaries(place: Place) -> Iterator[Check]:
    limit = timestamp(time.time_ns() // 1000 - _GRACE_US)
    progress = _progress(place, limit)
    overdue = {kind: step.due(limit) for kind, step in progress.items()}
    late = [f"{kind} since {periods[0].first_day}" for kind, periods in overdue.items() if periods]
    if late:
        text = f"overdue: {', '.join(late)}; is the schedule at work? `daily_summary --due` makes it now"
        yield Check("summaries", WRONG, text)
    elif progress:
        yield Check(
            "summaries",
            OK,
            f"next: {', '.join(f'{kind} {step.next.first_day}' for kind, step in progress.items())}",
        )
    else:
        yield Check("summaries", OK, "none is due yet")


def _progress(place: Place, limit: str) -> dict[str, ledger.Progress]:
    """The progress of the schedule; if it never ran, the progress that it would begin with."""
    path = f"{place.status_path}/reports/{ledger.NAME}"
    try:
        with open(path, "rb") as file:
            return ledger.decode(file.read())
    except FileNotFoundError:
        first = _first_ts(place)
        return {"daily": ledger.initial_progress("daily", None, first, limit)} if first else {}


def _first_ts(place: Place) -> str | None:
    """The time of the first entry."""
    with open_record_directory(place) as directory:
        for name in segments.names(directory):
            with segments.open_segment(name, directory) as file:
                fields = chain_fields(file.readline(_TAIL_BYTES).rstrip(b"\n"))
            if fields is not None:
                return fields[1]
    return None
