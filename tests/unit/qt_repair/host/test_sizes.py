"""Amounts of storage, for people and from programs."""

from __future__ import annotations

import pytest

from qt_repair.host.sizes import format_bytes, parse_bytes


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0 B"),
        (-5, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9_960_000, "10 MB"),
        (12_345_678, "12 MB"),
        (999_960_000, "1.0 GB"),
        (1_200_000_000, "1.2 GB"),
        (2.3e9, "2.3 GB"),
        (5e15, "5.0 PB"),
        (5e18, "5000 PB"),
    ],
)
def test_an_amount_is_said_with_two_or_three_digits(amount: float, text: str) -> None:
    assert format_bytes(amount) == text


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0B", 0),
        ("62B", 62),
        ("1.5kB", 1500),
        ("71.98MB", 71_980_000),
        ("1.2GB", 1_200_000_000),
        ("200M", 200 * 1024**2),
        ("4G", 4 * 1024**3),
        ("1GiB", 1024**3),
        ("17", 17),
    ],
)
def test_an_amount_is_read_as_docker_and_systemd_write_it(text: str, amount: int) -> None:
    assert parse_bytes(text) == amount


@pytest.mark.parametrize("text", ["", "N/A", "-1B", "MB", "1.2.3GB", "12 XB", "1e9", "٣MB"])
def test_what_is_no_amount_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="an amount such as"):
        parse_bytes(text)
