"""Options that several commands have."""

from __future__ import annotations

import argparse

from qt_audit.record.reserved import refusal


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="answer in JSON")


def add_details(parser: argparse.ArgumentParser, source: str) -> None:
    """--source and --detail, for commands that record something; `source` where none is given."""
    parser.add_argument(
        "--source",
        default=source,
        type=_source,
        metavar="S",
        help=f"the program it is about (default: {source})",
    )
    parser.add_argument(
        "--detail",
        action="append",
        default=[],
        type=_detail,
        metavar="KEY=VALUE",
        help="add to the details; repeatable",
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
