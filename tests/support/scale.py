"""How long the storms of the tests are: short in `make test`, ten times as long in `make test-long`."""

from __future__ import annotations

import os

STORM = int(os.environ.get("QT_TEST_STORM", "1"))
"""How many times as many kills, cuts and rounds as `make test` plays."""
