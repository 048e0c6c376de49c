"""One module a kind of channel, found by being here: each turns a message into its own form and sends it.

A module has:

    SETTING              the setting whose addresses it takes: one row of qt_audit/settings/table.py
    KIND                 one word; a channel's name begins with it: `discord-3f9a1c`
    SERVICES, ADDRESS    its row in README's table: what it reaches, and how its address is written (Markdown)
    channel(address, settings) -> Channel, or None while settings beside it are wrong
                         raises AddressError for an address that it cannot use
    problems(settings) -> list[str]
                         what is wrong in the settings beside its addresses, the setting's name first
    recognises(parts) -> bool
                         only where several kinds share one SETTING: whether an address without KIND+
                         before it is of this kind; raises AddressError for one that is incomplete

Only `delivery` imports this.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from qt_audit import discovery


def kinds() -> tuple[ModuleType, ...]:
    """All kinds of channels, by their module's names."""
    return tuple(importlib.import_module(f"{__name__}.{name}") for name in discovery.modules(__file__))
