"""The texts of messages, from messages.ini beside this module."""

from __future__ import annotations

import os
from configparser import ConfigParser
from functools import lru_cache

_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "messages.ini")


def text_of(kind: str, key: str, **facts: object) -> str:
    """The text `key` of a kind of message, with the facts filled in. Raises KeyError if a fact is missing."""
    return _texts()[kind][key].format_map(facts)


@lru_cache(maxsize=1)
def _texts() -> ConfigParser:
    texts = ConfigParser(interpolation=None)
    with open(_FILE, encoding="utf-8") as file:
        texts.read_file(file)
    return texts
