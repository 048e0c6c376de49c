"""Module integrity: real trees, real imports in real processes, a manifest that the record confirms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.weekly import answer, copy_release, entries, install, row, run, tree

ACCEPTED = "Weekly self-heal: Accepted the present state of the watched modules"


@pytest.fixture
def src(tmp_path: Path) -> Path:
    return tree(tmp_path / "src", {"a.py": "import pkg.b\n", "pkg/b.py": "x = 1\n", "data/prices.csv": "1\n"})


@pytest.fixture
def home(tmp_path: Path, src: Path) -> Path:
    return watching(tmp_path / "qt", {"path": str(src)})


def watching(home: Path, *trees: dict[str, Any], **more: Any) -> Path:
    return install(home, {"module_integrity": {"trees": list(trees), **more}})


def check(home: Path) -> dict[str, Any]:
    """What the phase says."""
    return row(answer(home, "--phase", "module_integrity"), "module_integrity")


def acceptances(home: Path) -> list[dict[str, Any]]:
    found = [entry for entry in entries(home) if entry["action"].startswith(ACCEPTED)]
    assert all(entry["outcome"] == "succeeded" for entry in found)
    return found


def test_the_first_state_is_accepted_and_recorded(home: Path) -> None:
    seen = check(home)
    assert (seen["verdict"], seen["summary"]) == ("PASSED", "3 files in 1 tree, 2 modules imported")
    assert seen["notes"] == ["no state was accepted before: this one was taken as the first"]
    (entry,) = acceptances(home)
    assert entry["details"]["first"] is True
    manifest = json.loads((home / "status/repair/manifest.json").read_text())
    assert manifest["digest"] == entry["details"]["manifest_sha256"]
    assert check(home)["notes"] == []
    assert len(acceptances(home)) == 1


def test_a_first_state_with_a_fault_is_not_accepted(home: Path, src: Path) -> None:
    tree(src, {"broken.py": "def f(:\n"})
    seen = check(home)
    assert seen["verdict"] == "FAILED"
    assert seen["notes"] == ["no state was accepted yet; the first one without a fault will be"]
    assert acceptances(home) == []


def test_altered_missing_and_new_files_are_named(home: Path, src: Path) -> None:
    check(home)
    tree(src, {"pkg/b.py": "x = 2\n", "c.py": ""})
    (src / "data/prices.csv").unlink()
    assert check(home)["problems"] == [
        f"altered: {src}/pkg/b.py",
        f"missing: {src}/data/prices.csv",
        f"new: {src}/c.py",
    ]


def test_what_failed_is_named_in_the_entry_and_the_report(home: Path, src: Path) -> None:
    check(home)
    tree(src, {"pkg/b.py": "x = 2\n"})
    found = answer(home)
    sentence = f"Weekly self-heal: Module integrity check - FAILED: altered: {src}/pkg/b.py"
    (entry,) = [entry for entry in entries(home) if entry["action"] == sentence]
    assert entry["details"]["problems"] == [f"altered: {src}/pkg/b.py"]
    assert f"- `altered: {src}/pkg/b.py`" in Path(found["report"]).read_text()


def test_a_change_that_was_meant_is_accepted_and_recorded(home: Path, src: Path) -> None:
    check(home)
    tree(src, {"pkg/b.py": "x = 2\n"})
    done = run(home, "--accept")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [f"   altered: {src}/pkg/b.py", "✅ Accepted 3 files in 1 tree"]
    assert acceptances(home)[-1]["details"]["changes"] == [f"altered: {src}/pkg/b.py"]
    assert check(home)["verdict"] == "PASSED"


def test_many_differences_are_bounded_where_people_read(home: Path, src: Path) -> None:
    check(home)
    tree(src, {f"new{number:03}.txt": "" for number in range(100)})
    done = run(home, "--phase", "module_integrity")
    assert "   and 80 more" in done.stdout.splitlines()
    entry = next(entry for entry in entries(home) if "FAILED" in entry["action"])
    assert entry["action"].endswith("new000.txt (and 99 more)")
    assert entry["details"]["problems"][-1] == "and 90 more"


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        (lambda path: path.unlink(), "is gone, though entry 3 accepted a state; look at the modules"),
        (lambda path: path.write_text("{"), "not a manifest (JSONDecodeError); look at the modules"),
        (
            lambda path: path.write_text(path.read_text().replace('pkg/b.py": "', 'pkg/b.py": "0')),
            "is not the state that entry 3 accepted",
        ),
        (
            lambda path: path.write_text(path.read_text().replace('"accepted": "20', '"accepted": "30')),
            "is not what any entry of the record accepted",
        ),
    ],
)
def test_a_manifest_that_was_tampered_with_is_found(home: Path, tamper: Any, says: str) -> None:
    check(home)
    tamper(home / "status/repair/manifest.json")
    (problem,) = check(home)["problems"]
    assert problem.startswith(f"{home}/status/repair/manifest.json")
    assert says in problem
    assert run(home, "--accept").returncode == 0
    assert check(home)["verdict"] == "PASSED"


def test_a_restored_older_manifest_is_found(home: Path, src: Path) -> None:
    check(home)
    manifest = home / "status/repair/manifest.json"
    older = manifest.read_bytes()
    tree(src, {"pkg/b.py": "x = 2\n"})
    run(home, "--accept")
    tree(src, {"pkg/b.py": "x = 1\n"})
    manifest.write_bytes(older)
    (problem,) = check(home)["problems"]
    assert "is not the state that entry" in problem


def test_a_tree_that_was_never_accepted_is_named(home: Path, src: Path, tmp_path: Path) -> None:
    check(home)
    other = tree(tmp_path / "other", {"o.py": ""})
    watching(home, {"path": str(src)}, {"path": str(other)})
    (problem,) = check(home)["problems"]
    assert problem.startswith(f"never accepted: {other}; ")
    run(home, "--accept")
    assert check(home)["verdict"] == "PASSED"


def test_a_deploy_accepts_the_release_alone(home: Path, src: Path) -> None:
    ours = tree(home / "releases/2", {"tools/new.py": "x = 1\n"})
    (home / "current").unlink(missing_ok=True)
    (home / "current").symlink_to("releases/2")
    watching(home, {"path": "current/tools"}, {"path": str(src)})
    assert run(home, "--accept-release").stdout.startswith("Nothing to take")  # no first state yet
    check(home)
    assert run(home, "--accept-release").stdout.startswith("Nothing to take")
    tree(ours, {"tools/new.py": "x = 2\n"})
    tree(src, {"pkg/b.py": "x = 2\n"})
    taken = json.loads(run(home, "--accept-release", "--json").stdout)
    assert taken["changes"] == ["altered: current/tools/new.py"]
    assert check(home)["problems"] == [f"altered: {src}/pkg/b.py"]


def test_a_missing_tree_does_not_stop_the_others(home: Path, src: Path) -> None:
    check(home)
    tree(src, {"pkg/b.py": "x = 2\n"})
    watching(home, {"path": "no/such"}, {"path": str(src)})
    assert check(home)["problems"] == [
        f"altered: {src}/pkg/b.py",
        "no/such is no directory; correct phases.module_integrity.trees",
    ]
    done = run(home, "--accept")
    assert done.returncode == 1
    assert "no/such is no directory" in done.stderr


def test_a_file_excluded_later_is_not_missing(home: Path, src: Path) -> None:
    check(home)
    tree(src, {"data/prices.csv": "2\n"})
    watching(home, {"path": str(src), "exclude": ["data/*"]})
    assert check(home)["verdict"] == "PASSED"


# Imports.


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
        ("import sys; sys.exit('bye')\n", "SystemExit: bye"),
        ("raise KeyboardInterrupt\n", "KeyboardInterrupt"),
        (
            "import os; os.write(2, b'out of luck\\n'); os._exit(3)\n",
            "ended the process (exit status 3): out of luck",
        ),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)\n", "ended the process (exit status 139)"),
        ("import threading, time; threading.Thread(target=time.sleep, args=(60,)).start()\n", None),
        ("print('x' * 100000)\n", None),
    ],
)
def test_a_module_that_does_not_import_is_named_and_the_others_go_on(
    home: Path, src: Path, source: str, says: str | None
) -> None:
    tree(src, {"b.py": source})
    seen = check(home)
    assert seen["problems"] == ([f"does not import: b ({src}): {says}"] if says else [])
    assert seen["details"]["imported"] == (2 if says else 3)


def test_a_module_that_hangs_is_named_within_the_time_of_the_phase(src: Path, tmp_path: Path) -> None:
    tree(src, {"b.py": "import time; time.sleep(60)\n"})
    home = watching(tmp_path / "qt", {"path": str(src)}, timeout=10)
    assert check(home)["problems"] == [
        f"does not import: b ({src}): did not end in time",
        f"does not import: pkg.b ({src}): not tried: the time was used up",
    ]


def test_modules_see_a_clean_environment_and_leave_nothing_in_the_tree(home: Path, src: Path) -> None:
    source = (
        "import os, sys\n"
        "assert sorted(os.environ) == ['HOME', 'LANG', 'PATH', 'PYTHONPATH', 'QT_HOME'], sorted(os.environ)\n"
        "assert os.listdir() == [], os.listdir()\n"
        "assert sys.stdin.read() == ''\n"
        "assert 'import_worker' not in sys.modules\n"
        "open('left behind', 'w').close()\n"
    )
    tree(src, {"environment.py": source})
    found = answer(
        home, "--phase", "module_integrity", QT_ALERT_WEBHOOK="https://example.com/hook", LC_ALL="C.UTF-8"
    )
    assert row(found, "module_integrity")["problems"] == []
    assert [path.name for path in src.rglob("*") if path.name in ("__pycache__", "left behind")] == []


def test_modules_are_found_by_their_own_tree_and_not_by_ours(home: Path, src: Path) -> None:
    tree(src, {"imports.py": "x = 1\n", "uses.py": "import imports; assert imports.x == 1\n"})
    assert check(home)["problems"] == []


def test_modules_that_act_on_import_can_be_left_out(src: Path, tmp_path: Path) -> None:
    acts = tmp_path / "acted"
    tree(src, {"broker/live.py": f"open({str(acts)!r}, 'w').close()\n"})
    home = watching(tmp_path / "qt", {"path": str(src), "not_imported": ["broker/*"]})
    assert check(home)["details"] == {**check(home)["details"], "files": 4, "imported": 2}
    watching(home, {"path": str(src), "imports": False})
    assert check(home)["details"]["imported"] == 0
    assert not acts.exists()


def test_the_release_checks_itself(tmp_path: Path) -> None:
    home = watching(tmp_path / "qt", {"path": "current/tools"})
    release = copy_release(home)
    assert check(home)["verdict"] == "PASSED"
    found = answer(home, "--phase", "module_integrity")
    assert found["release"] == release.name
    with (release / "tools/qt_audit/record/entry.py").open("a") as file:
        file.write("# one more line\n")
    assert check(home)["problems"] == ["altered: current/tools/qt_audit/record/entry.py"]
