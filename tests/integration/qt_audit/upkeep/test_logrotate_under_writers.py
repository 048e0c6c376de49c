"""The real logrotate, with the deployed configuration, under busy writers; and segments moved by hand."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import jinja2
import pytest
import yaml

from tests.support.checkout import ROOT
from tests.support.recording import (
    LOG,
    actions,
    check,
    cli,
    finish,
    head_of,
    log_lines,
    notes,
    read_record,
    record_of,
    start,
    succeeded,
)

ROLE = ROOT / "roles/audit_log"

WRITER = """
name, stop = sys.argv[1:]
number = 0
print("ready", flush=True)
while not os.path.exists(stop):
    assert log_action(f"writer {name} {number}")
    number += 1
    time.sleep(0.002)
print(number)
"""


@contextmanager
def busy(home: Path, stop: Path, count: int = 8) -> Iterator[Callable[[], list[str]]]:
    """So many writers at work; what is yielded ends them, and returns what they were told is recorded."""
    writers = [start(home, WRITER, number, stop) for number in range(count)]

    def end() -> list[str]:
        stop.touch()
        written = []
        for number, writer in enumerate(writers):
            done = finish(writer)
            assert done.returncode == 0, done.stderr
            written += [f"writer {number} {entry}" for entry in range(int(done.stdout))]
        return written

    try:
        for writer in writers:
            assert writer.stdout is not None
            writer.stdout.readline()
        yield end
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()


def deployed_configuration(home: Path) -> str:
    """The role's template, as it lands on a VPS, for this user."""
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    variables = {
        **{name: value for name, value in defaults.items() if "{{" not in str(value)},
        "audit_base_home": str(home),
        "audit_base_user": "root",
        "audit_base_group": "root",
        "__audit_base_system": True,
        "__audit_log_summary_log": f"{home}/status/audit_summary.log",
    }
    # As Ansible sets Jinja up.
    templates = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, keep_trailing_newline=True, autoescape=False
    )
    return templates.from_string((ROLE / "templates/logrotate.j2").read_text()).render(variables)


def test_logrotate_under_8_writers_loses_and_duplicates_no_line(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.fail("the deployed configuration names a user to become: run as root", pytrace=False)
    home, configuration = tmp_path / "qt", tmp_path / "logrotate.conf"
    succeeded(cli(home, "log", "first"))
    configuration.write_text(deployed_configuration(home))
    configuration.chmod(0o644)
    logrotate = shutil.which("logrotate", path="/usr/sbin:/usr/bin:/sbin") or "logrotate"
    with busy(home, tmp_path / "stop") as end:
        for turn in range(20):
            # The names of the rotated files hold the second: each rotation sees a later one.
            subprocess.run(
                [
                    "faketime",
                    "-f",
                    f"+{turn}s",
                    logrotate,
                    "--force",
                    "--state",
                    tmp_path / "state",
                    configuration,
                ],
                check=True,
                capture_output=True,
                timeout=60,
            )
            time.sleep(0.05)
        written = end()
    rotated = sorted((home / "status").glob(f"{LOG}-*"))
    assert len(rotated) == 20
    assert len([path for path in rotated if path.suffix == ".gz"]) == 19
    entries = check(home)
    assert sorted(actions(entries)) == sorted(["first", *written])
    assert len(log_lines(home)) == len(entries)


def _segment(home: Path) -> Path:
    return record_of(home) / str(head_of(home)["segment"])


def _rename(home: Path) -> None:
    _segment(home).rename(home / "taken")


def _delete(home: Path) -> None:
    _segment(home).unlink()


def _truncate(home: Path) -> None:
    os.truncate(_segment(home), 1000)


@pytest.mark.parametrize("touch", [_rename, _delete, _truncate])
def test_writers_go_on_from_the_head_when_their_segment_is_moved_or_cut(
    tmp_path: Path, touch: Callable[[Path], None]
) -> None:
    home = tmp_path / "qt"
    succeeded(cli(home, "log", "first"))
    with busy(home, tmp_path / "stop", count=4) as end:
        time.sleep(0.3)
        touch(home)
        before = head_of(home)["seq"]
        time.sleep(0.3)
        written = end()
    content = _segment(home).read_bytes()
    whole = [line for line in content.split(b"\n") if line]
    if touch is _truncate:  # what is left of the beginning is another chain than what follows
        kept = content[:1000].count(b"\n")
        assert kept
        succeeding = whole[kept:]
        _segment(home).write_bytes(b"\n".join(succeeding) + b"\n")
    first_seq = int(_segment(home).read_bytes()[7:40].split(b",")[0])
    assert first_seq >= before - 8
    # What follows the hole is whole, and its first entry says what is missing.
    lines = _segment(home).read_bytes().split(b"\n")[:-1]
    prev = lines[0][-66:-2].decode()
    entries = read_record(record_of(home), first_seq, prev)
    told = notes(entries)
    assert told[0]["seq"] == first_seq
    if touch is _truncate:
        assert told.pop(0)["action"] == "Audit record: repaired a torn tail"
        written.append("Audit record: repaired a torn tail")
    assert len(told) == 1
    assert told[0]["outcome"] == "failed"
    assert told[0]["details"]["missing_last_seq"] == first_seq - 1
    assert told[0]["details"]["head_hash"] == prev
    # Nothing that was recorded after it is missing, and the log has all that was ever recorded.
    assert len(entries) + first_seq - 1 == head_of(home)["seq"]
    assert sorted(line[30:] for line in log_lines(home)) == sorted(["first", told[0]["action"], *written])
