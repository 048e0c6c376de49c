"""The Makefile and its scripts refuse bad input in one line, before they set anything up."""

from __future__ import annotations

import os
import subprocess

from tests.support.checkout import ROOT


def _make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],
        cwd=ROOT, env={**os.environ, **environment}, check=False, capture_output=True, text=True,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_make_alone_lists_every_target_with_what_it_does() -> None:
    listed = _make().stdout
    for target in (
        "deploy",
        "demo",
        "test",
        "lint",
        "bench",
        "sandbox-up",
        "sandbox-shell",
        "sandbox-down",
        "clean",
    ):
        assert f"make {target} " in listed


def test_an_inventory_that_does_not_exist_is_named_and_nothing_is_started() -> None:
    done = _make("deploy", "INVENTORY=no/such 'place'")
    assert done.returncode != 0
    assert "INVENTORY=no/such 'place' does not exist" in done.stderr
    assert done.stdout == ""


def test_a_package_that_is_there_is_not_installed_again() -> None:
    done = subprocess.run(
        ["sandbox/packages.sh", "coreutils", "bash"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == ""


def test_every_requirement_is_pinned_to_one_version() -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins
    assert all("==" in line and "*" not in line for line in pins)
