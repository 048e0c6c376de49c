"""Options that several commands share."""

from __future__ import annotations

import argparse

from qt_audit.record.reserved import refusal


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_details(parser: argparse.ArgumentParser, source: str) -> None:
    """Add --source and --detail, for commands that record entries. `source` is the default of --source."""
    parser.add_argument(
        "--source",
        default=source,
        type=_source,
        metavar="S",
        help=f"program that the entry is about (default: {source})",
    )
    parser.add_argument(
        "--detail",
        action="append",
        default=[],
        type=_detail,
        metavar="KEY=VALUE",
        help="add a detail to the entry; repeatable",
    )


def _source(text: str) -> str:
    if refused := refusal(text, ()):
        raise argparse.ArgumentTypeError(refused)
    return text


def _detail(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError("write it as KEY=VALUE")
    if refused := refusal("", (key,)):
        raise argparse.ArgumentTypeError(refused)
    return key, value
