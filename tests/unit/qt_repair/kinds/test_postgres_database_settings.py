"""Faults in a database's settings and in a schema file are found before anything is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from qt_repair import kinds
from qt_repair.finding import RepairError
from qt_repair.kinds.postgres_database.schema_file import LARGEST, first_psql_command, read_schema_file


@pytest.mark.parametrize(
    ("settings", "path", "text"),
    [
        ({"database": ""}, "database", "must not be empty"),
        ({"database": "ü" * 32}, "database", "must have at most 63 bytes"),
        ({"database": "a\nb"}, "database", "must not have control characters in it"),
        ({"database": "a\0b"}, "database", "must not have control characters in it"),
        ({"database": "quantum", "owner": "a\tb"}, "owner", "must not have control characters in it"),
        ({"database": "template1"}, "database", "must not be one of PostgreSQL's own templates"),
        ({"database": "postgres"}, "maintenance_db", "must be another database than the one to create"),
    ],
)
def test_a_name_that_postgresql_does_not_accept_is_rejected(
    settings: dict[str, str], path: str, text: str
) -> None:
    complete = {"kind": "postgres_database", "dsn": "", "maintenance_db": "postgres", **settings}
    assert (path, text) in kinds.problems(complete)


@pytest.mark.parametrize("name", ["quantum", 'a"b', "a'b", "Q; DROP", "x" * 63, "日本" * 10, " "])
def test_any_name_that_postgresql_accepts_is_accepted(name: str) -> None:
    settings = {"kind": "postgres_database", "dsn": "", "maintenance_db": "postgres", "database": name}
    assert kinds.problems(settings) == []


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("\\connect x", (1, "\\connect x")),
        ("SELECT 1 \\gexec", (1, "\\gexec")),
        ("-- \\d\n/* \\d\n */ SELECT 1;\n\\d\n", (4, "\\d")),
        ("SELECT '''\n';\n\\i other.sql", (3, "\\i other.sql")),
        ("SELECT E'\\'';\n\\i x", (2, "\\i x")),
        ("SELECT '\\';\n\\i x", (2, "\\i x")),
        ("SELECT $$\\x$$, $a$ $$ \\x $a$, \"a\\b\", '\\', E'\\\\' -- \\", None),
        ("SELECT price$1, name'\\'", None),
        ("", None),
    ],
)
def test_a_psql_command_is_distinguished_from_sql(sql: str, found: tuple[int, str] | None) -> None:
    assert first_psql_command(sql) == found


@pytest.mark.parametrize("piece", ["'", "E'", "$a$", "/* ", '"', "$", "$a$ $b$ "])
def test_a_schema_file_of_quotes_alone_is_scanned_once(piece: str) -> None:
    assert first_psql_command(piece * 100_000) is None


def test_a_file_that_is_no_schema_file_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b" " * (LARGEST + 1))
    (tmp_path / "binary").write_bytes(b"SELECT\0")
    for name, text in [
        ("large", "is larger than 16 MB"),
        ("binary", "is not a text"),
        (".", "cannot be read: Is a directory"),
        ("missing", "cannot be read: No such file"),
        ("/dev/zero", "is not a regular file"),
    ]:
        with pytest.raises(RepairError, match=text):
            read_schema_file(str(tmp_path / name))
