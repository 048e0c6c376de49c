"""Check the address of a receiver before anything is sent there. No error repeats the address."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|[0-9a-fA-F:.]{2,45}")


class AddressError(ValueError):
    """An address cannot be used. The text continues `address 2 …` and contains no part of the address."""


def checked(url: str) -> SplitResult:
    """The parts of an address, which must be https, or http to this machine. Raises AddressError."""
    if not url.isascii() or not url.isprintable() or " " in url:
        raise AddressError("must be one address in plain ASCII")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressError("is not an address such as https://chat.example.com/hooks/…") from None
    if parts.scheme not in ("http", "https") or (
        parts.scheme == "http" and not is_this_machine(parts.hostname)
    ):
        raise AddressError("must begin with https://")
    if not parts.hostname or port == 0 or not is_host(parts.hostname):
        raise AddressError("must name a host after https://")
    if "@" in parts.netloc:
        raise AddressError("must hold no user name or password before its host")
    if parts.fragment or url.endswith((",", ";")):
        raise AddressError("must end without # , or ; (several addresses are separated by blanks)")
    return parts


def is_host(text: str) -> bool:
    """Whether a text is a host's name or IP address by its characters; nothing is looked up."""
    return _HOST.fullmatch(text) is not None


def is_this_machine(host: str | None) -> bool:
    """Whether a host is this machine, so that nothing crosses the network."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
