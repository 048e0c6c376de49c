"""Translate the rules of gitleaks (RE2, TOML) to the JSON that the product ships (Python's re).

usage: python -m tests.unit.qt_audit.settings.gitleaks_rules config/gitleaks.toml COMMIT > gitleaks.json

Needs Python 3.11 for tomllib. What is not taken, and why, is in `LEFT_OUT`.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from typing import Any

LEFT_OUT = {
    # our own shapes cover them
    "generic-api-key", "curl-auth-header", "curl-auth-user", "jwt", "jwt-base64", "private-key",
    "kubernetes-secret-yaml", "hashicorp-tf-password", "nuget-config-password", "freemius-secret-key",
    "slack-webhook-url", "microsoft-teams-webhook", "sidekiq-sensitive-url", "gitlab-session-cookie",
    # a file, not a text
    "pkcs12-file",
    # names that are no secret
    "adobe-client-id", "asana-client-id", "bitbucket-client-id", "discord-client-id", "linkedin-client-id",
    "looker-client-id", "messagebird-client-id", "plaid-client-id", "sendbird-access-id",
    "sumologic-access-id",
    "flutterwave-public-key", "lob-pub-api-key", "mailgun-pub-key", "new-relic-user-api-id",
    # the product's own messages name these services beside hashes and ids
    "discord-api-token", "discord-client-secret", "mattermost-access-token", "linear-client-secret",
    "sentry-access-token", "sourcegraph-access-token", "dropbox-api-token", "twilio-api-key",
    "bedrock-api-key", "aws-amazon-bedrock-api-key-short-lived", "facebook-access-token",
}  # fmt: skip
INNER = {"azure-ad-client-secret", "maxmind-license-key", "hashicorp-tf-api-token"}
"""Known by what stands within them."""
BOUNDARIES = (
    r"""(?:[\x60'"\s;]|\\[nr]|$)""",
    r"""(?:[\x60'"\s;]|\\[nr]|$|\b)""",
    r"""(?:$|[\\'"\x60\s<),])""",
    r"(?:[^a-zA-Z0-9+/]|\z)",
    r"(?:[^\w-]|\z)",
    r"\b",
)
AZURE_BEGIN = r"""(?:^|[\\'"\x60\s>=:(,)])"""
NEAR = r"[\w.-]{0,50}?"


def translate(regex: str) -> str:
    """The same for Python's re: no flag within, no POSIX class, no boundary that takes a character."""
    regex = regex.replace("[[:alnum:]]", "[A-Za-z0-9]").replace(r"\z", r"\Z")
    return _scoped_flags(regex)


def _scoped_flags(regex: str) -> str:
    """`a(?i)b` holds to the end of its group: `a(?i:b)`."""
    result: list[str] = []
    opened = [0]
    place = 0
    in_class = False
    while place < len(regex):
        if regex.startswith("(?i)", place) and not in_class:
            result.append("(?i:")
            opened[-1] += 1
            place += 4
            continue
        character = regex[place]
        if character == "\\":
            result.append(regex[place : place + 2])
            place += 2
            continue
        if in_class:
            in_class = character != "]"
        elif character == "[":
            in_class = True
        elif character == "(":
            opened.append(0)
        elif character == ")":
            result.append(")" * opened.pop())
        result.append(character)
        place += 1
    return "".join(result) + ")" * opened.pop()


def without_boundary(regex: str) -> str:
    """A token also ends before a comma or a bracket; a longer one goes whole."""
    for boundary in BOUNDARIES:
        if regex.endswith(boundary):
            return regex[: -len(boundary)]
    return regex


def rule_of(rule: dict[str, Any]) -> dict[str, Any]:
    identifier, regex = rule["id"], rule["regex"]
    keywords = [keyword.lower() for keyword in rule["keywords"]]
    if "(?:=|>|:{1,3}=" in regex:
        regex = regex.replace(r"[\w.-]{0,50}?(?i:[\w.-]{0,50}?", "(?i:", 1)
        regex = regex.replace(NEAR, "", 1) if NEAR in regex else regex
        names = (
            keywords
            if not identifier.startswith(("new-relic", "gocardless", "lob-", "typeform", "yandex"))
            else []
        )
        names = names or sorted(
            set(re.findall(r"new-relic|newrelic|new_relic|gocardless|lob\b|typeform|yandex", regex))
        )
        if identifier == "atlassian-api-token":
            regex = regex.partition(r"|\b(ATATT3")[0]
            names = ["atlassian", "confluence", "jira"]
        regex = without_boundary(regex).replace("(login|token)", "(?:login|token)")
        pattern = f"{translate(regex)}(?![A-Za-z0-9_-])"
        return {"id": identifier, "kind": "service", "keywords": names, "pattern": pattern}
    kind = "inner" if identifier in INNER else "prefix"
    regex = without_boundary(regex)
    if identifier == "azure-ad-client-secret":
        regex = regex.replace(AZURE_BEGIN, "", 1)
    if identifier == "openai-api-key":
        keywords = ["sk-"]
    if identifier == "harness-api-key":
        keywords = ["pat.", "sat."]
    if identifier == "airtable-personnal-access-token":
        keywords = ["pat"]
    if identifier == "intra42-client-secret":
        keywords = ["s-s4t2"]
    if identifier.startswith("settlemint"):
        keywords = ["sm_"]
    return {
        "id": identifier,
        "kind": kind,
        "keywords": keywords,
        "pattern": f"{translate(regex)}[A-Za-z0-9_-]*",
    }


def main() -> int:
    tomllib = importlib.import_module("tomllib")

    config = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    rules = [rule_of(rule) for rule in config["rules"] if rule["id"] not in LEFT_OUT]
    document = {
        "source": "https://github.com/gitleaks/gitleaks, config/gitleaks.toml",
        "commit": sys.argv[2],
        "licence": "MIT, see gitleaks.LICENSE.txt",
        "rules": rules,
    }
    print(_compact(document))
    return 0


def _compact(document: dict[str, Any]) -> str:
    """A rule a line: a difference of two versions can be read."""
    head = ",\n".join(
        f" {json.dumps(name)}: {json.dumps(document[name])}" for name in ("source", "commit", "licence")
    )
    rules = ",\n".join(f"  {json.dumps(rule)}" for rule in document["rules"])
    return f'{{\n{head},\n "rules": [\n{rules}\n ]\n}}'


if __name__ == "__main__":
    sys.exit(main())
