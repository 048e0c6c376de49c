"""Record an action: log_action() for one that is over, action() for one that begins and ends."""

from __future__ import annotations

import os
import pwd
import sys
import time
from _thread import RLock
from collections.abc import Mapping

from qt_audit.record import fallback, journal, reserve
from qt_audit.record.entry import OUTCOMES, Draft
from qt_audit.record.place import fallbacks, home
from qt_audit.record.warning import forget, reason, warn
from qt_audit.record.writer import Receipt
from qt_audit.record.writer_lock import Undisturbed
from qt_audit.settings import loading as settings
from qt_audit.settings.redaction import readable
from qt_audit.wake import Wake

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from qt_audit.settings.loading import Settings

_MAX_SOURCE = 64
_LOOK_AGAIN = 1.0


class AuditError(Exception):
    """An entry that was required could not be recorded in any place. What it was about must not be done."""


def log_action(
    message: str,
    *,
    source: str | None = None,
    outcome: str = "info",
    details: Mapping[str, Any] | None = None,
    run: str | None = None,
    required: bool | None = None,
) -> bool:
    """Record one action; True once it is durable, at home or in a fallback place.

    `outcome` is info, started, succeeded or failed; `run` is shared by the entries of one
    action; `source` is the program (default: the name of the running script). Secrets are
    taken out of `message` and `details` first. Where no place can be written it returns False
    with a warning on stderr, or, with `required=True` or QT_AUDIT_REQUIRED=1, raises AuditError.
    Safe in threads, after a fork, in signal handlers, and in any number of processes at once.
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
    """What log_action does, with the entry's place in the chain as the answer."""
    receipt, needed = None, required
    with Undisturbed():
        try:
            now = settings.current()
            needed = now.required if required is None else required
            origin = _origin(now)
            receipt = origin.write(_draft(origin, message, source, outcome, details, run))
        except Exception as error:  # a fault of the audit must not stop the program that it is a guest in
            warn(f"NOT RECORDED, a fault of the audit trail ({type(error).__name__})", always=True)
    if receipt is None and needed:
        raise AuditError("the audit trail cannot be written in any place; nothing may be done unrecorded")
    return receipt


def _draft(
    origin: _Origin,
    message: str,
    source: str | None,
    outcome: str,
    details: Mapping[str, Any] | None,
    run: str | None,
) -> Draft:
    """The entry to be, without secrets, whatever was handed in."""
    redact = origin.settings.redactor
    plain = redact.details(details)
    if fallback.MARK in plain:  # what it says is believed: only bringing home may say it
        plain[f"{fallback.MARK}_given"] = plain.pop(fallback.MARK)
    if type(outcome) is not str or outcome not in OUTCOMES:
        warn(f"outcome must be one of {', '.join(OUTCOMES)}; recorded as info")
        plain["outcome_given"] = redact.text(readable(outcome))
        outcome = "info"
    return Draft(
        redact.text(message if type(message) is str else readable(message)),
        redact.text(readable(source))[:_MAX_SOURCE] if source else default_source()[:_MAX_SOURCE],
        outcome,
        origin.host,
        origin.user,
        os.getpid(),
        None if run is None else redact.text(readable(run))[:_MAX_SOURCE],
        plain,
    )


class _Origin:
    """This process as a writer: who it is, where it writes, and where it may find entries to bring home."""

    __slots__ = ("_elsewhere", "_home", "_look_again", "_timeout", "_wake", "host", "settings", "uid", "user")

    def __init__(self, now: Settings, uid: int) -> None:
        for warning in now.warnings:
            warn(warning)
        self.settings = now
        self.uid = uid
        self.host = os.uname().nodename
        self._home = home(now)
        with _asking:
            self.user = user_name(uid)
            self._elsewhere = fallbacks(now.home)
        self._timeout = now.lock_timeout
        self._wake = Wake(now)
        self._look_again = 0.0

    def write(self, draft: Draft) -> Receipt | None:
        """Append at home, or else in the first fallback place that can be written; None if none can."""
        try:
            self._tidy()
            receipt = journal.append(self._home, [draft], self._timeout)[0]
        except Exception as error:  # not only OSError: whatever fails here may work elsewhere
            warn(f"cannot write to {self._home.record_path}: {reason(error)}")
        else:
            self._wake.leave(draft, receipt.seq)
            return receipt
        self._look_again = 0.0
        for place in self._elsewhere:
            try:
                receipt = journal.append(place, [draft], self._timeout)[0]
            except Exception as error:
                warn(f"cannot write to {place.record_path}: {reason(error)}")
            else:
                warn(f"kept in {place.path}; the next writer that can brings it home to {self.settings.home}")
                return receipt
        warn(f"NOT RECORDED in any place: {draft.action}", always=True)
        return None

    def _tidy(self) -> None:
        """Bring home what waits elsewhere before anything later is written; keep room back. Once a second."""
        now = time.monotonic()
        if now >= self._look_again:
            self._look_again = now + _LOOK_AGAIN
            for place in self._elsewhere:
                if fallback.waiting(place) and fallback.bring_home(place, self._home, self._timeout):
                    forget()
            reserve.keep(self._home)


_asking = RLock()
"""Held while the C library looks up users: it has a lock that a child forked meanwhile would find taken."""
os.register_at_fork(before=_asking.acquire, after_in_parent=_asking.release, after_in_child=_asking.release)
_last_origin: _Origin | None = None


def _origin(now: Settings) -> _Origin:
    global _last_origin
    origin, uid = _last_origin, os.geteuid()
    if origin is None or origin.settings is not now or origin.uid != uid:
        origin = _last_origin = _Origin(now, uid)
    return origin


def default_source() -> str:
    """The name of the running script, without its ending."""
    name = sys.argv[0].rpartition("/")[2] if sys.argv else ""
    return name.rpartition(".")[0] or name or "python"


def user_name(uid: int | None = None) -> str:
    """The account that an entry is written by; its number where it has no name."""
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

    Writes the intent (or the sentence and ` - started`) as `started`, durable before the body
    runs; then the sentence as `succeeded`, or the sentence and ` - FAILED: why` as `failed`. An
    exception in the body is recorded and goes on. With `required=True` or QT_AUDIT_REQUIRED=1 the
    body does not run if the intent cannot be recorded: AuditError.
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
        """What the entry that ends it will say: may be made more exact until then."""
        self._intent = f"{sentence} - started" if intent is None else intent
        self._source = source
        self._given = (
            dict(details) if isinstance(details, Mapping) else {"details": details} if details else {}
        )
        self._details = dict(self._given)
        self._required = required
        self._failure: str | None = None
        self._began = 0.0
        self._over = False

    def detail(self, **details: Any) -> None:
        """Add to the details of the entry that ends the action."""
        self._details.update(details)

    def fail(self, why: str) -> None:
        """Let the action end as failed, without an exception."""
        self._failure = why

    def __enter__(self) -> action:
        if self._over:  # used again: another run
            self.run, self._details, self._failure, self._over = (
                os.urandom(8).hex(),
                dict(self._given),
                None,
                False,
            )
        self._record(self._intent, "started")
        self._began = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        self._details["duration_s"] = round(time.monotonic() - self._began, 6)
        if error is not None and not (isinstance(error, SystemExit) and not error.code):
            self._details.setdefault("error", type(error).__name__)
            self._failure = _why(error)
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


def _why(error: BaseException) -> str:
    """What an exception says, in one line; the class where it says nothing."""
    return readable(error).strip() or type(error).__name__
