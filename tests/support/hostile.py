"""Records that an attacker made to break readers, and commands with bounded memory that read them."""

from __future__ import annotations

import gzip
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from qt_audit.record.entry import chain_hash, line
from qt_audit.record.head import decode
from tests.support.checkout import FACE
from tests.support.records import cli_environment

SEGMENT, OLDER = "2026-11.jsonl", "2026-10.jsonl"
ROTATED = "AUTO_REPAIR_AUDIT.log-20261102-1793577600.gz"
TS = "2026-11-20T00:00:00.000000Z"
BODY = '"action":"a","source":"s","outcome":"info","host":"h","user":"u","pid":1,"run":null,"details":{}'
MEGABYTE = 1 << 20
MEMORY = 400 * MEGABYTE
"""Bytes of address space that a command gets: an interpreter with its libraries takes a quarter of it."""


def cli_in_little_memory(
    home: Path | str, *arguments: str, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """As `cli` does, but the command must do with MEMORY bytes of address space."""
    return subprocess.run(
        [sys.executable, str(FACE), *arguments],
        env=cli_environment(home, environ),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    )


def append_chained(record: Path, *bodies: str) -> None:
    """Append lines of these bodies with the right numbers and hashes; the head says that they are durable."""
    head = decode((record / "head").read_bytes())
    assert head is not None
    with (record / SEGMENT).open("ab") as file:
        for body in bodies:
            data = line(head.seq + 1, TS, body, head.hash)
            file.write(data)
            head.seq, head.hash, head.offset = head.seq + 1, chain_hash(data), head.offset + len(data)
    head.durable = head.seq
    (record / "head").write_bytes(head.encoded())


def _append(record: Path, data: bytes, times: int = 1) -> None:
    with (record / SEGMENT).open("ab") as file:
        for _ in range(times):
            file.write(data)


def _bomb_of(fill: bytes) -> bytes:
    """A megabyte of archive that expands to a gigabyte."""
    return gzip.compress(fill * (1024 * MEGABYTE // 4), 6) * 4


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _sparse(record: Path) -> None:
    (record / OLDER).touch()
    os.truncate(record / OLDER, 2048 * MEGABYTE)


def _copies(record: Path) -> None:
    first, _, _ = (record / SEGMENT).read_bytes().partition(b"\n")
    _append(record, first + b"\n", 20_000)


CHAINED: dict[str, str] = {
    "nested 3,700 deep": BODY.replace("{}", '{"a":' + "[" * 3700 + "]" * 3700 + "}"),
    "a pid of 5,000 digits": BODY.replace('"pid":1', '"pid":' + "9" * 5000),
    "a key twice": BODY.replace('"user":"u"', '"user":"u","user":"v"'),
    "a key twice in the details": BODY.replace("{}", '{"a":1,"a":2}'),
    "NaN": BODY.replace("{}", '{"a":NaN}'),
    "a number that is infinite": BODY.replace("{}", '{"a":1e999}'),
    "longer than a line may be": BODY.replace('"a"', '"' + "a" * 8000 + '"'),
    "another order of keys": BODY.replace('"host":"h","user":"u"', '"user":"u","host":"h"'),
    "a blank": BODY.replace('"pid":1', '"pid": 1'),
}
"""Bodies of lines that continue the chain and are no entries."""

HOSTILE: dict[str, Callable[[Path], None]] = {
    "an archive of zeros": lambda record: _write(record / f"{OLDER}.gz", _bomb_of(b"\0")),
    "an archive of newlines": lambda record: _write(record / f"{OLDER}.gz", _bomb_of(b"\n")),
    "newlines": lambda record: _append(record, b"\n" * MEGABYTE, 16),
    "a line of half a gigabyte": lambda record: _append(record, b"x" * MEGABYTE, 512),
    "a segment of zeros": _sparse,
    "lines that only begin well": lambda record: _append(record, b'{"seq":\n', 100_000),
    "copies of a line": _copies,
    "numbers beyond 63 bits": lambda record: _append(record, line(2**63, TS, BODY, "0" * 64), 3),
    "a pipe": lambda record: os.mkfifo(record / OLDER),
    "a directory": lambda record: (record / OLDER).mkdir(),
    "a link": lambda record: (record / OLDER).symlink_to("/dev/zero"),
    "many empty archives": lambda record: _write(record / f"{OLDER}.gz", gzip.compress(b"") * 50_000),
    "a rotated log of zeros": lambda record: _write(record.parent / ROTATED, _bomb_of(b"\0")),
    **{
        f"chained: {name}": lambda record, body=body: append_chained(record, BODY, body, BODY)  # type: ignore[misc]
        for name, body in CHAINED.items()
    },
}
"""What is done to a record (its directory is given) before a command reads it."""
