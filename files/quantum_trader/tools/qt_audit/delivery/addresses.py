"""The channels that the settings name, and what is wrong with the addresses that cannot be used.

An address is a secret: a problem says which of several it is, and never what it says.
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
    """What is said where no channel is set: which settings name one."""
    return f"no channel is set: {', '.join(CHANNELS[:-1])} or {CHANNELS[-1]} in config/audit.env"


def kinds_of(setting: str) -> list[ModuleType]:
    """The kinds of channels whose addresses a setting holds."""
    return [kind for kind in kinds() if setting == kind.SETTING]


def channels(settings: Values) -> list[Channel]:
    """The channels of all usable addresses, in the settings' order; one for an address given twice."""
    found: dict[str, Channel] = {}
    for name in CHANNELS:
        for _number, made in _channels(settings, name):
            if not isinstance(made, str):
                found.setdefault(made.name, made)
    return list(found.values())


def problems(settings: Values) -> list[str]:
    """What is wrong with the addresses and what belongs to them: one line each, the setting's name first."""
    found: list[str] = []
    for name in CHANNELS:
        seen: dict[str, int] = {}
        for number, made in _channels(settings, name):
            if isinstance(made, str):
                found.append(f"{name} address {number} {made}")
            elif seen.setdefault(made.name, number) != number:
                found.append(f"{name} address {number} is address {seen[made.name]} again; remove one")
    if settings[HEARTBEAT]:
        try:
            checked(settings[HEARTBEAT])
        except AddressError as error:
            found.append(f"{HEARTBEAT} {error}")
    return [*found, *(problem for kind in kinds() for problem in kind.problems(settings))]


def heartbeat(settings: Values) -> str:
    """The heartbeat's address; empty where there is none that can be used."""
    try:
        return checked(settings[HEARTBEAT]).geturl() if settings[HEARTBEAT] else ""
    except AddressError:
        return ""


def _channels(settings: Values, setting: str) -> Iterator[tuple[int, Channel | str]]:
    """Each address of a setting by its number: its channel, or what is wrong with it."""
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
    """The kind of an address, and the address without the kind before it. Raises AddressError."""
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
    raise AddressError(f"is of no kind that its host tells; write {prefixes} before it")
