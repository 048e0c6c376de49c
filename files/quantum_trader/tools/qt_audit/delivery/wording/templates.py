"""The texts of messages, from messages.ini beside this module."""

from __future__ import annotations

import os
from configparser import ConfigParser
from functools import lru_cache

_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "messages.ini")


def say(kind: str, key: str, **facts: object) -> str:
    """A text of one kind of message, with the facts put in. Raises KeyError where it wants another fact."""
    return _texts()[kind][key].format_map(facts)


@lru_cache(maxsize=1)
def _texts() -> ConfigParser:
    texts = ConfigParser(interpolation=None)
    with open(_FILE, encoding="utf-8") as file:
        texts.read_file(file)
    return texts
