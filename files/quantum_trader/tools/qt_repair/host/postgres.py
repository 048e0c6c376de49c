"""Sessions with PostgreSQL that end in time, and whose errors are one line without secrets.

psycopg2's own errors may quote parts of a connection string, even of its password. Errors of this module
contain the server's message or words of ours.
"""

from __future__ import annotations

import importlib
import os
import re
import select
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

_FATAL = re.compile(r"FATAL: +(.+)")
_LOGIN = re.compile(
    r"authentication failed|no pg_hba\.conf entry|role \".*\" does not exist|not permitted to log in"
    r"|pg_hba\.conf rejects|database \".*\" does not exist",
    re.IGNORECASE,
)
# Part of a message of libpq or psycopg2 -> our words, and whether the login failed.
_REASONS = (
    ("t execute COPY", "COPY from or to a client is not for a schema file: write rows as INSERT", False),
    ("no password supplied", "a password is asked for, and 'dsn' or a password file has none", True),
    ("could not translate host name", "the host's name is not known", True),
    ("SSL", "no TLS as 'dsn' asks for it", True),
    ("definition of service", "the service that 'dsn' names is not defined", True),
)


# A statement, not an option of the connection, which poolers refuse. It has no operator.
_PIN_PATH = "SELECT pg_catalog.set_config('search_path', 'pg_catalog', false)"


class SessionError(Exception):
    """What failed, in one line. `code` is the server's SQLSTATE, if it sent one.

    `down`: no server answers queries. `login`: a server answers, but refuses the login.
    """

    def __init__(self, text: str, code: str = "", *, down: bool = False, login: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.down = down
        self.login = login


class DriverError(SessionError):
    """psycopg2 is not installed."""


class DsnError(SessionError):
    """The connection string is invalid."""


def import_psycopg2() -> Any:
    """Import psycopg2. Raises DriverError if it is not installed."""
    try:
        return importlib.import_module("psycopg2")
    except ImportError:
        raise DriverError("python3-psycopg2 is not installed") from None


def parse_dsn(dsn: str) -> dict[str, str]:
    """The parts of the connection string. Raises DriverError, and DsnError, which quotes none of them."""
    extensions = import_psycopg2().extensions
    try:
        return dict(extensions.parse_dsn(dsn))
    except Exception:  # psycopg2 raises several kinds of errors, and their texts quote parts of it
        raise DsnError(
            "is not a libpq connection string, such as 'host=db.example.com user=qt'"
            " (in a URL, write / @ : of a password as %2F %40 %3A)"
        ) from None


def server_text(dsn: str) -> str:
    """The server of a connection string, for people: never more than a host name and a port."""
    parts = parse_dsn(dsn)
    host = parts.get("host") or parts.get("hostaddr") or os.environ.get("PGHOST", "")
    if "service" in parts:
        return "at its service's address"
    if not host or host.startswith(("/", "@")):
        return "on the local socket"
    if not re.fullmatch(r"[A-Za-z0-9.:_-]{1,255}", host):
        return "at its address"
    return f"at {host}:{port}" if (port := parts.get("port", "")).isdigit() else f"at {host}"


def session_error(error: Exception, dsn: str) -> SessionError:
    """Our error for psycopg2's: the first line of the server's message, without the password."""
    text = getattr(getattr(error, "diag", None), "message_primary", None)
    if text:
        return SessionError(_redacted(text, dsn), getattr(error, "pgcode", None) or "")
    raw = str(error)
    fatal = _FATAL.search(raw)
    if fatal:
        text = _redacted(fatal[1], dsn)
        return SessionError(text, down=not _LOGIN.search(text), login=bool(_LOGIN.search(text)))
    for sign, reason, login in _REASONS:
        if sign in raw:
            return SessionError(reason, login=login)
    if "closed the connection" in raw:
        return SessionError("PostgreSQL closed the connection", down=True)
    return SessionError(f"PostgreSQL does not answer {server_text(dsn)}: is the service running?", down=True)


def _redacted(text: str, dsn: str) -> str:
    password = parse_dsn(dsn).get("password")
    if password:
        text = text.replace(password, "[redacted]")
    return " ".join(text.split())[:400]


class Session:
    """A connection in autocommit mode. A step that does not end by the deadline (time.monotonic()) raises
    SessionError.

    The connection is asynchronous: a server that hangs does not block the caller. Only what PostgreSQL itself
    brings is looked up by name: no function or operator that somebody made in a schema of the database is
    called. `own_path`: names are looked up as the database and the role say, for statements of the operator.
    """

    def __init__(self, dsn: str, database: str, deadline: float, own_path: bool = False) -> None:
        self._dsn = dsn
        self._deadline = deadline
        self._driver = import_psycopg2()
        parse_dsn(dsn)
        try:
            self._connection = self._driver.connect(
                dsn,
                dbname=database,
                async_=True,
                application_name="qt_repair",
                client_encoding="UTF8",
            )
        except self._driver.Error as error:
            raise session_error(error, dsn) from None
        try:
            self._wait()
            if not own_path:
                self.run(_PIN_PATH)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def version(self) -> int:
        """The server's version: 150018 for 15.18."""
        return int(self._connection.server_version)

    @property
    def pid(self) -> int:
        """The pid of this session's process on the server."""
        return int(self._connection.info.backend_pid)

    def close(self) -> None:
        """Close it. May be called more than once."""
        self._connection.close()

    def run(self, statement: Any, values: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """Run a statement (or several, without values) and return the rows of the last one."""
        cursor = self._connection.cursor()
        try:
            cursor.execute(statement, values)
        except self._driver.Error as error:
            raise session_error(error, self._dsn) from None
        self._wait()
        return list(cursor.fetchall()) if cursor.description else []

    def _wait(self) -> None:
        extensions = self._driver.extensions
        try:
            while (state := self._connection.poll()) != extensions.POLL_OK:
                left = self._deadline - time.monotonic()
                if left <= 0:
                    raise SessionError(
                        f"PostgreSQL did not answer in time {server_text(self._dsn)}", down=True
                    )
                poller = select.poll()
                poller.register(
                    self._connection.fileno(),
                    select.POLLIN if state == extensions.POLL_READ else select.POLLOUT,
                )
                poller.poll(left * 1000)
        except self._driver.Error as error:
            raise session_error(error, self._dsn) from None


def name_problem(name: str) -> str | None:
    """Why a name cannot be used, or not be shown in one line; None if it can."""
    if not name:
        return "must not be empty"
    if len(name.encode("utf-8", "surrogatepass")) > 63:
        return "must have at most 63 bytes"
    if not name.isprintable():
        return "must not have control characters in it"
    return None
