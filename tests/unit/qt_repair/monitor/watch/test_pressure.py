"""A threshold `pressure`: the kernel's pressure stall information."""

from __future__ import annotations

import pytest

from tests.support.monitoring import reading_watcher


def test_a_kernel_without_pressure_is_named() -> None:
    watcher = reading_watcher("pressure", resource="nothing", share="some", trigger=5, clear=1, window=2)
    with pytest.raises(ValueError, match=r"keeps no pressure \(PSI\)"):
        watcher.read()
    watcher.close()
