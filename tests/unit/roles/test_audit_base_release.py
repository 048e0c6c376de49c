"""How a release is read and named on the controller."""

from __future__ import annotations

import base64
import io
import tarfile
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.plugins import load

release = load("plugins/action/audit_base_release.py")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("tools/qt_audit/__init__.py", "tools/face.py", "scripts/run.sh", "docs/GUIDE.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}\n")
    (tmp_path / "scripts/run.sh").chmod(0o755)
    return tmp_path


def named(tree: Path) -> str:
    text: str = release.listing(release.read_tree(tree))
    return text


def test_every_file_has_a_line_with_mode_hash_and_path_in_order_of_paths(tree: Path) -> None:
    rows = [line.split(" ", 2) for line in named(tree).splitlines()]
    assert [(mode, path) for mode, _hash, path in rows] == [
        ("0640", "docs/GUIDE.md"),
        ("0750", "scripts/run.sh"),
        ("0640", "tools/face.py"),
        ("0640", "tools/qt_audit/__init__.py"),
    ]
    assert all(len(digest) == 64 for _mode, digest, _path in rows)


def test_the_umask_of_the_checkout_makes_no_other_release(tree: Path) -> None:
    before = named(tree)
    (tree / "tools/face.py").chmod(0o600)
    (tree / "scripts/run.sh").chmod(0o700)
    assert named(tree) == before


@pytest.mark.parametrize(
    "noise",
    ["tools/__pycache__/face.cpython-311.pyc", "tools/.face.py.swp", "docs/.cache/x", "tools/old.pyc"],
)
def test_compiled_and_hidden_files_stay_behind(tree: Path, noise: str) -> None:
    before = named(tree)
    (tree / noise).parent.mkdir(parents=True, exist_ok=True)
    (tree / noise).write_text("noise")
    assert named(tree) == before


def test_content_mode_and_name_each_make_another_release(tree: Path) -> None:
    listings = [named(tree)]
    (tree / "tools/face.py").write_text("other")
    listings.append(named(tree))
    (tree / "tools/face.py").chmod(0o755)
    listings.append(named(tree))
    (tree / "tools/face.py").rename(tree / "tools/visage.py")
    listings.append(named(tree))
    assert len(set(listings)) == 4


def test_the_archive_holds_every_file_as_it_is(tree: Path) -> None:
    packed = base64.b64decode(release.pack(release.read_tree(tree)))
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        names = archive.getnames()
        face = archive.extractfile("tools/face.py")
        assert face is not None
        assert face.read() == b"content of tools/face.py\n"
    assert len(names) == 4


def test_a_link_in_the_tree_is_refused_by_name(tree: Path) -> None:
    (tree / "tools/link.py").symlink_to("face.py")
    with pytest.raises(release.ReleaseError, match=r"tools/link\.py is neither a file nor a directory"):
        release.read_tree(tree)


def test_a_tree_without_tools_is_refused(tmp_path: Path) -> None:
    with pytest.raises(release.ReleaseError, match="tools is missing or empty"):
        release.read_tree(tmp_path)


@pytest.mark.parametrize("name", ["tools/ä.py", "tools/a\nb.py", "tools/a\\b.py"])
def test_a_name_that_a_manifest_cannot_hold_is_refused(tree: Path, name: str) -> None:
    (tree / name).write_text("x")
    with pytest.raises(release.ReleaseError, match="printable ASCII"):
        release.read_tree(tree)


def test_what_this_repository_delivers_can_be_released() -> None:
    paths = [file.path for file in release.read_tree(ROOT / "files" / "quantum_trader")]
    assert "tools/audit_logger.py" in paths
    assert "scripts/install_audit_cron_user.sh" in paths


def test_what_is_left_out_is_no_part_of_the_release(tree: Path) -> None:
    paths = [file.path for file in release.read_tree(tree, ["tools/face.py"])]
    assert paths == ["docs/GUIDE.md", "scripts/run.sh", "tools/qt_audit/__init__.py"]
