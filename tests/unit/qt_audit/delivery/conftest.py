"""What several unit tests ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.delivering import Begin, RecordingChannel, Vps


@pytest.fixture
def begun(tmp_path: Path) -> Begin:
    """An installation whose delivery has run once."""

    def begin(*channels: RecordingChannel, rules: str = "", quiet: str = "") -> Vps:
        vps = Vps(tmp_path / "home", *channels, rules=rules, quiet=quiet)
        vps.write("System check", "info")
        vps.deliver()
        return vps

    return begin
