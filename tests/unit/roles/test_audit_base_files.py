"""A few small files laid down in one go: content, mode and owner, validated first, atomically."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.plugins import load

files = load("plugins/modules/audit_base_files.py")


def a_file(path: Path, content: str = "new\n", **given: Any) -> Any:
    """One that is to belong to whoever runs the tests."""
    fields = {
        "content": content,
        "owner": pwd.getpwuid(os.geteuid()).pw_name, "group": grp.getgrgid(os.getegid()).gr_name,
    }  # fmt: skip
    return files.File(path=str(path), **{**fields, **given})


def lay_down(*wanted: Any) -> list[str]:
    """The paths that were changed."""
    found = files.changes(list(wanted), dry=False)
    for change in found:
        files.lay_down(change)
    return [change.file.path for change in found]


def shell(command: str) -> tuple[int, str, str]:
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_what_is_missing_is_written_and_the_second_time_nothing(tmp_path: Path) -> None:
    wanted = [a_file(tmp_path / "cron"), a_file(tmp_path / "sudoers", mode="0440")]
    assert lay_down(*wanted) == [str(tmp_path / "cron"), str(tmp_path / "sudoers")]
    assert (tmp_path / "cron").read_text() == "new\n"
    assert stat.S_IMODE((tmp_path / "sudoers").stat().st_mode) == 0o440
    assert lay_down(*wanted) == []
    assert sorted(os.listdir(tmp_path)) == ["cron", "sudoers"]


@pytest.mark.parametrize(
    ("before", "mode"), [("old\n", 0o644), ("new\n", 0o600), ("old\n", 0o666)], ids=["text", "mode", "both"]
)
def test_what_drifted_is_put_right(tmp_path: Path, before: str, mode: int) -> None:
    path = tmp_path / "cron"
    path.write_text(before)
    path.chmod(mode)
    assert lay_down(a_file(path)) == [str(path)]
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new\n", 0o644)


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("theirs\n")
    (tmp_path / "cron").symlink_to("theirs")
    lay_down(a_file(tmp_path / "cron"))
    assert not (tmp_path / "cron").is_symlink()
    assert (tmp_path / "theirs").read_text() == "theirs\n"


def test_a_directory_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "cron").mkdir()
    with pytest.raises(files.RefusedError, match="cron is a directory: move it away"):
        files.changes([a_file(tmp_path / "cron")], dry=False)


def test_a_place_that_cannot_be_written_is_named_with_the_reason(tmp_path: Path) -> None:
    [change] = files.changes([a_file(tmp_path / "missing" / "cron")], dry=False)
    with pytest.raises(files.RefusedError) as refused:
        files.lay_down(change)
    assert str(refused.value) == f"{tmp_path}/missing/cron cannot be written: No such file or directory"
    (tmp_path / "cron").write_text("old\n")
    with pytest.raises(files.RefusedError, match="cron/x cannot be read: Not a directory"):
        files.changes([a_file(tmp_path / "cron" / "x")], dry=False)


def test_what_is_to_be_absent_goes_and_is_no_change_where_it_is_not(tmp_path: Path) -> None:
    gone = a_file(tmp_path / "unit", state="absent", content="")
    assert lay_down(gone) == []
    (tmp_path / "unit").write_text("x")
    assert lay_down(gone) == [str(tmp_path / "unit")]
    assert os.listdir(tmp_path) == []


def test_one_that_would_not_do_is_named_with_the_reason_and_no_temporary_path(tmp_path: Path) -> None:
    wanted = a_file(tmp_path / "sudoers", validate="echo 'syntax error in %s' >&2; exit 1")
    with pytest.raises(files.RefusedError) as refused:
        files.validate(wanted, shell)
    path = tmp_path / "sudoers"
    assert str(refused.value) == f"nothing was changed, for {path} would not do: syntax error in {path}"
    assert os.listdir(tmp_path) == []


def test_what_is_validated_is_what_would_be_laid_down(tmp_path: Path) -> None:
    files.validate(a_file(tmp_path / "cron", validate="grep -qx new %s"), shell)
    with pytest.raises(files.RefusedError):
        files.validate(a_file(tmp_path / "cron", content="other\n", validate="grep -qx new %s"), shell)


def test_a_diff_shows_both_texts_and_of_a_file_with_secrets_none(tmp_path: Path) -> None:
    for name in ("open", "env"):
        (tmp_path / name).write_text("token=old\n")
        (tmp_path / name).chmod(0o644)
    wanted = [
        a_file(tmp_path / "open", content="token=new\n"),
        a_file(tmp_path / "env", content="token=new\n", secret=True),
    ]
    shown, hidden = (change.diff() for change in files.changes(wanted, dry=True))
    assert (shown["before"], shown["after"]) == ("token=old\n", "token=new\n")
    assert "token" not in str(hidden)
    assert str(tmp_path / "env") in hidden["prepared"]


def test_a_diff_of_a_mode_says_both(tmp_path: Path) -> None:
    (tmp_path / "cron").write_text("new\n")
    (tmp_path / "cron").chmod(0o600)
    [change] = files.changes([a_file(tmp_path / "cron")], dry=True)
    assert "mode 0600" in change.diff()["before"]
    assert "mode 0644" in change.diff()["after"]


def test_people_are_told_what_was_wrong_with_each(tmp_path: Path) -> None:
    for name in ("edited", "mode", "gone"):
        (tmp_path / name).write_text("new\n")
        (tmp_path / name).chmod(0o644)
    (tmp_path / "edited").write_text("old\n")
    (tmp_path / "mode").chmod(0o600)
    wanted = [a_file(tmp_path / name) for name in ("edited", "mode", "missing")]
    wanted.append(a_file(tmp_path / "gone", state="absent"))
    told = [change.reason().removeprefix(f"{tmp_path}/") for change in files.changes(wanted, dry=True)]
    assert told == [
        "edited: differs",
        "mode: has another owner, group or mode",
        "missing: missing",
        "gone: not to be there",
    ]


def test_a_dry_run_on_a_bare_host_tells_of_files_whose_directory_and_owner_are_to_come(
    tmp_path: Path,
) -> None:
    wanted = a_file(tmp_path / "missing" / "cron", owner="no-such-account")
    assert len(files.changes([wanted], dry=True)) == 1
    with pytest.raises(files.RefusedError, match="no-such-account"):
        files.changes([wanted], dry=False)


HEADER = "# Managed by"


def not_ours(tmp_path: Path) -> list[Any]:
    """What is to be done where one file of ours drifted, and another is somebody's."""
    (tmp_path / "ours").write_text(f"{HEADER} us\nold\n")
    (tmp_path / "theirs").write_text("mine\n")
    wanted = [a_file(tmp_path / name, f"{HEADER} us\nnew\n") for name in ("ours", "theirs")]
    found: list[Any] = files.changes(wanted, dry=False)
    return found


def test_a_file_that_is_not_ours_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(files.RefusedError, match=f"not put there by this role: {tmp_path}/theirs. Look at"):
        files.settled(not_ours(tmp_path), HEADER, "refuse")


def test_a_file_that_is_not_ours_may_stay(tmp_path: Path) -> None:
    done, replaced = files.settled(not_ours(tmp_path), HEADER, "keep")
    assert [change.file.path for change in done] == [str(tmp_path / "ours")]
    assert replaced == []


def test_a_file_that_is_not_ours_is_kept_beside_ours(tmp_path: Path) -> None:
    done, [replaced] = files.settled(not_ours(tmp_path), HEADER, "replace")
    files.put_aside(replaced, ".bak")
    for change in done:
        files.lay_down(change)
    assert (tmp_path / "theirs.bak").read_text() == "mine\n"
    assert (tmp_path / "theirs").read_text() == f"{HEADER} us\nnew\n"
    with pytest.raises(files.RefusedError, match=r"theirs\.bak is in the way"):
        files.put_aside(replaced, ".bak")
