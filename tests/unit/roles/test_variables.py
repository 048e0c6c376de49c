"""A role's public variables: defaults and argument specs say the same."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from sandbox.role_tables import ROLES, options

ROLE_NAMES = sorted(path.name for path in ROLES.iterdir() if path.is_dir())
_COMMENTED = re.compile(r"((?:^# .+\n)+)^([a-z_]+):", re.MULTILINE)


def defaults(role: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROLES / role / "defaults" / "main.yml").read_text())
    return loaded


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_each_default_is_an_option_with_the_same_default(role: str) -> None:
    assert defaults(role) == {name: option["default"] for name, option in options(role).items()}


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_each_default_has_the_options_description_above_it(role: str) -> None:
    text = (ROLES / role / "defaults" / "main.yml").read_text()
    comments = {
        name: " ".join(comment.replace("# ", "").split()) for comment, name in _COMMENTED.findall(text)
    }
    assert comments == {name: option["description"] for name, option in options(role).items()}


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_a_public_variable_bears_the_roles_name_and_an_internal_one_two_underscores(role: str) -> None:
    internal: dict[str, Any] = yaml.safe_load((ROLES / role / "vars" / "main.yml").read_text())
    assert [name for name in defaults(role) if not name.startswith(f"{role}_")] == []
    assert [name for name in internal if not name.startswith(f"__{role}_")] == []


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_what_may_hold_a_secret_is_of_a_type_whose_errors_do_not_print_it(role: str) -> None:
    """Ansible prints the value of an option that fails its check, whatever no_log says."""
    secret = re.compile("webhook|password|secret|token|settings")
    kinds = {option["type"] for name, option in options(role).items() if secret.search(name)}
    assert kinds <= {"str", "raw"}
    assert not any("choices" in option for name, option in options(role).items() if secret.search(name))
