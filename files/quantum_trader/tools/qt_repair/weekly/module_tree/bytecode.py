"""Check that each module compiles, and that Python's bytecode cache fits its source.

Python runs a cached `.pyc` instead of the source as long as the source's size and time fit. Whoever alters
only the cache alters what runs, and no digest of the source shows it.
"""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Iterator, Sequence
from importlib.machinery import SourcelessFileLoader
from types import CodeType

_HEADER = 16
_HASHED, _CHECKED = 1, 2


def problems(root: str, paths: Sequence[str], above: str) -> Iterator[str]:
    """What is wrong with the modules below `root`, a line each; `above` is the tree's name for people."""
    for path in paths:
        if path.endswith(".py"):
            yield from _problems(f"{root}/{path}", f"{above}/{path}")


def _problems(path: str, name: str) -> Iterator[str]:
    try:
        with open(path, "rb") as file:
            source = file.read()
            status = os.fstat(file.fileno())
    except OSError as error:
        yield f"not readable: {name} ({error.strerror})"
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = compile(source, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        where = f", line {error.lineno}" if error.lineno else ""
        yield f"does not compile: {name}{where}: {error.msg}"
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        yield f"does not compile: {name}: {error or type(error).__name__}"
    else:
        cached = _cached(path, source, status)
        if cached is not None and cached != code:
            cache = importlib.util.cache_from_source(name)
            yield f"altered cache: {cache} is not what {name} says; remove it"


def _cached(path: str, source: bytes, status: os.stat_result) -> CodeType | str | None:
    """The cached code that Python would run instead of the source; None if it would not use the cache."""
    cache = importlib.util.cache_from_source(path)
    try:
        with open(cache, "rb") as file:
            data = file.read(_HEADER)
    except OSError:
        return None
    if data[:4] != importlib.util.MAGIC_NUMBER or len(data) < _HEADER:
        return None
    flags = int.from_bytes(data[4:8], "little")
    if not flags & _HASHED:
        time_and_size = b"".join(
            (n & 0xFFFFFFFF).to_bytes(4, "little") for n in (int(status.st_mtime), status.st_size)
        )
        used = data[8:16] == time_and_size
    else:
        used = not flags & _CHECKED or data[8:16] == importlib.util.source_hash(source)
    if not used:
        return None
    try:
        return SourcelessFileLoader("cached", cache).get_code("cached")
    except (ImportError, EOFError, ValueError, TypeError):
        return "no code"
