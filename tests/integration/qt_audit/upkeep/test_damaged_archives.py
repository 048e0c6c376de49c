"""Cut or overwritten archives: each command answers with one line that names the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.records import archive_segment, cli, make_record


@pytest.fixture(params=["cut", "cut early", "overwritten", "empty", "not compressed"])
def damaged(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A record of three months, the first two archived; the first archive is damaged."""
    make_record(tmp_path, 200, start="2026-08-20T00:00:00Z", step=33_000)
    for month in ("2026-08", "2026-09"):
        archive_segment(tmp_path, month)
    path = tmp_path / "status/record/2026-08.jsonl.gz"
    data = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(
        {
            "cut": data[:-20],
            "cut early": data[:15],
            "overwritten": data[:300] + b"\0" * 300 + data[600:],
            "empty": b"",
            "not compressed": b"garbage\n",
        }[request.param]
    )
    return tmp_path


@pytest.mark.parametrize("command", ["rebuild_log", "rebuild_log --all", "query", "tail -n 500"])
def test_a_command_that_needs_a_damaged_archive_names_it(damaged: Path, command: str) -> None:
    done = cli(damaged, *command.split())
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "2026-08.jsonl.gz: damaged" in done.stderr
    assert not list((damaged / "status").glob(".*"))


def test_doctor_goes_on_beside_a_damaged_archive(damaged: Path) -> None:
    done = cli(damaged, "doctor")
    assert (done.returncode, done.stderr) == (1, "")
    assert "\n✅ head " in done.stdout
    assert " disk " in done.stdout


@pytest.mark.parametrize("cut", [30, 300])
def test_a_rotated_log_that_is_damaged_is_named(tmp_path: Path, cut: int) -> None:
    make_record(tmp_path, 100, start="2026-11-01T00:00:00Z", step=600)
    archive_segment(tmp_path, "2026-11")
    whole = (tmp_path / "status/record/2026-11.jsonl.gz").read_bytes()
    rotated = tmp_path / "status/AUTO_REPAIR_AUDIT.log-20261102-1793577600.gz"
    rotated.write_bytes(whole[:cut])
    done = cli(tmp_path, "doctor")
    assert (done.returncode, done.stderr) == (1, "")
    assert f"❌ log          cannot be looked at: {rotated.name}: damaged" in done.stdout
    rebuilt = cli(tmp_path, "rebuild_log")
    assert rebuilt.returncode == 1
    assert f"{rotated.name} cannot be decompressed: move it away, or use --all" in rebuilt.stderr
