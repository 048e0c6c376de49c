"""What is generated of the documents: `make docs` writes it, and a test says when it is stale.

README's tables, the roles' variable tables and docs/REPAIR_REFERENCE.md follow from the code that they
describe. In README a generated part stands between `<!-- NAME: written by make docs -->` and
`<!-- /NAME -->`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable

from sandbox.places import REPOSITORY
from sandbox.role_tables import ROLES, markdown_table, with_table

_TOOLS = REPOSITORY / "files/quantum_trader/tools"
if str(_TOOLS) not in sys.path:
    sys.path.insert(0, str(_TOOLS))

from qt_audit import commands  # noqa: E402
from qt_audit.delivery import channels  # noqa: E402
from qt_audit.settings.table import SETTINGS  # noqa: E402
from qt_repair.config.reference import document, kinds_table  # noqa: E402
from qt_repair.programs import PROGRAMS  # noqa: E402

README = REPOSITORY / "README.md"
REFERENCE = REPOSITORY / "files/quantum_trader/docs/REPAIR_REFERENCE.md"


def settings_table() -> str:
    """Every setting of audit.env."""
    return markdown_table(
        ("Setting", "Default", "Purpose"),
        (
            (
                f"`{one.name}`",
                f"`{one.default}`" if one.default else "",
                one.help + ("; a secret" if one.secret else ""),
            )
            for one in SETTINGS
        ),
    )


def commands_table() -> str:
    """Every command by its first example, in the order of the overview's groups."""
    modules = [commands.load(name) for name in commands.names()]
    rows = []
    for group in commands.GROUPS:
        for module in modules:
            if group == module.GROUP:
                rows.append((f"`{first_example(module.__doc__ or '')}`", module.HELP.replace("|", r"\|")))
    return markdown_table(("Command", ""), rows)


def first_example(help_text: str) -> str:
    """The first line under `examples:` of a command's help, without its comment. Raises ValueError."""
    found = re.search(r"^examples:\n  (.*?)(?:   .*)?$", help_text, re.MULTILINE)
    if found is None:
        raise ValueError("the help of a command ends with examples")
    return found[1].replace("|", r"\|")


def channels_table() -> str:
    """Every kind of channel, and how its address is written."""
    return markdown_table(
        ("Channel", "Address"), ((kind.SERVICES, kind.ADDRESS) for kind in channels.kinds())
    )


TABLES: dict[str, Callable[[], str]] = {
    "settings": settings_table,
    "commands": commands_table,
    "kinds": kinds_table,
    "channels": channels_table,
}


def with_tables(text: str) -> str:
    """README's text with each generated part as it is to be. Raises ValueError where one has no place."""
    for name, made in TABLES.items():
        begin, end = f"<!-- {name}: written by make docs -->\n", f"<!-- /{name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"README.md has no place for {name}: {begin.strip()} … {end}")
        text = f"{before}{begin}{made()}\n{end}{after}"
    return text


def documents() -> dict[str, str]:
    """Each document that is generated, or in part, as it is to be: by its path below the repository."""
    made = {README: with_tables(README.read_text()), REFERENCE: document(PROGRAMS)}
    for path in sorted(ROLES.glob("*/README.md")):
        made[path] = with_table(path.read_text(), path.parent.name)
    return {str(path.relative_to(REPOSITORY)): text for path, text in made.items()}


def main() -> None:
    """Write what is stale; say what was written."""
    stale = {name: text for name, text in documents().items() if (REPOSITORY / name).read_text() != text}
    for name, text in stale.items():
        (REPOSITORY / name).write_text(text)
        print(f"docs: {name}: written anew")
    if not stale:
        print("docs: all documents are up to date")


if __name__ == "__main__":
    main()
