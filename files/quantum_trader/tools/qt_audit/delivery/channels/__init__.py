"""One module for each kind of channel. It writes a message in the channel's format and sends it.

A module in this directory is found by itself. It has:

    SETTING              the setting that holds its addresses: a row of qt_audit/settings/table.py
    KIND                 one word; a channel's name begins with it: `discord-3f9a1c`
    SERVICES, ADDRESS    its row in README's table (Markdown): what it reaches, and how to write its address
    channel(address, settings) -> Channel | None
                         None while another setting that it needs is wrong
                         raises AddressError for an address that cannot be used
    problems(settings) -> list[str]
                         one line for each other setting of it that is wrong; the setting's name comes first
    recognises(parts) -> bool
                         only if several kinds share one SETTING: whether an address without the prefix
                         `KIND+` is of this kind; raises AddressError for an incomplete address

Only `delivery` imports this.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from qt_audit import discovery


def kinds() -> tuple[ModuleType, ...]:
    """The modules of all kinds of channels, sorted by name."""
    return tuple(importlib.import_module(f"{__name__}.{name}") for name in discovery.modules(__file__))
