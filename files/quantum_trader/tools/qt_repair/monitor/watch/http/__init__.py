"""An HTTP address: whether it answers as expected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qt_repair.host.http import display_url


def default_name(settings: Mapping[str, Any]) -> str:
    """The address without its query, which may hold a secret."""
    return display_url(settings["url"])
