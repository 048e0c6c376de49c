"""Create a database, whole or not at all. Nothing that exists is changed or dropped."""

from __future__ import annotations

import importlib
import os
import secrets
import time
from collections.abc import Mapping
from typing import Any

from qt_repair.finding import Finding, Probe, RepairError, RepairResult
from qt_repair.host.postgres import DriverError, DsnError, Session, SessionError
from qt_repair.kinds.postgres_database.schema_file import read_schema_file

_ALREADY_EXISTS = ("42P04", "23505")
"""duplicate_database; and the unique violation that two CREATE DATABASE at the same time cause."""
_MEMBER = "SELECT pg_has_role(current_user, oid, %s) FROM pg_roles WHERE rolname = %s"
_ALLOWED = "SELECT rolcreatedb OR rolsuper, current_user FROM pg_roles WHERE rolname = current_user"
_EXISTS = "SELECT 1 FROM pg_database WHERE datname = %s"
_DROP_S = 15.0
"""Seconds for dropping what this run created, also after its time limit."""


class CreateDatabase:
    """CREATE DATABASE. With a schema file it has another name until it is whole."""

    def __init__(self, settings: Mapping[str, Any], home: str, probe: Probe) -> None:
        self._settings = settings
        self._home = home
        self._name: str = settings["database"]
        self._dsn: str = settings["dsn"]

    def intent(self, finding: Finding) -> str:
        return f"Auto-repair: Creating PostgreSQL database {self._name}"

    def sentence(self, finding: Finding) -> str:
        return f"Auto-repair: Created PostgreSQL database {self._name}"

    def run(self, finding: Finding, timeout: float) -> RepairResult:
        """Create it. If somebody else creates it first, theirs counts. Raises RepairError."""
        if finding.details.get("exists"):
            raise RepairError(
                f"{finding.summary}; it exists, so nothing was changed: see PostgreSQL's own log"
            )
        schema = self._schema()
        deadline = time.monotonic() + timeout
        try:
            with Session(self._dsn, self._settings["maintenance_db"], deadline) as session:
                if session.run(_EXISTS, (self._name,)):
                    return self._already_exists(finding)
                self._check_rights(session, schema is not None)
                if schema is None:
                    created_here = self._create(session, self._name)
                else:
                    created_here = self._create_with_schema(schema, session, deadline)
        except (DriverError, DsnError) as error:
            raise RepairError(f"'dsn' {error}" if isinstance(error, DsnError) else str(error)) from None
        except SessionError as error:
            raise RepairError(_error_text(error)) from None
        details = {
            "database": self._name,
            "encoding": self._settings["encoding"],
            "created_elsewhere": not created_here,
        }
        if self._settings.get("owner"):
            details["owner"] = self._settings["owner"]
        if schema is not None:
            details["schema_applied"] = created_here
        return RepairResult(self.sentence(finding), details)

    def _already_exists(self, finding: Finding) -> RepairResult:
        """It exists: somebody created it after the probe, or the server was down when the probe ran."""
        details = {"database": self._name, "created_elsewhere": True}
        if finding.details.get("answers"):
            return RepairResult(self.sentence(finding), details)
        return RepairResult(f"Auto-repair: PostgreSQL database {self._name} answers again", details)

    def _schema(self) -> str | None:
        path = self._settings.get("schema_file")
        return read_schema_file(os.path.join(self._home, path)) if path else None

    def _check_rights(self, session: Session, with_schema: bool) -> None:
        """Name missing privileges before anything is created. Raises RepairError."""
        allowed, role = session.run(_ALLOWED)[0]
        if not allowed:
            raise RepairError(f'role "{role}" may not create databases: ALTER ROLE "{role}" CREATEDB')
        owner = self._settings.get("owner")
        if not owner:
            return
        # Building under another name needs the owner's privileges at once (USAGE); to create a database
        # for an owner, membership is enough.
        rows = session.run(_MEMBER, ("USAGE" if with_schema else "MEMBER", owner))
        if not rows:
            raise RepairError(f'there is no role "{owner}": create it, or set another owner')
        if not rows[0][0]:
            raise RepairError(
                f'role "{role}" is no member of "{owner}", which is to own the database:'
                f' GRANT "{owner}" TO "{role}"'
            )

    def _create(self, session: Session, name: str) -> bool:
        """Whether we created it; False if it existed already."""
        sql: Any = importlib.import_module("psycopg2.sql")
        words = [sql.SQL("CREATE DATABASE"), sql.Identifier(name)]
        if self._settings.get("owner"):
            words += [sql.SQL("OWNER"), sql.Identifier(self._settings["owner"])]
        words += [sql.SQL("ENCODING"), sql.Literal(self._settings["encoding"])]
        words += [sql.SQL("TEMPLATE"), sql.Identifier(self._settings["template"])]
        try:
            session.run(sql.SQL(" ").join(words))
        except SessionError as error:
            if error.code in _ALREADY_EXISTS:
                return False
            raise
        return True

    def _create_with_schema(self, schema: str, session: Session, deadline: float) -> bool:
        """Create it under a name of this run's own, and rename it when it is whole.

        So nobody ever sees a database without its tables, even if this process is killed half way.
        """
        sql: Any = importlib.import_module("psycopg2.sql")
        temporary_name = f"qt_repair_{secrets.token_hex(8)}"
        pids = [session.pid]  # our sessions that may still be busy when something fails
        try:
            self._create(session, temporary_name)
            pids.clear()
            self._apply(schema, temporary_name, deadline, pids)
            rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            session.run(rename.format(sql.Identifier(temporary_name), sql.Identifier(self._name)))
        except BaseException as error:
            self._drop(temporary_name, pids)
            if isinstance(error, SessionError) and error.code in _ALREADY_EXISTS and not pids:
                return False
            raise
        return True

    def _apply(self, schema: str, temporary_name: str, deadline: float, pids: list[int]) -> None:
        """Run the file in one transaction, as the owner. Its session is in `pids` while it runs.

        The file's own names are looked up as the new database says, so that its tables come into `public`.
        """
        sql: Any = importlib.import_module("psycopg2.sql")
        owner = self._settings.get("owner")
        with Session(self._dsn, temporary_name, deadline, own_path=True) as session:
            pids.append(session.pid)
            session.run("BEGIN")
            if owner:
                session.run(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(owner)))
            try:
                session.run(schema)
            except SessionError as error:
                if error.down:
                    raise
                raise RepairError(
                    f"schema_file {self._settings['schema_file']} failed: {error}; nothing was created"
                ) from None
            session.run("COMMIT")
        pids.clear()

    def _drop(self, temporary_name: str, pids: list[int]) -> None:
        """Drop what this run created, after ending sessions of ours that are still busy in it."""
        sql: Any = importlib.import_module("psycopg2.sql")
        end = time.monotonic() + _DROP_S
        try:
            with Session(self._dsn, self._settings["maintenance_db"], end) as session:
                for pid in pids:
                    session.run("SELECT pg_terminate_backend(%s)", (pid,))
                session.run(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(temporary_name)))
        except SessionError as error:
            raise RepairError(
                f"half-made database {temporary_name} could not be dropped, drop it: {error}"
            ) from None


def _error_text(error: SessionError) -> str:
    text = str(error)
    if error.login:
        return f"PostgreSQL refuses the login: {text}: correct 'dsn', or let this user in"
    return text if text.startswith("PostgreSQL ") or not error.down else f"PostgreSQL takes no query: {text}"


def privileges(settings: Mapping[str, Any]) -> list[list[str]]:
    """None: PostgreSQL decides what the account may do."""
    return []


REPAIR = CreateDatabase
