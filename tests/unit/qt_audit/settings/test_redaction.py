"""Secrets of every shape are redacted; other sentences stay as they are; the cost is linear in the text."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_audit.settings import loading
from qt_audit.settings.redaction import Redactor
from qt_audit.settings.secret_patterns.basics import REDACTED
from tests.support.checkout import TOOLS
from tests.support.recording import PYTHON

S = "S3cr3tV4lue"
"""The secret in all that follows."""

SECRETS = [
    # userinfo of an address
    f"postgres://qt:{S}@db.example.com/quantum",
    f"postgres://qt:p@{S}@db.example.com/quantum",
    f"https://{S}@example.com/",
    f"redis://:{S}@localhost:6379/0",
    f"smtp+ssl://a%40b:{S}@mail.example.com",
    # webhooks
    f"https://discord.com/api/webhooks/123456789012345678/{S}",
    f"https://discord.com/api/webhooks/123456789012345678/{S}?wait=true",
    f"HTTPS://DISCORDAPP.COM/API/WEBHOOKS/1/{S}",
    f"https://hooks.slack.com/services/T000/B000/{S}",
    f"https://chat.example.com/hooks/{S}",
    f"https://x.webhook.office.com/webhookb2/{S}/IncomingWebhook/1",
    f"https:\\/\\/discord.com\\/api\\/webhooks\\/123456\\/{S}",
    f"Max retries exceeded with url: /api/webhooks/123456789/{S} (Caused by ConnectTimeoutError)",
    f"url: /services/T0000/B0000/{S}",
    # names and values
    f"password={S}",
    f"PASSWORD: {S}",
    f'password="{S} two"',
    f"password='{S} two'",
    f'password="a\\"{S}"',
    f'password="never closed {S}',
    f"password:\n{S}",
    f'password="{S}\n more"',
    f'"password": "{S}"',
    f"{{'token': '{S}'}}",
    f'{{\\"token\\": \\"{S}\\"}}',
    f"db_password = {S}",
    f"PGPASSWORD={S} psql",
    f"token:{S}",
    f"secret => {S}",
    f"client_secret={S}&x=1",
    f"https://example.com/?token={S}&a=b",
    f"access_token={S}",
    f"api-key: {S}",
    f"X-Api-Key: {S}",
    f"aws_secret_access_key={S}",
    f"passwd={S}",
    f"pwd={S}",
    f"passphrase: {S}",
    f"PRIVATE_KEY={S}",
    f"credentials={S}",
    f"password={S},user=x",
    # options
    f"--password {S}",
    f"--password={S}",
    f"--db-password {S}",
    f"-password {S}",
    f"--api-key '{S} x'",
    # headers
    f"Authorization: Bearer {S}",
    f"authorization: Basic {S}",
    f"Authorization: Token {S}",
    f'"Authorization": "Bearer {S}"',
    f"Authorization: {S}",
    f'Authorization: Digest username="x", response={S}',
    f"Authorization: AWS4-HMAC-SHA256 Credential={S}, Signature={S}",
    f"curl -H 'Authorization: Bearer {S}' https://example.com",
    f"Proxy-Authorization: Basic {S}==",
    f"bearer {S}",
    # keys and tokens by their shape
    f"-----BEGIN RSA PRIVATE KEY-----\nMII\n{S}\n-----END RSA PRIVATE KEY-----",
    f"-----BEGIN PRIVATE KEY-----\n{S}",
    f"-----BEGIN OPENSSH PRIVATE KEY-----\n{S}",
    "ghp_" + "a" * 32 + S,
    f"xoxb-123456789-{S}",
    f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0.{S}{S}",
]

SENTENCES = [
    "Test audit entry - system check",
    "Auto-repair: Created PostgreSQL database quantum",
    "Auto-repair: Retrained XGBoost model to 22 features",
    "Auto-repair: Restarted Grafana container",
    "Auto-heal: Triggered by realtime monitor threshold breach",
    "Auto-heal: Completed successfully (exit code 0)",
    "Weekly self-heal: AI Agent validation - PASSED",
    "Weekly self-heal: Completed - ✅ All checks passed",
    "🧪 Test 1: Basic Logging",
    "Basic authentication-based checks passed",
    "basic self-heal: ok",
    "Restarted token service",
    "Token service restarted: ok",
    "Rotated the secret of the vault",
    "Secretary: Jane",
    "Password policy checked",
    "No password was given",
    "Tokens used: none left",
    "Bearer authentication is on",
    "Bearer authentication.",
    "Authorization checks passed",
    "passed: 12, failed: 0",
    "bypass=1",
    "compass: north",
    "monkey: banana",
    "keys: 3",
    "https://example.com/services",
    "https://hooks.example.com",
    "Restarted https://example.com/services/ after a failure",
    "Opened https://example.com/@user",
    "see https://grafana.example.com/api/health",
    "Mail to admin@example.com",
]


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_is_removed(text: str) -> None:
    redacted = Redactor().text(text)
    assert S not in redacted
    assert REDACTED in redacted
    assert Redactor().text(redacted) == redacted


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_is_removed_from_the_middle_of_a_text_and_from_details(text: str) -> None:
    around = f"before\n{text}"
    assert S not in Redactor().text(around)
    assert "before\n" in Redactor().text(around)
    details = Redactor().details({"out": [text, {"deep": text}], text: 1, "bytes": text.encode()})
    assert S not in str(details)


@pytest.mark.parametrize("text", SENTENCES)
def test_a_sentence_without_a_secret_stays_as_it_is(text: str) -> None:
    assert Redactor().text(text) == text


@pytest.mark.parametrize(
    ("details", "kept"),
    [
        ({"password": S}, {"password": REDACTED}),
        ({"DB_PASSWORD": S.encode()}, {"DB_PASSWORD": REDACTED}),
        ({"token": 12345678}, {"token": REDACTED}),
        ({"secret": {"value": S}}, {"secret": REDACTED}),
        ({"auth": {"api_key": [S]}}, {"auth": {"api_key": REDACTED}}),
        (
            {"tokens_used": 512, "token": None, "password": ""},
            {"tokens_used": 512, "token": None, "password": ""},
        ),
        ({"password_set": True}, {"password_set": True}),
        ({"keys": 3, "key": "value", "exit_code": 0}, {"keys": 3, "key": "value", "exit_code": 0}),
    ],
)
def test_a_key_that_names_a_secret_redacts_its_value(details: dict[str, Any], kept: dict[str, Any]) -> None:
    assert Redactor().details(details) == kept


def test_the_operators_patterns_and_the_hosts_own_secrets_go_too() -> None:
    redact = Redactor([re.compile(r"CUST-\d+")], ["hunter22", "abc"])
    assert redact.text("CUST-4711 said hunter22, abc") == f"{REDACTED} said {REDACTED}, abc"


def test_the_webhook_of_the_settings_goes_also_without_its_host(tmp_path: Any) -> None:
    address = "https://alerts.example.com/in/7f3a9c2e5b/post"
    redact = loading.load(str(tmp_path), {"QT_ALERT_WEBHOOK": f"json+{address}"}).redactor
    assert "7f3a9c2e5b" not in redact.text(f"cannot reach {address}")
    assert "7f3a9c2e5b" not in redact.text("Max retries exceeded with url: /in/7f3a9c2e5b/post")


@given(st.text(st.sampled_from("abe:=/\\\"'@ -.\n0password[]redacted"), max_size=60) | st.text(max_size=60))
def test_redacting_twice_gives_the_same_as_once(text: str) -> None:
    for dress in (
        "{}",
        "password={}",
        "https://{}@example.com",
        "Authorization: {}",
        '"token": "{}"',
        "bearer {}",
    ):
        once = Redactor().text(dress.format(text))
        assert Redactor().text(once) == once


UNITS = [
    "a",
    "password=",
    'password="',
    "password='",
    "eyJ-",
    "eyJaaaaaaaaaa.",
    "eyJaaaaaaaaaa.eyJaaaaaaaaaa-",
    "://",
    "http://",
    "http://a/",
    "https://a/b/c/d/hooks",
    "a://a:",
    "bearer ",
    "bearer a",
    "--password",
    "--password ",
    "authorization:",
    "authorization: a ",
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN ",
    "token",
    '\\"',
    'password=\\"a\\',
    'password="\\',
    "ghp_a",
    "xoxb-",
    "--a-b-c-",
    "/webhooks/1",
    "/services/T1/B",
    "basic a",
    "http:\\/\\/a\\/",
    "\n",
    "[redacted]",
    "http://a@",
    "secret: '",
]

MORE_UNITS = [
    "password:\n  a: b\n",
    "secrets:\n - a\n",
    "name: password\nvalue:",
    "secrets={{",
    "token=[a",
    "token=[[",
    "auth={user:{",
    "password={a:[",
    "password is changed from ",
    "('password','",
    "-abcu ",
    "curl -abcu a",
    "user a identified by ",
    "to a IDENTIFIED BY '",
    "password: ",
    "password = [",
    "secret={",
    'token=("',
    'auth: "',
    "key=",
    "<password>",
    "<password ",
    '"name": "password", ',
    "'password','value':",
    "--password '",
    "-p ",
    "mysql -p",
    "curl -u a:",
    "curl -u ",
    "sshpass ",
    "redis-cli -a x ",
    "echo a|",
    "echo ",
    "printf 'a' | ",
    "%3D",
    "%",
    "&#61;",
    "&quot;",
    "&",
    "\\u003d",
    "\\\\",
    '\\\\"',
    'password=\\"',
    'password=\\\\\\"',
    "password='\\",
    'password="""',
    "password is ",
    "the password ",
    "password of ",
    "IDENTIFIED BY '",
    "password '",
    "$a$",
    "password $$",
    "eyJa",
    "ghp_",
    "sk-",
    "hvs.",
    "fm2_a/",
    "fm2_aaaaaaaaaaaaaaaa/",
    "ops_eyJaaaaaaaaaa/",
    "sntrys_eyJpYXQiOaaaa",
    "a.b.",
    "a@b:",
    "a:b1@",
    "a:1@",
    "user:a1b2@",
    "://a:b",
    "postgres://a:b/",
    "kind: Secret\ndata:\n a: b\n",
    "a:5432:b:c:",
    "*:*:*:",
    "pass:",
    "Basic aA",
    "$6$",
    "Cookie: a=b",
    "cookie:",
    "set-cookie: ",
    "wget -b ",
    "curl x -b ",
    "login a password ",
    "vault login ",
    "password[",
    "password(",
    "password (a):",
    "recovery codes: a1b2,",
    "mnemonic: word ",
    "password: word ",
    "password=a,b;c&",
    'password=a"b',
    "password=<",
    "password={{",
    "password=${",
    "adafruit = ",
    "jira: aaaaaaaaaaaaaaaaaaaaaaa1",
    "LS0tLS1CRUdJTiB",
    "AKIAAAAAAAAAAAAAAAAA,",
    "auth('a','",
    "define('password','",
    "password::",
    "password->",
    "password→",
    "“password=“",
    "password: |\n",
    "password:\n\n",
    "-----BEGIN PRIVATE KEY-----\n-----END",
    "Private-Lines: 1\n",
    "bot123456:A",
    "a 1:A",
    "key 1: ",
    "=",
    "==",
    "=:",
    ":",
    "a:",
    '"a":',
    "'",
    '"',
    "`",
    "(",
    "[",
    "{",
    "<a>",
    "|",
    " | ",
]


def test_hostile_megabytes_cost_linear_time() -> None:
    """A pattern that backtracks would need minutes for one of these, not the seconds that all take."""
    redact_repeated(UNITS, 1_000_000)


@pytest.mark.parametrize("first", range(0, len(MORE_UNITS), 20))
def test_what_names_and_options_are_made_of_costs_linear_time_too(first: int) -> None:
    redact_repeated(MORE_UNITS[first : first + 20], 300_000)


def redact_repeated(units: list[str], length: int) -> None:
    code = (
        "import sys, json; sys.path.insert(0, sys.argv[1])\n"
        "from qt_audit.settings.redaction import Redactor\n"
        "for unit in json.loads(sys.argv[2]):\n"
        "    Redactor().text(unit * (int(sys.argv[3]) // len(unit)))\n"
    )
    arguments = [str(TOOLS), json.dumps(units), str(length)]
    subprocess.run([PYTHON, "-c", code, *arguments], check=True, timeout=120)
