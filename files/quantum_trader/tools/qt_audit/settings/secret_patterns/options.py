"""Secrets on a command line: `--password X`, `vault login X`, `echo X | sudo -S`."""

from __future__ import annotations

import re

from qt_audit.settings.secret_patterns import programs
from qt_audit.settings.secret_patterns.basics import REDACTED, TEXT, WEAK
from qt_audit.settings.secret_patterns.lazy import lazy
from qt_audit.settings.secret_patterns.names import classify, is_harmless, is_secret
from qt_audit.settings.secret_patterns.values import Value, to_quote, value_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_LONG = lazy(r"(?<![\w-])--?([A-Za-z][\w.-]{2,50})(?:[ \t]{1,3}|\\{0,31}[\"'],\s{0,3})(?=[^\s=,])")
_FILE_OPTION = lazy(r"(?i)(?:file|path|stdin|env|command|cmd|fd|prompt|type|length|policy|store)$")
_NO_VALUE = lazy(
    r"(?i)(?:no|disabled?|enabled?|ask|prompt|without|use|show|require|skip|change|reset|empty)-"
)
_MARKED = lazy(r"\bpass:(?=[^\s\"',])|(?<=\s)/(?:p|pass|password|rp):(?=[^\s\"',/])")

_WORDS = lazy(
    r"(?i)\b(?:aws configure set \S{0,60}(?:secret|token|key)\S{0,30}|npm config set "
    r"\S{0,200}(?:_auth|_password)\w{0,10}|"
    r"vault (?:login|unwrap|operator unseal)|rabbitmqctl (?:add_user|change_password|"
    r"authenticate_user) \S{1,60}|"
    r"htpasswd (?:-\w{1,6} ){0,4}-\w{0,5}b\w{0,5} \S{1,200} \S{1,60}|kubeadm join \S{1,80} --token|"
    r"(?:user|exists) \S{1,80} identified by(?=[ ][^'\"\s])|"
    r"requirepass|masterauth|AUTH(?=[ ]\S{6,80}(?:\s|\Z))|bindpw|rootpw|rocommunity|rwcommunity|"
    r"(?:login|user|username) \S{1,60}[ \n]{1,3}(?:password|pass|pwd|pw)|net user \S{1,60}|"
    r"proxy_set_header (?:authorization|\S{0,40}(?:key|token|secret))|ConvertTo-SecureString(?: -String)?|"
    r"config set (?:requirepass|masterauth)|net use (?:\S{1,60} ){1,2}/user:\S{1,60})[ \t]{1,3}"
)
_WORD_HINTS = (
    "configure set", "config set", "vault ", "rabbitmqctl", "htpasswd", "kubeadm", "identified by",
    "requirepass",
    "masterauth", "auth ", "login ", "user ", "username ", "securestring", "bindpw", "rootpw",
    "community",
    "net use", "proxy_set_header",
)  # fmt: skip
_MAIL_RELAY = lazy(r"\[?[\w.-]{3,100}\]?:(?:587|465|25)[ \t]{1,9}[\w.@+-]{1,100}:(?=\S)")
_PIPED = lazy(
    r"\b(?:echo|printf|print)[ \t](?:-\w{1,3}[ \t]){0,2}(?=[^|"
    r"\n]{1,300}\|\s{0,3}(?:\S{1,40}/)?(?:sudo\s(?:-\w{1,9}\s){0,3}-\w{0,5}S|"
    r"chpasswd|(?:sudo )?(?:/\S{1,30}/)?chpasswd|passwd --stdin|(?:docker|podman|helm|gh|glab|"
    r"cryptsetup|gpg|openssl|kinit|"
    r"su\b|smbpasswd|ssh-add|mysql_config_editor|realm|rclone|restic|borg)\b))"
)


def redact(text: str, lowered: str) -> str:
    """The text without the values of options that name a secret, or that are known to be one of a program."""
    if " -" in text or "'-" in text or '"-' in text or text[:1] == "-":
        text = _replace(text, _LONG, _long_value)
        text = programs.redact(text)
    if "pass:" in lowered or "/p:" in lowered or "/password:" in lowered or "/rp:" in lowered:
        text = _replace(text, _MARKED, _marked_value)
    for hint in _WORD_HINTS:
        if hint in lowered:
            text = _replace(text, _WORDS, _word_value)
            break
    if ":587" in text or ":465" in text or ":25 " in text:
        text = _replace(text, _MAIL_RELAY, _word_value)
    if "|" in text:
        text = _replace(text, _PIPED, _piped_value)
    return text


def _replace(
    text: str, introducer: re.Pattern[str], find: Callable[[str, re.Match[str]], Value | None]
) -> str:
    pieces: list[str] = []
    done = 0
    for found in introducer.finditer(text):
        if found.start() < done:
            continue
        value = find(text, found)
        if value is None:
            continue
        pieces += text[done : value.start], REDACTED
        done = value.end
    return "".join(pieces) + text[done:] if pieces else text


def _long_value(text: str, found: re.Match[str]) -> Value | None:
    if not is_secret_option(found[1]):
        return None
    value = value_at(text, found.end() - (1 if text[found.end() - 1] in "\"'" else 0), False)
    if (
        value is None
        or value.text.startswith("-")
        or value.is_group
        or not is_secret(classify(found[1]), value.text)
    ):
        return None
    return value


def _marked_value(text: str, found: re.Match[str]) -> Value | None:
    value = value_at(text, found.end(), False)
    quote = text[found.start() - 1 : found.start()]
    if value is not None and quote in ("'", '"') and not value.is_quoted:
        value.end = to_quote(text, value.end, quote)
    return value


def is_secret_option(name: str) -> bool:
    """Whether the value of a long option of this name, dashes left out, is a secret."""
    if _NO_VALUE.match(name):
        return False
    kind = classify(name)
    return (kind >= TEXT and not _FILE_OPTION.search(name)) or (
        kind == WEAK and name.lower() not in ("sig", "sid")
    )


def _word_value(text: str, found: re.Match[str]) -> Value | None:
    value = value_at(text, found.end(), False)
    if value is None or value.text.startswith("-") or is_harmless(value.text):
        return None
    return value


def _piped_value(text: str, found: re.Match[str]) -> Value | None:
    value = value_at(text, found.end(), False)
    if value is None or value.text.startswith("$"):
        return None
    if not value.is_quoted:
        end = text.find("|", value.end)
        value.end = len(text[:end].rstrip()) if end >= 0 else value.end
    return value
