"""A real PostgreSQL server for one test: data and socket in a temporary directory, roles as on a VPS."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PASSWORD = "pa/ss@wo:rd-hunter22"
"""The password of the role `remote`: its characters break a connection URL."""
_ROLES = f"""
CREATE ROLE "{getpass.getuser()}" LOGIN CREATEDB;
CREATE ROLE trader;
CREATE ROLE "Tr""ader";
CREATE ROLE stranger;
CREATE ROLE remote LOGIN PASSWORD '{PASSWORD}';
GRANT trader, "Tr""ader" TO "{getpass.getuser()}";
"""
_HBA = """
local all postgres trust
local all all peer
host all all 127.0.0.1/32 scram-sha-256
"""


@dataclass(frozen=True)
class Server:
    """Connect by `dsn` (peer authentication, as a role that may create databases) or over TCP at `port`."""

    root: Path
    bin: Path
    port: int
    prefix: tuple[str, ...]

    @property
    def dsn(self) -> str:
        return f"host={self.root} port={self.port}"

    def tcp(self, password: str) -> str:
        return f"host=127.0.0.1 port={self.port} user=remote password='{password}'"

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement as the superuser; its plain output."""
        return self._run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", str(self.root), "-p", str(self.port),
                         "-U", "postgres", "-d", database, "-c", statement).strip()  # fmt: skip

    def databases(self) -> set[str]:
        """The databases, without those that every server has."""
        return set(self.sql("SELECT datname FROM pg_database").splitlines()) - {
            "postgres",
            "template0",
            "template1",
        }

    def start(self) -> None:
        options = f"-k {self.root} -p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._run("pg_ctl", "start", "-w", "-D", f"{self.root}/data", "-l", f"{self.root}/log", "-o", options)

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", f"{self.root}/data")

    def pid(self) -> int:
        return int((self.root / "data/postmaster.pid").read_text().split()[0])

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [*self.prefix, str(self.bin / program), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd="/",
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def initialise(self) -> None:
        self._run("initdb", "-D", f"{self.root}/data", "-U", "postgres", "-E", "UTF8", "--no-locale", "-N",
                  "--auth=trust")  # fmt: skip
        (self.root / "data/pg_hba.conf").write_text(_HBA)


@contextmanager
def postgres_server() -> Iterator[Server]:
    """Run a server. It is stopped and removed afterwards."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        pytest.fail("PostgreSQL is not installed: apt-get install postgresql", pytrace=False)
    root = Path(tempfile.mkdtemp(prefix="pg-"))  # a short path: a socket's name has at most 107 bytes
    prefix: tuple[str, ...] = ()
    if os.geteuid() == 0:  # which PostgreSQL refuses to run as
        user = pwd.getpwnam("postgres")
        os.chown(root, user.pw_uid, user.pw_gid)
        root.chmod(0o755)
        prefix = ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    server = Server(root, programs[-1], _free_port(), prefix)
    try:
        server.initialise()
        server.start()
        try:
            server.sql(_ROLES)
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(root)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
