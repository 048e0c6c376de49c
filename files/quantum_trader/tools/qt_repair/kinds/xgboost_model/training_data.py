"""Load the rows to train on from a CSV or from PostgreSQL, as numbers. Faults are named by row and column."""

from __future__ import annotations

import csv
import math
import os
import stat
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from qt_repair.host.postgres import SessionError, import_psycopg2, parse_dsn, session_error
from qt_repair.kinds.xgboost_model.model_process import TaskError

_LARGEST_NUMBER = 3.4e38
"""XGBoost uses single precision."""
_BATCH = 2000


@dataclass(frozen=True)
class Table:
    """The features row by row, NaN for an empty cell, and the target of each row."""

    names: tuple[str, ...]
    cells: array[float] = field(default_factory=lambda: array("f"))
    labels: array[float] = field(default_factory=lambda: array("f"))

    @property
    def rows(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class _Columns:
    """The positions of the features and of the target in a row."""

    names: tuple[str, ...]
    positions: tuple[int, ...]
    target: int
    width: int
    header: tuple[str, ...]


def load(job: Mapping[str, Any]) -> Table:
    """The rows of the job's data. Raises TaskError."""
    data = job["data"]
    if "csv" in data:
        return _from_csv(data["csv"], job)
    return _from_postgres(data["postgres"], job)


def select_columns(header: Sequence[str], job: Mapping[str, Any], source: str) -> _Columns:
    """The configured columns, or all but the target. Raises TaskError, which says what is missing."""
    names, target = job["columns"], job["target"]
    wanted = [*(names or []), target]
    missing = [name for name in wanted if name not in header]
    if missing:
        raise TaskError(f"{source} has no column {_name_list(missing)}; it has {_name_list(header)}")
    twice = sorted({name for name in header if header.count(name) > 1 and (names is None or name in wanted)})
    if twice:
        raise TaskError(f"{source} has more than one column {_name_list(twice)}")
    features = [name for name in header if name != target] if names is None else list(names)
    if len(features) != job["features"]:
        raise TaskError(
            f"{source} has {len(features)} columns besides {target!r},"
            f" {job['features']} features are expected: name those to use in 'columns'"
        )
    unfit = [name for name in features if not name or any(sign in name for sign in "[]<")]
    if unfit:
        raise TaskError(f"{source}: XGBoost takes no empty name and no [, ] or < in one: {_name_list(unfit)}")
    positions = tuple(header.index(name) for name in features)
    return _Columns(tuple(features), positions, header.index(target), len(header), tuple(header))


def _name_list(names: Sequence[str]) -> str:
    text = ", ".join(repr(name[:60]) for name in names[:8])
    return text if len(names) <= 8 else f"{text} and {len(names) - 8} more"


def _from_csv(path: str, job: Mapping[str, Any]) -> Table:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, encoding="utf-8-sig", newline="") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise TaskError(f"{path} is not a regular file")
            lines = csv.reader(file, strict=True)
            header = [name.strip() for name in next(lines, [])]
            if not header:
                raise TaskError(f"{path} has no header line")
            columns = select_columns(header, job, path)
            return _table(columns, _csv_rows(lines, columns.width, path), path, _text_number)
    except OSError as error:
        raise TaskError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise TaskError(f"{path} is not UTF-8") from None
    except csv.Error as error:
        raise TaskError(f"{path} is not a CSV: {error}") from None


def _csv_rows(lines: Any, width: int, path: str) -> Iterator[tuple[str, Sequence[Any]]]:
    for row in lines:
        if not row:
            continue
        if len(row) != width:
            raise TaskError(f"{path}, line {lines.line_num}: has {len(row)} cells, the header has {width}")
        yield f"line {lines.line_num}", row


def _from_postgres(position: Mapping[str, Any], job: Mapping[str, Any]) -> Table:
    """Read the rows in batches, in a read-only transaction.

    The query is the operator's: its names are looked up as the database says. No other statement of this
    session has a name or an operator in it.
    """
    dsn = position["dsn"]
    try:
        parse_dsn(dsn)
        psycopg2 = import_psycopg2()
    except SessionError as error:
        raise TaskError(f"data.postgres.dsn: {error}") from None
    milliseconds = max(1, int(job["timeout"] * 1000))
    try:
        connection = psycopg2.connect(
            dsn,
            application_name="qt_repair",
            client_encoding="UTF8",
            connect_timeout=max(2, int(min(job["timeout"], 60))),
        )
        try:
            connection.set_session(readonly=True)
            with connection.cursor() as cursor:
                # Our own time is limited from outside; without this the server would continue afterwards.
                cursor.execute("SET LOCAL statement_timeout = %s", (milliseconds,))
            with connection.cursor("qt_repair_rows") as cursor:
                cursor.itersize = _BATCH
                cursor.execute(position["query"])
                batch = cursor.fetchmany(_BATCH)
                header = [column.name for column in cursor.description]
                columns = select_columns(header, job, "the query")
                return _table(columns, _query_rows(cursor, batch), "the query", _value_number)
        finally:
            connection.close()
    except psycopg2.Error as error:
        raise TaskError(f"the query of data.postgres failed: {session_error(error, dsn)}") from None


def _query_rows(cursor: Any, batch: list[tuple[Any, ...]]) -> Iterator[tuple[str, Sequence[Any]]]:
    number = 0
    while batch:
        for row in batch:
            number += 1
            yield f"row {number}", row
        batch = cursor.fetchmany(_BATCH)


def _table(columns: _Columns, rows: Iterable[tuple[str, Sequence[Any]]], source: str, number: Any) -> Table:
    table = Table(columns.names)
    positions, target = columns.positions, columns.target
    for where, row in rows:
        try:
            values = [number(row[position]) for position in positions]
            label = number(row[target])
        except ValueError:
            raise TaskError(f"{source}, {where}, {_first_fault(columns, row, number)}") from None
        if label != label:
            raise TaskError(f"{source}, {where}, column {columns.header[target]!r}: the target is empty")
        table.cells.extend(values)
        table.labels.append(label)
    return table


def _first_fault(columns: _Columns, row: Sequence[Any], number: Any) -> str:
    for position in (*columns.positions, columns.target):
        try:
            number(row[position])
        except ValueError:
            return (
                f"column {columns.header[position]!r}: {str(row[position])[:40]!r} is not a number that fits"
            )
    return "cannot be read"


def _text_number(text: str) -> float:
    """The number of a cell; NaN for an empty one. Raises ValueError, also for one that is too large."""
    value = float(text) if text.strip() else math.nan
    if abs(value) > _LARGEST_NUMBER:
        raise ValueError
    return value


def _value_number(value: Any) -> float:
    if value is None:
        return math.nan
    if not isinstance(value, (bool, int, float, Decimal)):
        raise ValueError
    try:
        number = float(value)
    except OverflowError:
        raise ValueError from None
    if abs(number) > _LARGEST_NUMBER:
        raise ValueError
    return number
