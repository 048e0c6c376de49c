"""A TCP port: whether it accepts connections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def default_name(settings: Mapping[str, Any]) -> str:
    """Such as `tcp 127.0.0.1:5432`."""
    return f"tcp {settings['host']}:{settings['port']}"
