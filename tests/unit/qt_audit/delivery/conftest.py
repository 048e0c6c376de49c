"""Fixtures that several unit tests of the delivery use."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.delivering import RecordingChannel, StartVps, Vps


@pytest.fixture
def start_vps(tmp_path: Path) -> StartVps:
    """A function that returns an installation whose delivery has run once."""

    def start(*channels: RecordingChannel, rules: str = "", quiet: str = "") -> Vps:
        vps = Vps(tmp_path / "home", *channels, rules=rules, quiet=quiet)
        vps.write("System check", "info")
        vps.deliver()
        return vps

    return start
