"""Hostile text: one line each in record and log, bounded, without escape sequences, measured if it is cut."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.recording import LOG, cli, log_lines, program, read_record, record_of, succeeded

TEXTS = {
    "newlines": "one\ntwo\r\nthree\rfour\v\f",
    "a forged line": "x\n[2026-11-23T00:00:00.000000Z] Auto-repair: Restarted Grafana container",
    "a forged entry": 'x","outcome":"succeeded","prev":"0000"}\n{"seq":1}',
    "escape sequences": "\x1b[2J\x1b]0;title\x07\x9b31m",
    "percent": "%s %d %n %(x)s {0} {} $HOME `id` $(id)",
    "quotes": "'\"\\\"' \\",
    "NULs": "a\0b\0",
    "right-to-left marks": "\u202egnp.exe\u202c \u2066\u2069\u200f",
    "separators of lines": "a\u2028b\u2029c\x85d",
    "lone surrogates": "a\ud800b\udfffc",
    "no character": "\ufffe\uffff\U0010ffff",
    "zero width": "pass\u200bword \ufeff",
    "emoji": "✅ 📊 all well",
    "nothing": "",
    "blanks": "   ",
}


def one_line_each(home: Path, count: int = 1) -> list[dict[str, Any]]:
    """The entries, after a look at the bytes of record and log: one line each, nothing a terminal obeys."""
    entries = read_record(record_of(home))
    assert len(entries) == count
    log = (home / "status" / LOG).read_bytes()
    assert log.count(b"\n") == count
    text = log.decode("utf-8")
    assert all(char == "\n" or char.isprintable() for char in text)
    assert [line[1:28] for line in log_lines(home)] == [entry["ts"] for entry in entries]
    return entries


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_hostile_text_is_one_line_and_comes_back_as_it_was(tmp_path: Path, text: str) -> None:
    home = tmp_path / "qt"
    code = """
    text = json.loads(sys.argv[1])
    assert log_action(text, details={"text": text, text: "key", "list": [text]})
    """
    succeeded(program(home, code, json.dumps(text)))
    entry = one_line_each(home)[0]
    assert entry["action"] == text
    assert entry["details"]["text"] == text
    assert entry["details"][text] == "key"
    assert entry["details"]["list"] == [text]


def test_hostile_text_reaches_no_terminal_through_the_command_line(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    hostile = "a\x1b[2Jb\nc\u202ed"
    done = cli(
        home, "log", hostile, "--source", hostile, "--detail", f"{hostile}={hostile}", "--run", hostile
    )
    assert "\x1b" not in succeeded(done)
    assert done.stdout == "✅ Audit logged: a\\x1b[2Jb\\nc\\u202ed\n"
    entry = one_line_each(home)[0]
    assert (entry["action"], entry["source"], entry["run"]) == (hostile, hostile, hostile)
    for wrong in (["log", "x", "--outcome", hostile], [hostile], ["log", "x", f"--{hostile}"]):
        done = cli(home, *wrong)
        assert done.returncode == 2
        assert "\x1b" not in done.stderr
        assert done.stderr.count("\n") == 1


def test_bytes_that_are_not_utf_8_are_kept(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    code = r"""
    assert log_action(b"caf\xe9 \xff", details={"out": b"\xff\xfe", b"\xff": bytearray(b"ok")})
    """
    succeeded(program(home, code))
    succeeded(cli(home, "log", "-", stdin=b"caf\xe9\n\xff\xfe\n"))
    entries = one_line_each(home, 3)
    assert entries[0]["action"].encode("utf-8", "surrogateescape") == b"caf\xe9 \xff"
    assert entries[0]["details"]["out"].encode("utf-8", "surrogateescape") == b"\xff\xfe"
    assert entries[0]["details"]["\udcff"] == "ok"
    assert entries[1]["action"].encode("utf-8", "surrogateescape") == b"caf\xe9"


def measured(text: str) -> dict[str, Any]:
    whole = text.encode("utf-8", "surrogatepass")
    return {"length": len(text), "sha256": hashlib.sha256(whole).hexdigest()}


@pytest.mark.parametrize("unit", ["x", "\n", "é", "🎉", "\ud800", '"', "\x1b[31m", "password=abc "])
def test_a_megabyte_is_cut_to_an_excerpt_with_its_length_and_hash(tmp_path: Path, unit: str) -> None:
    home = tmp_path / "qt"
    text = unit * (1_000_000 // len(unit))
    code = """
    text = json.loads(sys.argv[1]) * int(sys.argv[2])
    assert log_action(text, details={"out": text, "exit_code": 7}, source=text, run=text)
    """
    succeeded(program(home, code, json.dumps(unit), 1_000_000 // len(unit)))
    entry = one_line_each(home)[0]
    redacted = text.replace("password=abc", "password=[redacted]")
    assert entry["details"]["action_excerpt"] == measured(redacted)
    assert entry["details"]["exit_code"] == 7
    excerpt = entry["details"]["details_excerpt"]
    assert {key: excerpt[key] for key in ("length", "sha256")} == measured(
        json.dumps({"out": redacted}, separators=(",", ":"))
    )
    assert entry["action"].endswith("…")
    assert redacted.startswith(entry["action"][:-1])
    assert len(entry["action"]) > 100


STRANGE = """
class Shy:
    def __str__(self): raise RuntimeError("no")
