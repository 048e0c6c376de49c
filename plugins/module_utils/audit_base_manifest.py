"""A release as the controller lists it: its files, its name, its manifest and its links."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass

MANIFEST = "MANIFEST.sha256"


@dataclass(frozen=True)
class Wanted:
    """A file as the release has it."""

    mode: int
    sha256: str


class Release:
    """The files of a release, by path; its name follows from them."""

    def __init__(self, listing: str) -> None:
        lines = [line.split(" ", 2) for line in listing.splitlines()]
        self.name = hashlib.sha256(listing.encode("ascii")).hexdigest()[:12]
        self.manifest = "".join(f"{sha256}  {path}\n" for _, sha256, path in lines).encode("ascii")
        self.files = {path: Wanted(int(mode, 8), sha256) for mode, sha256, path in lines}
        self.files[MANIFEST] = Wanted(0o640, hashlib.sha256(self.manifest).hexdigest())
        self.directories = sorted({parent for path in self.files for parent in _parents(path)})
        entries = {tuple(path.split("/")[:2]) for path in self.files if "/" in path}
        self.links = {f"{part}/{name}": f"../current/{part}/{name}" for part, name in sorted(entries)}

    def contents(self, archive: str) -> dict[str, bytes]:
        """What is in each file, from the archive that the controller sent."""
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(archive))) as tar:
            found = {member.name: tar.extractfile(member) for member in tar.getmembers()}
            contents = {path: file.read() for path, file in found.items() if file is not None}
        return {**contents, MANIFEST: self.manifest}


def _parents(path: str) -> Iterator[str]:
    """Every directory above a path, "" (the release itself) first."""
    parts = path.split("/")[:-1]
    return ("/".join(parts[:count]) for count in range(len(parts) + 1))
