"""Which channels the settings make, how each is called, and what is said of those that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qt_audit.delivery import addresses
from qt_audit.delivery.channels import mail
from qt_audit.settings.table import SETTINGS
from tests.support.receivers import DISCORD_PATH, SLACK_PATH, TOKEN

DISCORD = f"https://discord.com{DISCORD_PATH}"
SLACK = f"https://hooks.slack.com{SLACK_PATH}"


def settings(**given: str) -> dict[str, Any]:
    """All settings, read as from the file."""
    return {
        setting.name: setting.read(given.get(setting.name.removeprefix("QT_"), setting.default))
        for setting in SETTINGS
    }


def kinds(**given: str) -> list[str]:
    return [channel.name.partition("-")[0] for channel in addresses.channels(settings(**given))]


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        (DISCORD, "discord"),
        (DISCORD.replace("discord.com", "discordapp.com"), "discord"),
        (DISCORD.replace("/api/", "/api/v10/"), "discord"),
        (f"{DISCORD}?thread_id=1300000000000000000", "discord"),
        (f"{DISCORD}/slack", "slack"),
        (SLACK, "slack"),
        (SLACK.replace("slack.com", "slack-gov.com"), "slack"),
        (f"slack+https://chat.example.com/hooks/{TOKEN}", "slack"),
        (f"Slack+https://chat.example.com/hooks/{TOKEN}", "slack"),
        (f"discord+https://chat.example.com/{TOKEN}", "discord"),
        (f"json+https://example.com:8443/{TOKEN}", "json"),
        (f"json+http://127.0.0.1:8080/{TOKEN}", "json"),
        (f"json+http://[::1]:8080/{TOKEN}", "json"),
        (f"slack+http://localhost/{TOKEN}", "slack"),
    ],
)
def test_an_address_is_recognised(address: str, kind: str) -> None:
    assert addresses.problems(settings(ALERT_WEBHOOK=address)) == []
    assert kinds(ALERT_WEBHOOK=address) == [kind]


@pytest.mark.parametrize(
    ("address", "says"),
    [
        (f"http://discord.com{DISCORD_PATH}", "must begin with https://"),
        (f"json+http://192.0.2.1/{TOKEN}", "must begin with https://"),
        (f"json+http://127.0.0.1.example.com/{TOKEN}", "must begin with https://"),
        (f"ftp://example.com/{TOKEN}", "must begin with https://"),
        (TOKEN, "must begin with https://"),
        ("https://", "must name a host after https://"),
        (f"json+https://exa_mple.com/{TOKEN}", "must name a host after https://"),
        (f"json+https://example.com:99999/{TOKEN}", "is not an address such as"),
        (f"json+https://[::1/{TOKEN}", "is not an address such as"),
        (f"json+https://user:{TOKEN}@example.com/", "must hold no user name or password"),
        (f"json+https://example.com/{TOKEN}#part", "must end without # , or ;"),
        (f"{SLACK},", "must end without # , or ;"),
        (f"json+https://exämple.com/{TOKEN}", "must be one address in plain ASCII"),
        (f"https://chat.example.com/hooks/{TOKEN}", "has a host that does not tell its kind"),
        (f"teams+https://example.com/{TOKEN}", "has an unknown kind before its +"),
        (f"https://discord.com/channels/1/{TOKEN}", "is not a whole webhook address of Discord"),
        (SLACK, "is address 1 again; remove one"),
    ],
)
def test_a_bad_address_is_named_by_its_number_and_never_by_what_it_says(address: str, says: str) -> None:
    given = settings(ALERT_WEBHOOK=f"{SLACK} {address} {DISCORD}")
    (problem,) = addresses.problems(given)
    assert problem.startswith(f"QT_ALERT_WEBHOOK address 2 {says}")
    assert TOKEN not in problem
    assert [channel.name.partition("-")[0] for channel in addresses.channels(given)] == ["slack", "discord"]


def test_a_name_is_stable_tells_addresses_apart_and_holds_nothing_of_them() -> None:
    given = settings(
        ALERT_WEBHOOK=f"{DISCORD} {DISCORD}X json+https://example.com/{TOKEN}",
        AUDIT_EMAIL="ops@example.com, dev@example.com",
        NOTIFY_URLS=f"ntfys://{TOKEN}@ntfy.example.com/topic",
        WEBHOOK_SECRET=TOKEN,
        SMTP_SERVER="mail.example.com",
        SMTP_USER="audit",
        SMTP_PASSWORD=TOKEN,
    )
    first, second = addresses.channels(given), addresses.channels(given)
    names = [channel.name for channel in first]
    assert names == [channel.name for channel in second]
    assert len(set(names)) == 6
    for channel in first:
        assert TOKEN not in f"{channel} {channel!r} {channel.name}"


def test_nothing_is_set_and_nothing_is_wrong() -> None:
    assert addresses.channels(settings()) == []
    assert addresses.problems(settings()) == []
    assert addresses.heartbeat(settings()) == ""


@pytest.mark.parametrize(
    "text", ["a@example.com,b@example.com", "a@example.com b@example.com", " a@x, b@y ,"]
)
def test_several_recipients_are_a_channel_each(text: str) -> None:
    assert kinds(AUDIT_EMAIL=text) == ["mail", "mail"]


@pytest.mark.parametrize(
    "bad",
    [
        "ops",
        "@example.com",
        "ops@",
        "<ops@example.com>",
        "ops@example.com;",
        "a@b@c",
        "ops@-x",
        "a..b@c",
        "é@x",
    ],
)
def test_what_is_no_recipient_is_named_by_its_number(bad: str) -> None:
    given = settings(AUDIT_EMAIL=f"a@example.com {bad}")
    (problem,) = addresses.problems(given)
    assert problem == "QT_AUDIT_EMAIL address 2 must be a plain mail address such as ops@example.com"
    assert kinds(AUDIT_EMAIL=f"a@example.com {bad}") == ["mail"]


def test_a_recipient_with_a_newline_is_no_setting() -> None:
    (setting,) = (item for item in SETTINGS if item.name == "QT_AUDIT_EMAIL")
    with pytest.raises(ValueError, match="control characters"):
        setting.read("ops@example.com\nBcc: victim@example.com")


@pytest.mark.parametrize(
    ("server", "port", "security", "used"),
    [
        ("localhost", "25", "", "none"),
        ("127.0.0.1", "2525", "", "none"),
        ("mail.example.com", "25", "", "starttls"),
        ("mail.example.com", "587", "", "starttls"),
        ("mail.example.com", "465", "", "tls"),
        ("localhost", "465", "", "tls"),
        ("mail.example.com", "25", "none", "none"),
        ("localhost", "25", "TLS", "tls"),
    ],
)
def test_mail_is_secured_unless_it_stays_on_this_machine(
    server: str, port: str, security: str, used: str
) -> None:
    given = settings(SMTP_SERVER=server, SMTP_PORT=port, SMTP_SECURITY=security)
    assert mail.server(given).security == used
    assert addresses.problems(given) == []


MAIL_FAULTS = {
    "QT_SMTP_SERVER must be a host": {"SMTP_SERVER": f"https://{TOKEN}"},
    "QT_MAIL_FROM must be a plain mail": {"MAIL_FROM": "Audit <audit@example.com>"},
    "QT_SMTP_USER needs QT_SMTP_PASSWORD": {"SMTP_USER": "audit"},
    "QT_SMTP_USER needs": {"SMTP_PASSWORD": TOKEN},
    "QT_SMTP_PASSWORD is given beside": {
        "SMTP_USER": "a",
        "SMTP_PASSWORD": TOKEN,
        "SMTP_PASSWORD_FILE": "/dev/null",
    },
    "QT_SMTP_SECURITY must be starttls or tls": {
        "SMTP_USER": "a",
        "SMTP_PASSWORD": TOKEN,
        "SMTP_SERVER": "mail.example.com",
        "SMTP_SECURITY": "none",
    },
    "QT_SMTP_PASSWORD_FILE cannot be opened": {"SMTP_USER": "a", "SMTP_PASSWORD_FILE": "/nowhere"},
    "QT_SMTP_PASSWORD_FILE must be a regular": {"SMTP_USER": "a", "SMTP_PASSWORD_FILE": "/dev/null"},
}


@pytest.mark.parametrize(("says", "given"), MAIL_FAULTS.items(), ids=MAIL_FAULTS.keys())
def test_mail_settings_that_do_not_fit_are_named_and_no_mail_is_tried(
    says: str, given: dict[str, str]
) -> None:
    (problem,) = addresses.problems(settings(AUDIT_EMAIL="ops@example.com", **given))
    assert problem.startswith(says)
    assert TOKEN not in problem
    assert kinds(AUDIT_EMAIL="ops@example.com", **given) == []


@pytest.mark.parametrize(
    ("mode", "content", "says"),
    [
        (0o600, "hunter2\n", None),
        (0o400, "hunter2", None),
        (0o640, "hunter2\n", "QT_SMTP_PASSWORD_FILE can be read by others; chmod it to 600"),
        (0o604, "hunter2\n", "QT_SMTP_PASSWORD_FILE can be read by others; chmod it to 600"),
        (0o600, "\n", "QT_SMTP_PASSWORD_FILE must hold the password on one line"),
        (0o600, "x" * 2000, "QT_SMTP_PASSWORD_FILE must hold the password on one line"),
        (0o600, "a\x00b", "QT_SMTP_PASSWORD_FILE must hold the password on one line"),
    ],
)
def test_the_password_file_is_for_its_owner_only(
    tmp_path: Path, mode: int, content: str, says: str | None
) -> None:
    path = tmp_path / "password"
    path.write_text(content)
    path.chmod(mode)
    given = settings(AUDIT_EMAIL="ops@example.com", SMTP_USER="a", SMTP_PASSWORD_FILE=str(path))
    assert addresses.problems(given) == ([] if says is None else [says])


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("WEBHOOK_SECRET", "short", "QT_WEBHOOK_SECRET must have at least 16 characters"),
        ("WEBHOOK_SECRET", "whsec_!!!!!!!!!!!!!!!!", "QT_WEBHOOK_SECRET must be base64 after whsec_"),
        ("HEARTBEAT_URL", "http://hc.example.com/x", "QT_HEARTBEAT_URL must begin with https://"),
        (
            "HEARTBEAT_URL",
            "https://hc.example.com/x y",
            "QT_HEARTBEAT_URL must be one address in plain ASCII",
        ),
        ("NOTIFY_URLS", "nonsense", "QT_NOTIFY_URLS address 1 must be an address as Apprise takes it"),
        ("NOTIFY_URLS", "jsons://x/?verify=no", "QT_NOTIFY_URLS address 1 must not switch the verification"),
    ],
)
def test_other_settings_that_cannot_be_used_are_named(name: str, value: str, says: str) -> None:
    given = settings(**{name: value})
    (problem,) = addresses.problems(given)
    assert problem.startswith(says)
    assert addresses.channels(given) == []
    assert addresses.heartbeat(given) == ""
