"""The accepted state of the watched trees, in status/repair/manifest.json, and its proof in the record.

The manifest holds the SHA-256 of each file; the entry that accepted it holds the manifest's own digest. So
neither can be replaced alone: if somebody alters a module and the manifest, the record shows it, and `verify`
checks the record.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qt_audit.reading.history import History
from qt_audit.record.entry import Entry, now
from qt_audit.record.place import Place
from qt_audit.record.state_directory import StateDirectory
from qt_audit.recorder import action
from qt_repair.weekly.observation import PhaseError, count_text, limited_list

SOURCE = "weekly_self_heal"
DIRECTORY, NAME, _LOCK = "repair", "manifest.json", ".manifest.lock"
_LOCK_TIMEOUT = 10.0
_SENTENCE = "Weekly self-heal: Accepted the present state of the watched modules"
_INTENT = "Weekly self-heal: Accepting the present state of the watched modules"
_REMEDY = "look at the modules, then run `weekly_self_heal.py --accept`"

Trees = Mapping[str, Mapping[str, str]]
"""Path of a tree in the configuration -> path of a file in the tree -> digest of the file."""


@dataclass(frozen=True)
class Manifest:
    """An accepted state."""

    accepted: str
    """The time, as entries write times. The entry that accepted it is not earlier."""
    trees: Trees

    @property
    def digest(self) -> str:
        """Its own digest, which is in the entry that accepted it."""
        return hashlib.sha256(json.dumps(self.trees, sort_keys=True).encode("ascii")).hexdigest()

    def encoded(self) -> bytes:
        plain = {"accepted": self.accepted, "digest": self.digest, "trees": self.trees}
        return (json.dumps(plain, indent=1, sort_keys=True) + "\n").encode("ascii")


def decode(data: bytes) -> Manifest:
    """The manifest that these bytes hold. Raises ValueError. Pure."""
    try:
        plain = json.loads(data)
        trees = {
            tree: {str(path): str(found) for path, found in files.items()}
            for tree, files in plain["trees"].items()
        }
        return Manifest(str(plain["accepted"]), trees)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a manifest ({type(error).__name__})") from None


def load_accepted(place: Place) -> Manifest | None:
    """The state that was last accepted, confirmed by the record; None if none ever was.

    Raises PhaseError if manifest and record disagree, OSError if one of them cannot be read.
    """
    with StateDirectory(place, _LOCK_TIMEOUT, DIRECTORY, _LOCK) as store:
        data = store.read(NAME)
        path = f"{store.path}/{NAME}"
    if data is None:
        entry = _accepting_entry(place, "")
        if entry is not None:
            raise PhaseError(f"{path} is gone, though entry {entry.seq} accepted a state; {_REMEDY}")
        return None
    try:
        manifest = decode(data)
    except ValueError as error:
        raise PhaseError(f"{path}: {error}; {_REMEDY}") from None
    entry = _accepting_entry(place, manifest.accepted)
    if entry is None:
        first = History(place).first()
        if first is None or first.ts <= manifest.accepted:
            raise PhaseError(f"{path} is not what any entry of the record accepted; {_REMEDY}")
    elif entry.details.get("manifest_sha256") != manifest.digest:
        raise PhaseError(f"{path} is not the state that entry {entry.seq} accepted; {_REMEDY}")
    return manifest


def accept(place: Place, trees: Trees, changes: list[str], first: bool = False) -> Manifest:
    """Accept a state, recorded before and after. `changes` says how it differs, a line each.

    Raises AuditError, and accepts nothing, if it cannot be recorded; OSError if it cannot be written.
    """
    manifest = Manifest(now(), trees)
    files = sum(map(len, trees.values()))
    details: dict[str, Any] = {
        "manifest_sha256": manifest.digest,
        "trees": sorted(trees),
        "files": files,
        **({"first": True} if first else {"changes": limited_list(changes)}),
    }
    sentence = f"{_SENTENCE} ({count_text(files, 'file')} in {count_text(len(trees), 'tree')})"
    with (
        action(sentence, intent=_INTENT, source=SOURCE, details=details, required=True),
        StateDirectory(place, _LOCK_TIMEOUT, DIRECTORY, _LOCK) as store,
    ):
        store.write(NAME, manifest.encoded())
    return manifest


def _accepting_entry(place: Place, since: str) -> Entry | None:
    """The last entry since this time that accepted a state."""
    source, words = f'"source":"{SOURCE}"'.encode("ascii"), _SENTENCE.encode("ascii")
    found = None
    for entry in History(place).window(since, line_filter=lambda line: words in line and source in line):
        if entry.source == SOURCE and entry.outcome == "succeeded" and entry.action.startswith(_SENTENCE):
            found = entry
    return found
