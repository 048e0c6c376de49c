"""Module integrity check: each watched tree compiles, can be imported, and is as it was last accepted."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from qt_audit.record.place import Place
from qt_repair.weekly.module_tree import bytecode, imports
from qt_repair.weekly.module_tree.manifest import Manifest, Trees, accept, load_accepted
from qt_repair.weekly.module_tree.tree import compare, digests
from qt_repair.weekly.observation import Observation, PhaseError, count_text

MISSING = "name the directories to watch in phases.module_integrity.trees"
RELEASE = "current/"
"""The beginning of the paths, in the configuration, that a deploy replaces."""
REMEDY = (
    "Look at each file that is named. If the change was meant, take it as the new state with"
    " `weekly_self_heal.py --accept`; if not, deploy again."
)


def plan(settings: Mapping[str, Any]) -> list[str]:
    return [
        f"{tree['path']}: compiles{', imports' if tree['imports'] else ''}, is as it was accepted"
        for tree in settings["trees"]
    ]


def check(settings: Mapping[str, Any], home: str) -> Observation:
    deadline = time.monotonic() + settings["timeout"]
    present: dict[str, dict[str, str]] = {}
    problems: list[str] = []
    imported = 0
    for tree in settings["trees"]:
        root = os.path.realpath(os.path.join(home, tree["path"]))
        try:
            present[tree["path"]] = files = scan(tree, root)
        except PhaseError as error:
            problems.append(str(error))
            continue
        problems += bytecode.problems(root, sorted(files), tree["path"])
        if tree["imports"]:
            names = imports.modules(sorted(files), tree["not_imported"])
            left = max(1.0, deadline - time.monotonic() - 1)
            failed = imports.failed_imports(root, names, home, left)
            problems += [f"does not import: {name} ({tree['path']}): {why}" for name, why in failed]
            imported += len(names) - len(failed)
    manifest, differences, notes = _compare_with_accepted(
        Place(home, home=True), present, settings, not problems
    )
    count = sum(map(len, present.values()))
    details: dict[str, Any] = {"files": count, "imported": imported}
    if manifest is not None:
        details |= {"accepted": manifest.accepted, "manifest_sha256": manifest.digest}
    summary = f"{count_text(count, 'file')} in {count_text(len(present), 'tree')}"
    return Observation(
        f"{summary}, {count_text(imported, 'module')} imported", (*differences, *problems), notes, details
    )


def _compare_with_accepted(
    place: Place, present: Trees, settings: Mapping[str, Any], is_sound: bool
) -> tuple[Manifest | None, list[str], tuple[str, ...]]:
    """The accepted state, how the present one differs, and notes. The first faultless state is accepted."""
    try:
        manifest = load_accepted(place)
    except PhaseError as error:
        return None, [str(error)], ()
    if manifest is not None:
        return manifest, changes(manifest, present, settings), ()
    if not is_sound:
        return None, [], ("no state was accepted yet; the first one without a fault will be",)
    newly_accepted = accept(place, present, [], first=True)
    return newly_accepted, [], ("no state was accepted before: this one was taken as the first",)


def scan(tree: Mapping[str, Any], root: str) -> dict[str, str]:
    """The digests of a tree. Raises PhaseError if it does not exist or cannot be read."""
    if not os.path.isdir(root):
        raise PhaseError(f"{tree['path']} is no directory; correct phases.module_integrity.trees")
    try:
        return digests(root, tree["exclude"])
    except OSError as error:
        raise PhaseError(f"{error.filename or tree['path']}: cannot be read ({error.strerror})") from None


def changes(manifest: Manifest, present: Trees, settings: Mapping[str, Any]) -> list[str]:
    """How the present trees differ from the accepted ones, a line for each difference. Pure."""
    lines = []
    for tree in settings["trees"]:
        path = tree["path"]
        if path in present and path not in manifest.trees:
            lines.append(f"never accepted: {path}; look at it, then run `weekly_self_heal.py --accept`")
        elif path in present:
            lines += compare(manifest.trees[path], present[path], tree["exclude"]).lines(path)
    return lines


def accept_present(settings: Mapping[str, Any], home: str) -> tuple[Manifest, list[str]]:
    """Accept the present state. Returns it, and how it differs from the one before, a line each.

    Raises PhaseError, AuditError, OSError.
    """
    place = Place(home, home=True)
    present = {
        tree["path"]: scan(tree, os.path.realpath(os.path.join(home, tree["path"])))
        for tree in settings["trees"]
    }
    try:
        before = load_accepted(place)
        differences = changes(before, present, settings) if before is not None else ["the first state"]
    except PhaseError as error:
        differences = [str(error)]
    return accept(place, present, differences), differences


def accept_release(settings: Mapping[str, Any], home: str) -> tuple[Manifest, list[str]] | None:
    """After a deploy: accept the trees below current/ as they are now; the others stay as they were accepted.

    Returns None if nothing is accepted: no such tree is watched, none differs, or there is no accepted state
    yet, which the next validation will make. Raises PhaseError, AuditError, OSError.
    """
    place = Place(home, home=True)
    release_trees = [tree for tree in settings["trees"] if f"{tree['path']}/".startswith(RELEASE)]
    before = load_accepted(place) if release_trees else None
    if before is None:
        return None
    present = {
        tree["path"]: scan(tree, os.path.realpath(os.path.join(home, tree["path"]))) for tree in release_trees
    }
    differences = changes(before, present, settings)
    return (accept(place, {**before.trees, **present}, differences), differences) if differences else None
