"""`verify --head` and `--heads`: the record held against heads told before, in every form that we print."""

from __future__ import annotations

import base64
import json
import quopri
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from qt_audit.delivery.message import Message
from qt_audit.delivery.wording.texts import foot
from qt_audit.verify.heads import ToldHead, find_heads
from tests.support.checkout import FACE
from tests.support.records import cli, cli_environment, draft, make_record, write_record

HASH = "0123456789abcdef" * 4
NOVEMBER = "2026-11.jsonl"


def told(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return cli(home, "verify", *arguments)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_record(tmp_path, 100, start="2026-10-30T08:00:00Z", step=3600)
    return tmp_path


def head_at(home: Path, count: int) -> str:
    """SEQ:HASH when the record had so many entries."""
    head = make_record(
        home.parent / f"{home.name}-at-{count}", count, start="2026-10-30T08:00:00Z", step=3600
    )
    return f"{head.seq}:{head.hash}"


def test_heads_that_the_record_has_are_held(home: Path) -> None:
    first, last = head_at(home, 40), head_at(home, 100)
    done = told(home, "--head", first, "--head", last.upper())
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-3:] == [
        f"✅ held: {first}: the record has this line",
        f"✅ held: {last}: the record has this line",
        "✅ 2 of 2 heads held",
    ]


def test_a_head_of_an_archived_month_is_held(home: Path) -> None:
    first = head_at(home, 40)
    assert cli(home, "archive", "--after", "0").returncode == 0
    assert (home / "status/record/2026-10.jsonl.gz").exists()
    assert told(home, "--head", first).returncode == 0


def test_each_head_that_is_not_held_is_told_and_is_exit_1(home: Path) -> None:
    done = told(home, "--head", f"40:{HASH}", "--head", f"900:{HASH}", "--json")
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert answer["whole"] is True
    assert [(one["seq"], one["state"]) for one in answer["heads"]] == [(40, "altered"), (900, "ahead")]
    text = told(home, "--head", f"900:{HASH}")
    assert text.returncode == 1
    assert text.stdout.splitlines()[-1].startswith(f"❌ ahead: 900:{HASH}: the record ends with entry 100")


def test_a_head_of_months_that_are_gone_is_missing(home: Path) -> None:
    first = head_at(home, 10)
    (home / "status/record/2026-10.jsonl").unlink()
    done = told(home, "--head", first, "--json")
    assert done.returncode == 1
    assert [one["state"] for one in json.loads(done.stdout)["heads"]] == ["missing"]


def test_a_record_rewritten_with_a_new_chain_is_found_by_a_head_from_outside(tmp_path: Path) -> None:
    true = [draft(f"entry {n}", ts=f"2026-11-0{n}") for n in range(1, 6)]
    head = write_record(tmp_path / "true", true)
    false = [draft(f"entry {n}" if n != 3 else "nothing", ts=f"2026-11-0{n}") for n in range(1, 6)]
    write_record(tmp_path / "false", false)
    assert told(tmp_path / "false").returncode == 0
    assert told(tmp_path / "true", "--head", f"5:{head.hash}").returncode == 0
    done = told(tmp_path / "false", "--head", f"5:{head.hash}")
    assert done.returncode == 1
    assert "❌ altered: 5:" in done.stdout


