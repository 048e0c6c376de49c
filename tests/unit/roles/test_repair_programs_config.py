"""How the configuration is laid down on a host: all of it, once every program has agreed, or nothing."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.checkout import ROOT
from tests.support.plugins import load

PROGRAMS = ("auto_repair_system", "realtime_monitor", "weekly_self_heal")
GRAFANA = "repairs: {grafana: {kind: container, container: grafana}}\n"
WATCHED = "thresholds: {container: [{container: grafana, repairs: [grafana]}]}\n"


config = load("plugins/modules/repair_programs_config.py")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An installation as audit_base leaves it: the programs, and an empty config/."""
    home = tmp_path / "quantum_trader"
    for part in ("tools", "scripts"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "files/quantum_trader" / part, home / part, ignore=ignored)
    (home / "config").mkdir()
    return home


def lay_down(home: Path, *, dry: bool = False, **patches: Any) -> list[str]:
    """The paths that were written."""
    shipped = {
        program: (ROOT / "files/quantum_trader/config" / f"{program}.yml").read_text() for program in PROGRAMS
    }
    files = config.files_of(shipped, {program: patches.get(program, "{}\n") for program in PROGRAMS})
    owner = config.Owner(os.geteuid(), os.getegid())
    # The distribution's Python has what the programs need on a VPS; here that is this one.
    written = config.lay_down(str(home), files, owner, "new", dry=dry, python=sys.executable)
    return [file.path for file in written]


def there(home: Path) -> dict[str, Any]:
    """Every file below config/, with what is in it."""
    found = {}
    for path in (home / "config").rglob("*"):
        if path.is_file():
            found[str(path.relative_to(home / "config"))] = path.read_text()
    return found


def test_everything_is_written_at_first_and_nothing_the_second_time(home: Path) -> None:
    assert len(lay_down(home, auto_repair_system=GRAFANA, realtime_monitor=WATCHED)) == 6
    assert there(home)["auto_repair_system.d/50-ansible.yml"] == GRAFANA
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (home / "config").rglob("*.yml")}
    assert modes == {0o640}
    assert lay_down(home, auto_repair_system=GRAFANA, realtime_monitor=WATCHED) == []


def test_a_shipped_file_that_the_operator_edited_stays(home: Path) -> None:
    lay_down(home)
    mine = home / "config" / "realtime_monitor.yml"
    mine.write_text("round: 7\n")
    assert lay_down(home) == []
    assert mine.read_text() == "round: 7\n"


def test_two_patches_that_need_each_other_land_together(home: Path) -> None:
    """The monitor's names a repair that only the other one has, and so it is when both go again."""
    lay_down(home)
    both = ["auto_repair_system.d/50-ansible.yml", "realtime_monitor.d/50-ansible.yml"]
    assert lay_down(home, auto_repair_system=GRAFANA, realtime_monitor=WATCHED) == both
    assert lay_down(home) == both


@pytest.mark.parametrize(
    ("patches", "says"),
    [
        ({"realtime_monitor": WATCHED}, "At 'thresholds.container[0].repairs"),
        ({"auto_repair_system": "repairs: {g: {kind: contaner}}\n"}, "At 'repairs.g.kind'"),
        ({"weekly_self_heal": "phases: [\n"}, "50-ansible.yml"),
        ({"auto_repair_system": GRAFANA, "weekly_self_heal": "x: 1\n"}, "At 'x'"),
    ],
)
def test_one_wrong_patch_and_nothing_is_changed(home: Path, patches: dict[str, Any], says: str) -> None:
    lay_down(home)
    before = there(home)
    with pytest.raises(config.RefusedError, match="nothing was changed") as refused:
        lay_down(home, **patches)
    assert says in str(refused.value)
    assert "quantum-trader-check-" not in str(refused.value)
    assert there(home) == before


def test_the_operators_own_drop_ins_count(home: Path) -> None:
    lay_down(home, auto_repair_system=GRAFANA)
    (home / "config/realtime_monitor.d/90-mine.yml").write_text(WATCHED)
    with pytest.raises(config.RefusedError, match=r"90-mine\.yml"):
        lay_down(home)


def test_a_file_of_the_operators_that_others_may_write_to_is_named_where_it_lies(home: Path) -> None:
    lay_down(home)
    loose = home / "config" / "weekly_self_heal.yml"
    loose.chmod(0o666)
    with pytest.raises(config.RefusedError, match=f"chmod go-w {loose}"):
        lay_down(home)


def test_a_dry_run_checks_and_writes_nothing(home: Path) -> None:
    assert len(lay_down(home, dry=True)) == 6
    assert there(home) == {}
    with pytest.raises(config.RefusedError):
        lay_down(home, dry=True, weekly_self_heal="x: 1\n")


def test_a_link_that_lies_at_the_place_is_replaced_and_not_followed(home: Path, tmp_path: Path) -> None:
    lay_down(home)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    place = home / "config/weekly_self_heal.d/50-ansible.yml"
    place.unlink()
    place.symlink_to(elsewhere)
    lay_down(home)
    assert elsewhere.read_text() == "precious"
    assert not place.is_symlink()


def test_a_candidate_leaves_nothing_behind(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    with pytest.raises(config.RefusedError):
        lay_down(home, weekly_self_heal="x: 1\n")
    lay_down(home)
    assert list(scratch.iterdir()) == []
