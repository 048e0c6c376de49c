"""Record an action: log_action() after it, or action() before and after it."""

from __future__ import annotations

import os
import pwd
import sys
import time
from _thread import RLock
from collections.abc import Mapping

from qt_audit.record import fallback, journal, reserve
from qt_audit.record.entry import OUTCOMES, Draft
from qt_audit.record.place import fallback_places, home
from qt_audit.record.reserved import claimed_source, given_details, refusal
from qt_audit.record.warning import forget_warnings, reason, warn
from qt_audit.record.writer import Receipt
from qt_audit.record.writer_lock import SignalsBlocked
from qt_audit.settings import loading
from qt_audit.settings.redaction import readable
from qt_audit.wake import WakeFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from qt_audit.settings.loading import Settings

_MAX_SOURCE = 64
_MAINTENANCE_INTERVAL = 1.0


class AuditError(Exception):
    """A required entry could not be recorded, or must not be. Its action must not be done."""


def log_action(
    message: str,
    *,
    source: str | None = None,
    outcome: str = "info",
    details: Mapping[str, Any] | None = None,
    run: str | None = None,
    required: bool | None = None,
) -> bool:
    """Record one action. Returns True once it is durable, at home or in a fallback place.

    `outcome` is info, started, succeeded or failed. The entries of one action share a `run`. `source` is the
    program (default: the name of the running script). Secrets are removed from `message` and `details`
    first. If no place can be written, it warns on stderr and returns False; with `required=True` or
    QT_AUDIT_REQUIRED=1 it raises AuditError. So it does for a source or details that are the record's own,
    such as `audit_archive`; otherwise it warns, and records them as claimed. Safe in threads, after a fork,
    in signal handlers, and in any number of processes at once.
    """
    return (
        record(message, source=source, outcome=outcome, details=details, run=run, required=required)
        is not None
    )


def record(
    message: str,
    *,
    source: str | None = None,
    outcome: str = "info",
    details: Mapping[str, Any] | None = None,
    run: str | None = None,
    required: bool | None = None,
) -> Receipt | None:
    """Do what log_action does, and return the entry's receipt; None if it was not recorded."""
    return _record(message, source, outcome, details, run, required, own=False)


def record_own(message: str, source: str, details: Mapping[str, Any]) -> Receipt | None:
    """Record an entry of the record's own: the only way to a reserved source. Raises AuditError."""
    return _record(message, source, "info", details, None, True, own=True)


def _record(
    message: str,
    source: str | None,
    outcome: str,
    details: Mapping[str, Any] | None,
    run: str | None,
    required: bool | None,
    own: bool,
) -> Receipt | None:
    receipt, is_required, refused = None, required, ""
    with SignalsBlocked():
        try:
            settings = loading.current()
            is_required = settings.required if required is None else required
            recorder = _process_recorder(settings)
            draft = _draft(recorder, message, source, outcome, details, run)
            refused = "" if own else refusal(draft.source, draft.details)
            if refused and not is_required:
                warn(f"{refused}; recorded as claimed")
                draft.source, draft.details = claimed_source(draft.source), given_details(draft.details)
            if not refused or not is_required:
                receipt = recorder.write(draft)
        except Exception as error:  # a fault of the audit trail must not stop the program that uses it
            warn(f"NOT RECORDED, a fault of the audit trail ({type(error).__name__})", always=True)
    if refused and is_required:
        raise AuditError(refused)
    if receipt is None and is_required:
        raise AuditError("the audit trail cannot be written in any place; nothing may be done unrecorded")
    return receipt


def _draft(
    recorder: _ProcessRecorder,
    message: str,
    source: str | None,
    outcome: str,
    details: Mapping[str, Any] | None,
    run: str | None,
) -> Draft:
    """The entry to write, without secrets, whatever types the caller passed."""
    redactor = recorder.settings.redactor
    clean_details = redactor.details(details)
    if fallback.ORIGIN_KEY in clean_details:  # readers trust this key; only fallback.move_to_home may set it
        clean_details[f"{fallback.ORIGIN_KEY}_given"] = clean_details.pop(fallback.ORIGIN_KEY)
    if type(outcome) is not str or outcome not in OUTCOMES:
        warn(f"outcome must be one of {', '.join(OUTCOMES)}; recorded as info")
        clean_details["outcome_given"] = redactor.text(readable(outcome))
        outcome = "info"
    return Draft(
        redactor.text(message if type(message) is str else readable(message)),
        redactor.text(readable(source))[:_MAX_SOURCE] if source else default_source()[:_MAX_SOURCE],
        outcome,
        recorder.host,
        recorder.user,
        os.getpid(),
        None if run is None else redactor.text(readable(run))[:_MAX_SOURCE],
        clean_details,
    )


