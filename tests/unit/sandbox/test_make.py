"""The Makefile and its scripts refuse bad input in one line, before they set anything up."""

from __future__ import annotations

import os
import subprocess

import pytest

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
        "verify",
        "rollback",
        "remove",
        "demo",
        "test",
        "test-matrix",
        "test-sanity",
        "lint",
        "bench",
        "sandbox-up",
        "sandbox-shell",
        "sandbox-down",
        "clean",
    ):
        assert f"make {target} " in listed


@pytest.mark.parametrize("target", ["deploy", "verify", "rollback", "remove"])
def test_an_inventory_that_does_not_exist_is_named_and_nothing_is_started(target: str) -> None:
    done = _make(target, "INVENTORY=no/such 'place'")
    assert done.returncode != 0
    assert "INVENTORY=no/such 'place' does not exist" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            "INVENTRY=my-servers",
            "there is no variable INVENTRY: did you mean INVENTORY, ARGS or PYTEST_ARGS?",
        ),
        ("INVENTORY=", "INVENTORY is empty: name an inventory, or leave INVENTORY= out for the sandbox"),
        ("INVENTORY=  ", "INVENTORY is empty"),
    ],
)
def test_a_variable_that_would_deploy_to_the_sandbox_in_silence_is_refused(given: str, line: str) -> None:
    done = _make("deploy", given)
    assert done.returncode == 2
    assert line in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_make_names_the_settings_that_ansible_would_ignore_in_a_world_writable_checkout() -> None:
    said = _make("--eval", "settings: ; @echo $$ANSIBLE_CONFIG", "settings").stdout
    assert said.strip() == os.environ.get("ANSIBLE_CONFIG", str(ROOT / "ansible.cfg"))


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
