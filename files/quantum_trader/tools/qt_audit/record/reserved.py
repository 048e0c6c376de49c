"""What only the record itself may write: sources and keys of details that `verify` and `adopt` believe. Pure.

`verify` takes an entry of `audit_archive` with `removed` for the word of retention, and `adopt` goes on where
its own entries end. What a program gives under these names, or what comes back from a fallback place, which
the account can write, is recorded under other ones: `claimed:audit_archive`, `removed_given`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

RECORD_SOURCE = "audit_record"
"""`source` of the entries about the record itself."""
ARCHIVE_SOURCE = "audit_archive"
"""`source` of the entries about retention."""
IMPORT_SOURCE = "imported"
"""`source` of the entries of an adopted log."""
RESERVED_SOURCES = (RECORD_SOURCE, ARCHIVE_SOURCE, "audit_adoption", IMPORT_SOURCE)
RESERVED_KEYS = ("removed", "retention", "imported_from", "imported_line", "imported_time")
_CLAIMED = "claimed:"
_GIVEN = "_given"


def refusal(source: str, keys: Mapping[str, Any] | tuple[str, ...]) -> str:
    """Why a program may not give this source or these keys of details, in one line; "" if it may."""
    if source in RESERVED_SOURCES:
        return f"the source {source} is the record's own; name your program instead"
    for key in RESERVED_KEYS:
        if key in keys:
            return f"the detail `{key}` is the record's own; give it another name"
    return ""


def claimed_source(source: str) -> str:
    """The source under which a program's entry is recorded: another one than the record's own."""
    return _CLAIMED + source if source in RESERVED_SOURCES else source


def given_details(details: Mapping[str, Any]) -> dict[str, Any]:
    """The details with other names for the keys that are the record's own."""
    return {key + _GIVEN if key in RESERVED_KEYS else key: value for key, value in details.items()}
