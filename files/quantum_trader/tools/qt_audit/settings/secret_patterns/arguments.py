"""Secrets in a list of arguments: `["mysql", "--password", "X"]`; a name and its value as a pair."""

from __future__ import annotations

from qt_audit.settings.secret_patterns.basics import EXACT, REDACTED, TEXT, WEAK
from qt_audit.settings.secret_patterns.names import classify, is_harmless, looks_random
from qt_audit.settings.secret_patterns.options import is_secret_option
from qt_audit.settings.secret_patterns.programs import PROGRAMS, USER_FIRST


def secret_arguments(items: list[object]) -> dict[int, str]:
    """What to put in place of which items of an argument list. Looks at the text items alone."""
    instead: dict[int, str] = {}
    programs: list[str] = []
    waits = ""
    for number, item in enumerate(items):
        if not isinstance(item, str):
            waits = ""
            continue
        if waits and not (item.startswith("-") and waits != "glued"):
            shown = _shown_argument(item, waits)
            if shown is not None:
                instead[number] = shown
            waits = ""
            continue
        waits = ""
        base = item.rpartition("/")[2]
        if base in PROGRAMS and len(programs) < 20:
            programs.append(base)
        if not item.startswith("-") or len(item) < 2:
            continue
        if item.startswith("--") or len(item) > 3:
            name = item.lstrip("-")
            if "=" not in name and is_secret_option(name):
                waits = "value"
                continue
            if name in ("user", "proxy-user", "auth", "userpwd"):
                waits = "user"
                continue
        if not item.startswith("--"):
            waits = _short_argument(item, number, programs, instead)
    return instead


def _short_argument(item: str, number: int, programs: list[str], instead: dict[int, str]) -> str:
    for program in programs:
        options = PROGRAMS[program]
        place = options.find(item[1])
        if options == "pw" and item == "-pw":
            return "value"
        if place < 0 or options == "pw":
            continue
        is_glued_only = options[place + 1 : place + 2] == "+"
        if len(item) > 2:
            if is_glued_only or item[1] not in USER_FIRST:
                instead[number] = item[:2] + REDACTED
            else:
                shown = _shown_argument(item[2:], "user")
                if shown is not None:
                    instead[number] = item[:2] + shown
            return ""
        if not is_glued_only:
            return "user" if item[1] in USER_FIRST else "value"
    return ""


def _shown_argument(item: str, how: str) -> str | None:
    if how == "value":
        return None if is_harmless(item) else REDACTED
    for sign in ":%,":
        user, found, secret = item.partition(sign)
        if found and secret:
            return f"{user}{sign}{REDACTED}"
    return None


def is_named_pair(items: list[object]) -> bool:
    """Whether a list is a name of a secret and its value: `["password", "…"]`."""
    return (
        len(items) == 2
        and isinstance(items[0], str)
        and isinstance(items[1], str)
        and classify(items[0].lstrip("-")) in (WEAK, TEXT, EXACT)
        and looks_random(items[1])
    )
