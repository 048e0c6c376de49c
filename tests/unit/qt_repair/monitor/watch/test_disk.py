"""A threshold `disk`: the used space of a mount."""

from __future__ import annotations

import subprocess

from qt_repair.monitor.thresholds import UNKNOWN
from tests.support.monitoring import reading_watcher


def test_it_is_read_as_df_does() -> None:
    reading = reading_watcher("disk", mount="/", trigger=1000, clear=999).read()
    df = subprocess.run(["df", "--output=pcent", "/"], capture_output=True, text=True, check=True)
    shown = df.stdout.split()[-1].rstrip("%")
    assert isinstance(reading.value, float)
    assert reading.value <= float(shown if shown != "-" else 0) + 1


def test_where_nothing_is_mounted_the_state_is_unknown() -> None:
    reading = reading_watcher("disk", mount="/usr/bin", trigger=90, clear=80).read()
    assert (reading.level, reading.text) == (
        UNKNOWN,
        "/usr/bin is not a mount point: mount it, or correct the threshold",
    )
