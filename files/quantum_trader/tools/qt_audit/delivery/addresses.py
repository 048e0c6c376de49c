"""The channels that the settings name, and the problems of addresses that cannot be used.

An address is a secret. A problem gives its number within the setting, never the address itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

from qt_audit.delivery.channels import kinds
from qt_audit.delivery.message import Channel, Values
from qt_audit.delivery.transport.web_address import AddressError, checked
from qt_audit.settings.table import CHANNELS

HEARTBEAT = "QT_HEARTBEAT_URL"


def no_channel() -> str:
    """The line for people when no channel is set. It names the settings that set one."""
    return f"no channel is set: {', '.join(CHANNELS[:-1])} or {CHANNELS[-1]} in config/audit.env"


def kinds_of(setting: str) -> list[ModuleType]:
    """The modules of the kinds of channels whose addresses a setting holds."""
    return [kind for kind in kinds() if setting == kind.SETTING]


def channels(settings: Values) -> list[Channel]:
    """The channels of all usable addresses, in the settings' order. A repeated address gives one channel."""
    by_name: dict[str, Channel] = {}
    for setting in CHANNELS:
        for _number, channel in _channels(settings, setting):
            if not isinstance(channel, str):
                by_name.setdefault(channel.name, channel)
    return list(by_name.values())


def problems(settings: Values) -> list[str]:
    """The problems of all addresses and of the settings that belong to them.

    One line each, the setting's name first.
    """
    lines: list[str] = []
    for setting in CHANNELS:
        seen: dict[str, int] = {}
        for number, channel in _channels(settings, setting):
            if isinstance(channel, str):
                lines.append(f"{setting} address {number} {channel}")
            elif seen.setdefault(channel.name, number) != number:
                lines.append(f"{setting} address {number} is address {seen[channel.name]} again; remove one")
    if settings[HEARTBEAT]:
        try:
            checked(settings[HEARTBEAT])
        except AddressError as error:
            lines.append(f"{HEARTBEAT} {error}")
    return [*lines, *(problem for kind in kinds() for problem in kind.problems(settings))]


def heartbeat(settings: Values) -> str:
    """The heartbeat's address; empty if none is set or it cannot be used."""
    try:
        return checked(settings[HEARTBEAT]).geturl() if settings[HEARTBEAT] else ""
    except AddressError:
        return ""


def _channels(settings: Values, setting: str) -> Iterator[tuple[int, Channel | str]]:
    """Each address of a setting: its number from 1 on, and its channel or a text that says its problem."""
    of_setting = kinds_of(setting)
    split = getattr(of_setting[0], "addresses", str.split)
    for number, word in enumerate(split(settings[setting]), 1):
        try:
            kind, address = _kind(word, of_setting)
            channel = kind.channel(address, settings)
        except AddressError as error:
            yield number, str(error)
        else:
            if channel is not None:
                yield number, channel


def _kind(word: str, of_setting: list[ModuleType]) -> tuple[ModuleType, str]:
    """The kind of an address, and the address without the prefix `KIND+`. Raises AddressError."""
    if len(of_setting) == 1:
        return of_setting[0], word
    prefix, plus, rest = word.partition("+http")
    address = f"http{rest}" if plus else word
    named = [kind for kind in of_setting if plus and prefix.lower() == kind.KIND]
    *others, last = (f"{kind.KIND}+" for kind in of_setting)
    prefixes = f"{', '.join(others)} or {last}"
    if plus and not named:
        raise AddressError(f"has an unknown kind before its +; write {prefixes}")
    parts = checked(address)
    for kind in named or of_setting:
        if named or kind.recognises(parts):
            return kind, address
    raise AddressError(f"has a host that does not tell its kind; write {prefixes} before it")
