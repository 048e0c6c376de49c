"""Modules and plugins of the collection, which are in no package of ours, loaded as modules to be tested."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from tests.support.checkout import ROOT

# Where the checkout is the collection, as Ansible itself finds it.
sys.path.append(str(ROOT / "playbooks" / "collections"))


def load(path: str) -> ModuleType:
    """The module at this path below the repository."""
    spec = importlib.util.spec_from_file_location(f"plugin_{Path(path).stem}", ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up by its name
    spec.loader.exec_module(module)
    return module
