"""What all workers of one run of the tests share: each thing made once, and gone when the run is over."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox import life, places


@dataclass(frozen=True)
class WholeRun:
    """A directory for the run; the process that began the run holds the lock `held` as long as it lives."""

    directory: Path

    @classmethod
    @contextmanager
    def begin(cls) -> Iterator[WholeRun]:
        """Begin the run; at its end all that it made is removed, whatever happened meanwhile."""
        run = cls(Path(tempfile.mkdtemp(prefix="quantum-trader-tests-")))
        try:
            with places.locked(run.held):
                yield run
        finally:
            shutil.rmtree(run.directory, ignore_errors=True)
            if os.geteuid() == 0 and places.cache().is_dir():
                life.remove_abandoned()  # snapshots are held by the lock, which is gone

    @property
    def held(self) -> Path:
        """Locked as long as the run goes on; snapshots are kept for as long."""
        return self.directory / "held"

    def once(self, name: str, make: Callable[[Path], None]) -> Path:
        """The directory that `make` filled, by the worker that asked first; the others wait for it.

        What could not be made fails for all who ask, with the same words and without another try.
        """
        finished, failed = self.directory / name, self.directory / f"{name}.failed"
        with places.locked(self.directory / f"{name}.lock"):
            if failed.exists():
                pytest.fail(failed.read_text(), pytrace=False)
            if not (finished / "whole").exists():
                shutil.rmtree(finished, ignore_errors=True)
                finished.mkdir()
                try:
                    make(finished)
                except (Exception, pytest.fail.Exception) as error:
                    failed.write_text(f"{name} could not be made: {error}")
                    raise
                (finished / "whole").touch()
        return finished
