"""Addresses that are refused, and how an address is shown."""

from __future__ import annotations

import pytest

from qt_repair.host.http import check_url, display_url, url_problem


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:3000/api/health", "https://example.com", "http://[::1]:80/?a=b", "http://localhost"],
)
def test_an_address_is_accepted(url: str) -> None:
    assert url_problem(url) is None


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "must begin with http"),
        ("example.com", "must begin with http"),
        ("file:///etc/passwd", "must begin with http"),
        ("http://", "must name a host"),
        ("http://:80/", "must name a host"),
        ("http://a:0/", "must name a host"),
        ("http://a:hunter2/", "must be an address"),
        ("http://a:99999/", "must be an address"),
        ("http://[::1/", "must be an address"),
        ("http://a/b c", "without spaces"),
        ("http://a/\r\nX-Hunter2: 1", "without spaces"),
        ("http://qt:hunter2@example.com/", "no user name or password"),
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(url: str, says: str) -> None:
    problem = url_problem(url)
    assert problem is not None
    assert says in problem
    assert "unter2" not in problem
    found = check_url(url, 1)
    assert not found.healthy
    assert "unter2" not in f"{found.summary} {found.details}"


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://qt:hunter2@example.com:80/a?token=hunter2#x", "http://example.com:80/a"),
        ("https://[::1]:3000/", "https://[::1]:3000/"),
        ("http://[", "the address"),
    ],
)
def test_an_address_is_shown_without_what_may_be_secret(url: str, text: str) -> None:
    assert display_url(url) == text
