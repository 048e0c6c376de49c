"""Find kinds of repair, watches, channels and commands by the names of their folders or modules.

It imports nothing. Any package may import it.
"""

from __future__ import annotations

import os


def folders(package: str, module: str) -> tuple[str, ...]:
    """The names of a package's folders that contain the file `module`, sorted.

    `package` is the package's `__file__`.
    """
    directory = os.path.dirname(os.path.abspath(package))
    names = (entry.name for entry in os.scandir(directory) if entry.is_dir())
    return tuple(sorted(name for name in names if os.path.isfile(f"{directory}/{name}/{module}")))


def modules(package: str) -> tuple[str, ...]:
    """The names of a package's modules that do not begin with `_`, sorted.

    `package` is the package's `__file__`.
    """
    directory = os.path.dirname(os.path.abspath(package))
    names = (name.removesuffix(".py") for name in os.listdir(directory) if name.endswith(".py"))
    return tuple(sorted(name for name in names if not name.startswith("_")))