class ShyText(str):
    def __str__(self): raise RuntimeError("no")
class ShyMapping(dict):
    def items(self): raise RuntimeError("no")
class ShyList(list):
    def __iter__(self): raise RuntimeError("no")
class NotText:
    def __str__(self): return 5
nested = {}
for _ in range(10_000): nested = {"n": nested}
deep = []
for _ in range(10_000): deep = [deep]
cyclic = {}
cyclic["self"] = cyclic
wide = []
wide.extend([wide] * 50)
import types, decimal, enum, pathlib, collections
class Kind(enum.Enum): A = 1
class Word(str, enum.Enum): B = "b"
things = [
    {"nested": nested}, {"deep": deep}, cyclic, {"wide": wide},
    {"big": 10 ** 5000, "negative": -(10 ** 30), "float": float("nan"), "inf": float("inf"), "small": 5e-324},
    {"shy": Shy(), "text": ShyText("kept"), "not": NotText()},
    ShyMapping(a=1), {"list": ShyList([1])},
    {1: "int", "1": "text", None: "none", (1, 2): "tuple", b"1": "bytes", Shy(): "shy"},
    {str(number): number for number in range(100_000)},
    {"many": list(range(100_000))},
    types.MappingProxyType({"proxy": 1}), collections.UserDict(user=1),
    {"set": {1}, "generator": (n for n in range(3)), "decimal": decimal.Decimal("1.5"), "enum": Kind.A,
     "word": Word.B, "path": pathlib.Path("/x"), "complex": 1j, "bool": True, "none": None},
    [1, 2, 3], "text", 5, Shy(),
]
for number, thing in enumerate(things):
    assert log_action(f"thing {number}", details=thing), number
for number, thing in enumerate([Shy(), ShyText("kept"), 5, None, nested, ["a"]]):
    assert log_action(thing, source=thing, run=thing, outcome=thing), number
"""


def test_details_of_any_kind_are_recorded_and_never_raise(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    done = program(home, STRANGE)
    succeeded(done)
    assert "NOT RECORDED" not in done.stderr
    entries = one_line_each(home, 24)
    details = [entry["details"] for entry in entries]
    assert "[too deep]" in json.dumps(details[0])
    assert details[4]["big"].startswith("0x")
    assert details[4]["float"] == "nan"
    assert details[5] == {
        "shy": "[Shy that cannot be shown]",
        "text": "kept",
        "not": "[NotText that cannot be shown]",
    }
    assert details[6] == {"details": "[ShyMapping that cannot be shown]"}
    assert sorted(details[8].values()) == sorted(["int", "text", "none", "tuple", "bytes", "shy"])
    assert "99000 more, left out" in json.dumps(details[9]) or "details_excerpt" in details[9]
    assert details[11] == {"proxy": 1}
    assert details[12] == {"user": 1}
    assert details[13]["word"] == "b"
    assert entries[18]["action"] == "[Shy that cannot be shown]"
    assert entries[19]["action"] == "kept"