@pytest.mark.parametrize("where", ["a file", "standard input"])
def test_the_heads_of_our_own_words_are_found_and_held(home: Path, tmp_path: Path, where: str) -> None:
    summary = cli(home, "daily_summary", "--date", "2026-11-02").stdout
    text = told(home).stdout + cli(home, "stats").stdout + summary
    export = tmp_path / "export.txt"
    export.write_text(text)
    done = subprocess.run(
        [sys.executable, str(FACE), "verify", "--heads", str(export) if where == "a file" else "-"],
        input=text, env=cli_environment(home), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("✅ held: ") == 1  # all three tell of the record's head


@pytest.mark.parametrize(
    "command",
    [["daily_summary", "--date", "2026-11-02"], ["report", "--from", "2026-11-01", "--out", "-"]],
    ids=["a summary", "a page"],
)
def test_what_tells_of_a_head_names_the_command_once(home: Path, command: list[str]) -> None:
    text = cli(home, *command).stdout
    assert text.count("audit_logger.py verify --head") == 1
    assert len(find_heads(text)) == 1


def test_the_head_in_a_messages_foot_is_found() -> None:
    told_at = "2026-11-01T00:00:00.000000Z"
    message = Message("id-1", "alert", "warning", "title", "text", told_at, "vps", head=(8, HASH))
    assert find_heads(foot(message, 0.0)) == [ToldHead(8, HASH)]


FORMS: dict[str, str] = {
    "verify": f"Head: seq 8, sha256 {HASH}",
    "stats": f"Head:  seq 8, {HASH}",
    "verify --json": json.dumps({"entries": 8, "first_seq": 1, "seq": 8, "hash": HASH}, indent=2),
    "a summary as JSON": json.dumps({"head": {"seq": 8, "hash": HASH}}),
    "JSON in a chat export": json.dumps({"text": json.dumps({"head": {"seq": 8, "hash": HASH}})}),
    "a text in a chat export": json.dumps({"content": f"Counts\nHead: seq 8, {HASH}\nSo far"}),
    "a message's foot": f"vps · id alert-1 · head 8 {HASH}",
    "a page": f'<dt>Head</dt><dd>seq 8, <span class="hash">{HASH}</span></dd>',
    "a mail's HTML": f'Head of the record: seq 8,<br><span style="font-family:Menlo;">{HASH}</span><br>',
    "the weekly report": f"When the checks were over its head was entry 8:\n\n    sha256 {HASH}\n",
    "SEQ:HASH": f"kept: 8:{HASH}.",
    "a message in the outbox": json.dumps({"message": {"head": [8, HASH]}}),
}


def in_base64(text: str) -> str:
    body = base64.encodebytes(f"Daily summary of a host, with words before it.\n{text}\n".encode()).decode()
    return f"From: qt@vps\nContent-Transfer-Encoding: base64\n\n{body}\n"


def in_quoted_printable(text: str) -> str:
    return quopri.encodestring(f"Täglich, so that a line breaks within the hash: {text}".encode()).decode()


WRAPPINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "base64": in_base64,
    "quoted-printable": in_quoted_printable,
}


@pytest.mark.parametrize("wrapping", WRAPPINGS.values(), ids=WRAPPINGS.keys())
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_a_head_is_found_in_each_form(form: str, wrapping: Callable[[str], str]) -> None:
    assert find_heads(wrapping(form)) == [ToldHead(8, HASH)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Head: seq 8, ebfc16338dbe…",
        f'{{"length":9000,"sha256":"{HASH}"}}',
        f'"pid":1,"run":null,"details":{{}},"prev":"{HASH}"',
        f"manifest {HASH}",
        f"seq 0, {HASH}",
        f"Head: seq 8, {HASH}0",
    ],
)
def test_what_is_no_head_is_not_taken_for_one(text: str) -> None:
    assert find_heads(text) == []


def test_many_heads_are_each_told_once_in_their_order() -> None:
    text = f"Head: seq 8, {HASH}\n" * 3 + f"<b>head 9 {HASH[::-1]}</b>"
    assert find_heads(text) == [ToldHead(8, HASH), ToldHead(9, HASH[::-1])]


@pytest.mark.parametrize("arguments", [["--head", "8"], ["--head", f"x:{HASH}"], ["--heads", "/nowhere"]])
def test_wrong_use_is_one_line_and_exit_2(home: Path, arguments: list[str]) -> None:
    done = told(home, *arguments)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (2, 1, "")


def test_a_text_without_a_head_is_one_line_and_exit_1(home: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("All clear")
    done = told(home, "--heads", str(tmp_path / "empty.txt"))
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (1, 1, "")
