"""Databases created on a real PostgreSQL: whole or not at all, and others are not touched."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.postgres_server import PASSWORD, Server, postgres_server
from tests.support.repairing import begin, finish, run_probe, run_repair

TABLES = "CREATE TABLE prices (id int PRIMARY KEY, close numeric);\nINSERT INTO prices VALUES (1, 2.5);\n"


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def server(running: Server) -> Iterator[Server]:
    """One server for all; each test finds it without databases."""
    yield running
    for name in running.databases():
        quoted = name.replace('"', '""')
        running.sql(f'DROP DATABASE "{quoted}" WITH (FORCE)')


def settings(server: Server, **more: Any) -> dict[str, Any]:
    return {"kind": "postgres_database", "database": "quantum", "dsn": server.dsn, **more}


def test_a_missing_database_is_made_with_owner_and_encoding(server: Server, tmp_path: Path) -> None:
    wanted = settings(server, owner="trader", encoding="LATIN1")
    answer = run_repair(wanted, tmp_path)
    assert answer["summary"] == "PostgreSQL has no database quantum"
    assert answer["intent"] == "Auto-repair: Creating PostgreSQL database quantum"
    assert answer["sentence"] == "Auto-repair: Created PostgreSQL database quantum"
    assert answer["details"] == {
        "database": "quantum",
        "owner": "trader",
        "encoding": "LATIN1",
        "created_elsewhere": False,
    }
    row = "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding) FROM pg_database"
    assert server.sql(f"{row} WHERE datname = 'quantum'") == "trader|LATIN1"
    after = run_probe(wanted, tmp_path)
    assert after["healthy"]
    assert after["summary"] == "Database quantum answers"


@pytest.mark.parametrize("name", ["a\"b'c", "Ünï;--", "$(reboot) %s", 'x" OWNER postgres', "ü" * 31 + "x"])
def test_a_name_with_quotes_is_made_exactly_so(server: Server, tmp_path: Path, name: str) -> None:
    assert "sentence" in run_repair(settings(server, database=name, owner='Tr"ader'), tmp_path)
    assert server.databases() == {name}
    assert run_probe(settings(server, database=name), tmp_path)["healthy"]


def test_a_schema_file_is_applied_as_the_owner(server: Server, tmp_path: Path) -> None:
    (tmp_path / "schema.sql").write_text(f"{TABLES}SELECT 'back\\slash', $a$ \\x $a$; -- 100 % \\done\n")
    answer = run_repair(settings(server, owner="trader", schema_file="schema.sql"), tmp_path)
    assert answer["details"]["schema_applied"]
    assert server.databases() == {"quantum"}
    assert server.sql("SELECT id, close FROM prices", "quantum") == "1|2.5"
    assert server.sql("SELECT tableowner FROM pg_tables WHERE tablename = 'prices'", "quantum") == "trader"


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        (f"{TABLES}INSERT INTO price VALUES (2, 3);", 'relation "price" does not exist; nothing was created'),
        (f"{TABLES}COMMIT; SELECT 1/0;", "division by zero"),
        (f"{TABLES}COPY prices FROM stdin;", "write rows as INSERT; nothing was created"),
        ("\\connect other\n", "line 1: '\\\\connect other' is a command of psql, not SQL"),
        ("SELECT 1;\nCOPY prices FROM stdin;\n1\t2\n\\.\n", "line 4: '\\\\.' is a command of psql"),
        ("SELECT '\udcff';", "is not UTF-8"),
        ("SELECT pg_sleep(60);", "did not answer in time"),
        ("SELECT pg_terminate_backend(pg_backend_pid());", "terminating connection"),
    ],
    ids=["table", "commit", "copy", "psql", "dump", "bytes", "slow", "killed"],
)
def test_a_failing_schema_leaves_nothing(server: Server, tmp_path: Path, schema: str, says: str) -> None:
    (tmp_path / "schema.sql").write_bytes(schema.encode("utf-8", "surrogateescape"))
    answer = run_repair(settings(server, schema_file="schema.sql"), tmp_path, timeout=10)
    assert says in answer["failed"]
    assert "\n" not in answer["failed"]
    assert server.databases() == set()


def test_a_schema_file_that_is_missing_makes_nothing(server: Server, tmp_path: Path) -> None:
    answer = run_repair(settings(server, schema_file="no.sql"), tmp_path)
    assert answer["failed"] == f"schema_file {tmp_path}/no.sql cannot be read: No such file or directory"
    assert server.databases() == set()


def test_killed_half_way_no_database_without_its_tables_appears(server: Server, tmp_path: Path) -> None:
    (tmp_path / "schema.sql").write_text(f"{TABLES}SELECT pg_sleep(30);")
    wanted = settings(server, schema_file="schema.sql")
    child = begin(wanted, tmp_path, "probe", "repair")
    wait_for(server, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30);'")
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert "quantum" not in server.databases()
    (tmp_path / "schema.sql").write_text(TABLES)
    assert run_repair(wanted, tmp_path)["details"]["schema_applied"]
    assert server.sql("SELECT count(*) FROM prices", "quantum") == "1"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"owner": "nobody here"}, 'there is no role "nobody here": create it, or set another owner'),
        ({"owner": "stranger"}, 'is no member of "stranger", which is to own the database: GRANT "stranger"'),
        ({"template": "none"}, 'template database "none" does not exist'),
        ({"encoding": "UTF9"}, "UTF9 is not a valid encoding name"),
    ],
)
def test_what_postgresql_refuses_is_said_in_one_line(
    server: Server, tmp_path: Path, more: dict[str, str], says: str
) -> None:
    answer = run_repair(settings(server, **more), tmp_path)
    assert says in answer["failed"]
    assert "\n" not in answer["failed"]
    assert server.databases() == set()


def test_a_role_that_may_create_no_databases_is_told_what_it_lacks(server: Server, tmp_path: Path) -> None:
    answer = run_repair(settings(server, dsn=server.tcp(PASSWORD)), tmp_path)
    assert answer["failed"] == 'role "remote" may not create databases: ALTER ROLE "remote" CREATEDB'


def test_an_existing_database_is_left_as_it_is(server: Server, tmp_path: Path) -> None:
    server.sql("CREATE DATABASE quantum OWNER stranger ENCODING 'LATIN1' TEMPLATE template0")
    answer = run_probe(settings(server, owner="trader"), tmp_path)
    assert answer["healthy"]
    assert answer["summary"] == (
        "Database quantum answers (its owner is stranger, not trader; its encoding is LATIN1, not UTF8)"
    )


def test_a_database_that_takes_no_connection_is_unhealthy_and_not_recreated(
    server: Server, tmp_path: Path
) -> None:
    server.sql("CREATE DATABASE quantum ALLOW_CONNECTIONS false")
    answer = run_repair(settings(server), tmp_path)
    assert not answer["healthy"]
    assert answer["summary"].startswith("Database quantum takes no query: ")
    assert "it exists, so nothing was changed" in answer["failed"]
    assert server.databases() == {"quantum"}


def test_a_database_that_another_process_creates_first_counts(server: Server, tmp_path: Path) -> None:
    (tmp_path / "schema.sql").write_text(f"{TABLES}SELECT pg_sleep(2);")
    child = begin(settings(server, schema_file="schema.sql"), tmp_path, "probe", "repair")
    wait_for(server, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(2);'")
    server.sql("CREATE DATABASE quantum")
    answer = finish(child)
    assert answer["sentence"] == "Auto-repair: Created PostgreSQL database quantum"
    assert answer["details"]["created_elsewhere"]
    assert server.databases() == {"quantum"}


def test_several_that_create_at_once_all_succeed(server: Server, tmp_path: Path) -> None:
    children = [begin(settings(server), tmp_path, "probe", "repair") for _ in range(4)]
    answers = [finish(child) for child in children]
    assert {answer.get("sentence") for answer in answers if not answer["healthy"]} == {
        "Auto-repair: Created PostgreSQL database quantum"
    }
    assert server.databases() == {"quantum"}


def test_a_stopped_server_is_unhealthy_and_the_repair_says_so(server: Server, tmp_path: Path) -> None:
    text = "PostgreSQL does not answer on the local socket: is the service running?"
    server.stop()
    try:
        answer = run_repair(settings(server), tmp_path)
        remote = run_probe(settings(server, dsn=server.tcp(PASSWORD)), tmp_path)
    finally:
        server.start()
    assert not answer["healthy"]
    assert answer["summary"] == answer["failed"] == text
    assert remote["summary"] == (
        f"PostgreSQL does not answer at 127.0.0.1:{server.port}: is the service running?"
    )


def test_a_server_that_hangs_is_unhealthy_within_the_timeout(server: Server, tmp_path: Path) -> None:
    os.kill(server.pid(), signal.SIGSTOP)
    try:
        answer = run_probe(settings(server), tmp_path, timeout=1)
    finally:
        os.kill(server.pid(), signal.SIGCONT)
    assert not answer["healthy"]
    assert answer["summary"] == "PostgreSQL did not answer in time on the local socket"


@pytest.mark.parametrize(
    "dsn",
    [
        "host=127.0.0.1 port={port} user=remote password='wrong-{password}'",
        "postgresql://remote:{password}@127.0.0.1:{port}/postgres",
        "postgresql://remote:wo:rd-hunter22@127.0.0.1:{port}/postgres",
        "postgresql://remote:x@wo:rd-hunter22@127.0.0.1:{port}/postgres",
        "host=127.0.0.1 port=rd-hunter22",
        "host=127.0.0.1 user=remote rd-hunter22",
        "host=rd-hunter22@nowhere.example.com user=remote password={password}",
        "host=127.0.0.1 port={port} user=rd-hunter22",
        "service=rd-hunter22",
    ],
)
def test_no_message_contains_part_of_a_password(server: Server, tmp_path: Path, dsn: str) -> None:
    answer = run_repair(settings(server, dsn=dsn.format(port=server.port, password=PASSWORD)), tmp_path)
    assert "unknown" in answer or not answer["healthy"]
    said = str({key: value for key, value in answer.items() if key != "privileges"})
    assert PASSWORD not in said
    assert "hunter22" not in said.replace('user "rd-hunter22"', "")
    assert "Traceback" not in said


def test_a_wrong_password_repairs_nothing(server: Server, tmp_path: Path) -> None:
    answer = run_probe(settings(server, dsn=server.tcp("wrong")), tmp_path)
    assert answer["unknown"] == (
        'PostgreSQL refuses the login: password authentication failed for user "remote":'
        " correct 'dsn', or let this user in"
    )


def test_without_psycopg2_it_cannot_tell(server: Server, tmp_path: Path) -> None:
    (tmp_path / "psycopg2.py").write_text("raise ImportError")
    answer = run_probe(settings(server), tmp_path, PYTHONPATH=str(tmp_path))
    assert answer["unknown"] == "python3-psycopg2 is not installed"


def test_it_needs_no_root_privileges(server: Server, tmp_path: Path) -> None:
    assert run_probe(settings(server), tmp_path)["privileges"] == []


def wait_for(server: Server, count: str) -> None:
    """Until the count is no longer 0 (our own look at it not counted)."""
    end = time.monotonic() + 30
    while server.sql(f"{count} AND pid <> pg_backend_pid()") == "0":
        assert time.monotonic() < end
        time.sleep(0.05)


def test_nothing_that_a_user_made_in_the_database_is_called(server: Server, tmp_path: Path) -> None:
    server.sql(
        """
        CREATE TABLE public.caught (what text); GRANT INSERT ON public.caught TO PUBLIC;
        GRANT CREATE ON SCHEMA public TO stranger; SET ROLE stranger;
        CREATE FUNCTION public.equal(name, name) RETURNS boolean LANGUAGE plpgsql AS
          $$BEGIN INSERT INTO public.caught VALUES ('='); RETURN true; END$$;
        CREATE OPERATOR public.= (LEFTARG = name, RIGHTARG = name, FUNCTION = public.equal);
        CREATE FUNCTION public.pg_get_userbyid(oid) RETURNS name LANGUAGE plpgsql AS
          $$BEGIN INSERT INTO public.caught VALUES ('function'); RETURN 'postgres'; END$$;
        RESET ROLE; ALTER DATABASE postgres SET search_path = public, pg_catalog;
        """
    )
    try:
        wanted = settings(server, owner="trader")
        assert "sentence" in run_repair(wanted, tmp_path)
        assert run_probe(wanted, tmp_path)["summary"] == "Database quantum answers"
    finally:
        server.sql("ALTER DATABASE postgres RESET search_path")
        caught = server.sql("SELECT what FROM public.caught")
        server.sql(
            "DROP OPERATOR public.= (name, name); DROP FUNCTION public.equal; DROP TABLE public.caught;"
            " DROP FUNCTION public.pg_get_userbyid; REVOKE CREATE ON SCHEMA public FROM stranger"
        )
    assert caught == ""