class _ProcessRecorder:
    """What this process needs to record: its host, user and settings, its home and its fallback places."""

    __slots__ = (
        "_fallbacks",
        "_home",
        "_next_maintenance",
        "_timeout",
        "_wake",
        "host",
        "settings",
        "uid",
        "user",
    )

    def __init__(self, settings: Settings, uid: int) -> None:
        for warning in settings.warnings:
            warn(warning)
        self.settings = settings
        self.uid = uid
        self.host = os.uname().nodename
        self._home = home(settings)
        with _user_lookup_lock:
            self.user = user_name(uid)
            self._fallbacks = fallback_places(settings.home)
        self._timeout = settings.lock_timeout
        self._wake = WakeFile(settings)
        self._next_maintenance = 0.0

    def write(self, draft: Draft) -> Receipt | None:
        """Append at home, or else in the first fallback place that can be written; None if none can be."""
        try:
            self._maintain()
            receipt = journal.append(self._home, [draft], self._timeout)[0]
        except Exception as error:  # not only OSError: whatever failed here may work in a fallback place
            warn(f"cannot write to {self._home.record_path}: {reason(error)}")
        else:
            self._wake.create_if_urgent(draft, receipt.seq)
            return receipt
        self._next_maintenance = 0.0
        for place in self._fallbacks:
            try:
                receipt = journal.append(place, [draft], self._timeout)[0]
            except Exception as error:
                warn(f"cannot write to {place.record_path}: {reason(error)}")
            else:
                warn(f"kept in {place.path}; the next writer that can brings it home to {self.settings.home}")
                return receipt
        warn(f"NOT RECORDED in any place: {draft.action}", always=True)
        return None

    def _maintain(self) -> None:
        """Once a second: move entries from the fallback places home, create the reserve if it is missing."""
        now = time.monotonic()
        if now >= self._next_maintenance:
            self._next_maintenance = now + _MAINTENANCE_INTERVAL
            for place in self._fallbacks:
                if fallback.has_entries(place) and fallback.move_to_home(place, self._home, self._timeout):
                    forget_warnings()
            reserve.create_if_missing(self._home)


_user_lookup_lock = RLock()
"""Held while the C library looks up users: no fork may happen while it holds a lock of its own."""
os.register_at_fork(
    before=_user_lookup_lock.acquire,
    after_in_parent=_user_lookup_lock.release,
    after_in_child=_user_lookup_lock.release,
)
_last_recorder: _ProcessRecorder | None = None


def _process_recorder(settings: Settings) -> _ProcessRecorder:
    global _last_recorder
    recorder, uid = _last_recorder, os.geteuid()
    if recorder is None or recorder.settings is not settings or recorder.uid != uid:
        recorder = _last_recorder = _ProcessRecorder(settings, uid)
    return recorder


def default_source() -> str:
    """The name of the running script, without its extension."""
    name = sys.argv[0].rpartition("/")[2] if sys.argv else ""
    return name.rpartition(".")[0] or name or "python"


def user_name(uid: int | None = None) -> str:
    """The name of this account, or of the given one; its number if it has no name."""
    uid = os.geteuid() if uid is None else uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


class action:  # noqa: N801 - used as a verb: `with action("…") as act:`
    """Record an action before it begins and after it ended, with one `run`.

        with action("Auto-repair: Restarted Grafana container",
                    intent="Auto-repair: Restarting Grafana container") as act:
            act.detail(container="grafana")

    Records the intent (default: the sentence and ` - started`) as `started`, durable before the body runs.
    After the body, records the sentence as `succeeded`, or the sentence and ` - FAILED: why` as `failed`. An
    exception in the body is recorded and raised again. With `required=True` or QT_AUDIT_REQUIRED=1, if the
    intent cannot be recorded, the body does not run and AuditError is raised.
    """

    def __init__(
        self,
        sentence: str,
        *,
        intent: str | None = None,
        source: str | None = None,
        details: Mapping[str, Any] | None = None,
        required: bool | None = None,
    ) -> None:
        self.run = os.urandom(8).hex()
        self.sentence = sentence
        """The text of the entry that ends the action; it may be changed until then."""
        self._intent = f"{sentence} - started" if intent is None else intent
        self._source = source
        self._initial_details = (
            dict(details) if isinstance(details, Mapping) else {"details": details} if details else {}
        )
        self._details = dict(self._initial_details)
        self._required = required
        self._failure: str | None = None
        self._started_at = 0.0
        self._ended = False

    def detail(self, **details: Any) -> None:
        """Add to the details of the entry that ends the action."""
        self._details.update(details)

    def fail(self, why: str) -> None:
        """Let the action end as failed, without an exception."""
        self._failure = why

    def __enter__(self) -> action:
        if self._ended:  # the object is used again: a new run
            self.run, self._details, self._failure, self._ended = (
                os.urandom(8).hex(),
                dict(self._initial_details),
                None,
                False,
            )
        self._record(self._intent, "started")
        self._started_at = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = True
        self._details["duration_s"] = round(time.monotonic() - self._started_at, 6)
        if error is not None and not (isinstance(error, SystemExit) and not error.code):
            self._details.setdefault("error", type(error).__name__)
            self._failure = _failure_text(error)
        try:
            if self._failure is None:
                self._record(self.sentence, "succeeded")
            else:
                self._record(f"{self.sentence} - FAILED: {self._failure}", "failed")
        except AuditError:
            if error is None:
                raise

    def _record(self, message: str, outcome: str) -> None:
        record(
            message,
            source=self._source,
            outcome=outcome,
            details=self._details,
            run=self.run,
            required=self._required,
        )


def _failure_text(error: BaseException) -> str:
    """The text of an exception; the name of its class if it has no text."""
    return readable(error).strip() or type(error).__name__
