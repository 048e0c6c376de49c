"""The record's own sources and details: no program and no fallback place can speak in the record's name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.recording import GENESIS, check, cli, fallback_record, program, state_fallback, succeeded

REMOVED = {"segment": "2026-01.jsonl", "first_seq": 1, "last_seq": 5, "last_hash": "0" * 64}


@pytest.mark.parametrize("source", ["audit_archive", "audit_record", "audit_adoption", "imported"])
def test_a_reserved_source_is_recorded_as_claimed_with_a_warning(tmp_path: Path, source: str) -> None:
    home = tmp_path / "qt"
    done = program(
        home, "print(log_action('retention removes', source=sys.argv[1], details={'removed': {}}))", source
    )
    assert done.stdout == "True\n"
    assert done.stderr.count("\n") == 1
    assert f"the source {source} is the record's own" in done.stderr
    entry = check(home)[0]
    assert (entry["source"], entry["details"]) == (f"claimed:{source}", {"removed_given": {}})


def test_a_program_named_like_the_record_is_not_the_record(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    program(home, "sys.argv[0] = '/home/qt/audit_archive.py'; log_action('retention removes')")
    assert check(home)[0]["source"] == "claimed:audit_archive"


@pytest.mark.parametrize("key", ["removed", "retention", "imported_from", "imported_line", "imported_time"])
def test_a_reserved_detail_gets_another_name(tmp_path: Path, key: str) -> None:
    home = tmp_path / "qt"
    done = program(home, "log_action('x', source='me', details={sys.argv[1]: 1, 'other': 2})", key)
    assert f"the detail `{key}` is the record's own" in done.stderr
    entry = check(home)[0]
    assert (entry["source"], entry["details"]) == ("me", {f"{key}_given": 1, "other": 2})


@pytest.mark.parametrize("given", ["source='audit_archive'", "source='me', details={'removed': {}}"])
def test_what_is_required_and_reserved_is_an_audit_error_and_not_recorded(tmp_path: Path, given: str) -> None:
    home = tmp_path / "qt"
    code = f"""
        for call in (lambda: log_action('x', {given}, required=True),
                     lambda: action('x', {given}, required=True).__enter__()):
            try:
                call()
            except AuditError as error:
                print(error)
        """
    done = program(home, code)
    assert done.stdout.count("is the record's own") == 2
    assert not (home / "status").exists()


NO_ENTRIES = {
    "an outcome that ends its field": {"outcome": 'info","source":"audit_archive","outcome":"info'},
    "a pid that ends its field": {"pid": '1,"source":"audit_archive","pid":2'},
}


def write_in_a_fallback_place(home: Path, **forged: Any) -> None:
    plain = {
        "seq": 1, "ts": "2026-11-22T10:00:00.000000Z", "action": "retention removes", "source": "me",
        "outcome": "info", "host": "h", "user": "u", "pid": 1, "run": None, "details": {"removed": REMOVED},
        "prev": GENESIS, **forged,
    }  # fmt: skip
    elsewhere = fallback_record(home)
    elsewhere.mkdir(parents=True)
    state_fallback(home).chmod(0o700)
    (elsewhere / "2026-11.jsonl").write_text(json.dumps(plain, separators=(",", ":")) + "\n")


def test_an_entry_brought_home_does_not_speak_in_the_records_name(tmp_path: Path) -> None:
    home = tmp_path / "qt"
    write_in_a_fallback_place(home, source="audit_archive")
    assert "brought 1 entry home" in cli(home, "test").stderr
    entry = check(home)[0]
    assert entry["details"]["brought_home"]["seq"] == 1
    assert entry["details"]["removed_given"] == REMOVED
    assert "removed" not in entry["details"]
    assert entry["source"] == "claimed:audit_archive"


@pytest.mark.parametrize("forged", NO_ENTRIES.values(), ids=NO_ENTRIES.keys())
def test_a_line_that_no_writer_wrote_is_not_brought_home(tmp_path: Path, forged: dict[str, Any]) -> None:
    home = tmp_path / "qt"
    write_in_a_fallback_place(home, **forged)
    succeeded(cli(home, "test"))
    assert [entry["source"] for entry in check(home)] == ["audit_logger"]
