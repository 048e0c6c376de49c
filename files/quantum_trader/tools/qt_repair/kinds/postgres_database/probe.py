"""Check that a database exists and answers a query."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from qt_repair.finding import Finding, ProbeError
from qt_repair.host.postgres import DriverError, DsnError, Session, SessionError, name_problem, parse_dsn

_NAMES = ("database", "owner", "template", "maintenance_db")
_QUERY = (
    "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datallowconn"
    " FROM pg_database WHERE datname = %s"
)


class DatabaseProbe:
    """Looks up the database in the maintenance database, then queries the database itself."""

    def __init__(self, settings: Mapping[str, Any], home: str) -> None:
        self._settings = settings

    def check(self, timeout: float) -> Finding:
        """Unhealthy if the server or the database answers no query. Another owner is only mentioned."""
        deadline = time.monotonic() + timeout
        name, dsn = self._settings["database"], self._settings["dsn"]
        try:
            rows = self._query_database(deadline)
        except SessionError as error:
            return _server_finding(error, name)
        if not rows:
            return Finding(
                False,
                f"PostgreSQL has no database {name}",
                {"database": name, "answers": True, "exists": False},
            )
        owner, encoding, _ = rows[0]
        details = {"database": name, "answers": True, "exists": True, "owner": owner, "encoding": encoding}
        try:
            with Session(dsn, name, deadline) as session:
                session.run("SELECT 1")
        except SessionError as error:
            return Finding(False, f"Database {name} takes no query: {error}", details)
        return Finding(True, f"Database {name} answers{self._differences(owner, encoding)}", details)

    def _query_database(self, deadline: float) -> list[tuple[Any, ...]]:
        with Session(self._settings["dsn"], self._settings["maintenance_db"], deadline) as session:
            return session.run(_QUERY, (self._settings["database"],))

    def _differences(self, owner: str, encoding: str) -> str:
        """What differs from the settings; changing it is left to the operator."""
        wanted, texts = self._settings, []
        if wanted.get("owner") and wanted["owner"] != owner:
            texts.append(f"its owner is {owner}, not {wanted['owner']}")
        if _normalised_encoding(wanted["encoding"]) != _normalised_encoding(encoding):
            texts.append(f"its encoding is {encoding}, not {wanted['encoding']}")
        return f" ({'; '.join(texts)})" if texts else ""


def _normalised_encoding(encoding: str) -> str:
    """For PostgreSQL UTF8, utf-8 and Unicode are the same."""
    plain = encoding.lower().replace("-", "").replace("_", "")
    return "utf8" if plain == "unicode" else plain


def _server_finding(error: SessionError, name: str) -> Finding:
    """The finding about a server that does not answer. Raises ProbeError if the settings are wrong."""
    if isinstance(error, DriverError):
        raise ProbeError(str(error)) from None
    if isinstance(error, DsnError):
        raise ProbeError(f"'dsn' {error}") from None
    if error.login:
        raise ProbeError(
            f"PostgreSQL refuses the login: {error}: correct 'dsn', or let this user in"
        ) from None
    if error.code == "":
        return Finding(False, _error_text(error), {"database": name, "answers": False})
    raise ProbeError(f"PostgreSQL does not tell its databases: {error}") from None


def _error_text(error: SessionError) -> str:
    text = str(error)
    return text if text.startswith("PostgreSQL ") else f"PostgreSQL takes no query: {text}"


def problems(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The faults that the schema cannot name: in names and, if psycopg2 is installed, in the dsn."""
    found = [
        (key, problem)
        for key in _NAMES
        if settings.get(key) is not None and (problem := name_problem(settings[key])) is not None
    ]
    name = settings["database"]
    if name in ("template0", "template1"):
        found.append(("database", "must not be one of PostgreSQL's own templates"))
    elif name == settings.get("maintenance_db"):
        found.append(("maintenance_db", "must be another database than the one to create"))
    try:
        parse_dsn(settings.get("dsn", ""))
    except DsnError as error:
        found.append(("dsn", str(error)))
    except DriverError:
        pass  # it is checked where psycopg2 is installed
    return found


PROBE = DatabaseProbe
