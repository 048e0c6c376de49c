"""Find what is added by adding a folder or a module: kinds of repair, watches, channels, commands.

Reads names only; nothing is imported. Any package may import it.
"""

from __future__ import annotations

import os


def folders(package: str, module: str) -> tuple[str, ...]:
    """The sub-folders of a package's directory that hold this module, sorted. `package` is its `__file__`."""
    directory = os.path.dirname(os.path.abspath(package))
    names = (entry.name for entry in os.scandir(directory) if entry.is_dir())
    return tuple(sorted(name for name in names if os.path.isfile(f"{directory}/{name}/{module}")))


def modules(package: str) -> tuple[str, ...]:
    """The modules beside a package's `__file__`, sorted, without those whose names begin with `_`."""
    directory = os.path.dirname(os.path.abspath(package))
    names = (name.removesuffix(".py") for name in os.listdir(directory) if name.endswith(".py"))
    return tuple(sorted(name for name in names if not name.startswith("_")))
