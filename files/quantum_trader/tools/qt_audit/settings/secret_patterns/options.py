"""Secrets on a command line: `--password X`, `sshpass -p X`, `curl -u user:X`; as one text or as a list."""

from __future__ import annotations

import re

from qt_audit.settings.secret_patterns.names import (
    EXACT,
    TEXT,
    WEAK,
    classify,
    is_harmless,
    is_secret,
    looks_random,
)
from qt_audit.settings.secret_patterns.values import REDACTED, Value, to_quote, value_at

_PROGRAMS: dict[str, str] = {
    # the options whose value is a secret; "+" after a letter: only when the value is glued to it
    "sshpass": "p",
    "mysql": "p+", "mysqldump": "p+", "mysqladmin": "p+", "mysqlimport": "p+", "mysqlcheck": "p+",
    "mysqlshow": "p+", "mysqlpump": "p+", "mysqlbinlog": "p+", "mariadb": "p+", "mariadb-dump": "p+",
    "mariadb-admin": "p+", "mycli": "p+", "xtrabackup": "p+", "mariabackup": "p+",
    "redis-cli": "a", "redis-benchmark": "a", "valkey-cli": "a", "keydb-cli": "a",
    "curl": "uU", "mongo": "p", "mongosh": "p", "mongodump": "p", "mongorestore": "p", "mongoexport": "p",
    "mongoimport": "p", "mongostat": "p", "docker": "p", "podman": "p", "buildah": "p", "skopeo": "p",
    "nerdctl": "p", "helm": "p", "az": "p", "oc": "p", "cf": "p",
    "ldapsearch": "w", "ldapmodify": "w", "ldapadd": "w", "ldapdelete": "w", "ldapwhoami": "w", "ldappasswd": "was",
    "zip": "P", "unzip": "P", "7z": "p+", "7za": "p+", "7zz": "p+", "rar": "p+", "unrar": "p+",
    "sqlcmd": "P", "bcp": "P", "isql": "P", "osql": "P", "tsql": "P", "ipmitool": "P", "mosquitto_pub": "P",
    "mosquitto_sub": "P", "snmpwalk": "cAX", "snmpget": "cAX", "snmpset": "cAX", "snmpbulkwalk": "cAX",
    "openssl": "k", "smbclient": "U", "rpcclient": "U", "smbmap": "p", "evil-winrm": "p", "xfreerdp": "p",
    "rdesktop": "p", "vncviewer": "p", "http": "a", "https": "a", "xh": "a", "lftp": "u", "ncftpget": "p",
    "ncftpput": "p", "clickhouse-client": "", "influx": "", "cqlsh": "p", "arangosh": "", "swaks": "",
    "impacket-psexec": "", "sendemail": "", "sendEmail": "", "htpasswd": "", "amqp-publish": "", "plink": "",
    "pscp": "", "putty": "",
}  # fmt: skip
_PROGRAMS["plink"] = _PROGRAMS["pscp"] = "pw"
_NEEDS_LOGIN = frozenset(["docker", "podman", "buildah", "skopeo", "nerdctl", "helm", "az", "oc", "cf"])
_USER_FIRST = frozenset("uU")
"""-u user:secret: the name of the user stays."""

_LONG = re.compile(r"(?<![\w-])--?([A-Za-z][\w.-]{2,50})(?:[ \t]{1,3}|\\{0,31}[\"'],\s{0,3})(?=[^\s=,])")
_FILE_OPTION = re.compile(r"(?i)(?:file|path|stdin|env|command|cmd|fd|prompt|type|length|policy|store)$")
_WORD = re.compile(r"[\w.-]+")
_COMMAND_END = re.compile(r"[|;\n]|&&")
_SHORT = re.compile(
    r"(?<=[\s\"',\[(])-([A-Za-z]{1,2})(?=[\s\"'=\\]|[^\s-])(?P<gap>[ \t]{1,3}|=|\\{0,31}[\"'],\s{0,3}|)"
)
_MAX_COMMAND = 1000
_USER_OPTION = re.compile(
    r"(?<![\w-])--(?:user|proxy-user|auth|userpwd)(?:[ \t]{1,3}|=|\\{0,31}[\"'],\s{0,3})"
)
_MARKED = re.compile(r"\bpass:(?=[^\s\"',])|(?<=\s)/(?:p|pass|password|rp):(?=[^\s\"',/])")

_WORDS = re.compile(
    r"(?i)\b(?:aws configure set \S{0,60}(?:secret|token|key)\S{0,30}|npm config set "
    r"\S{0,200}(?:_auth|_password)\w{0,10}|"
    r"vault (?:login|unwrap|operator unseal)|rabbitmqctl (?:add_user|change_password|"
    r"authenticate_user) \S{1,60}|"
    r"htpasswd (?:-\w{1,6} ){0,4}-\w{0,5}b\w{0,5} \S{1,200} \S{1,60}|kubeadm join \S{1,80} --token|"
    r"requirepass|masterauth|AUTH(?=[ ]\S{6,80}(?:\s|\Z))|bindpw|rootpw|rocommunity|rwcommunity|"
    r"(?:login|user|username) \S{1,60}[ \n]{1,3}(?:password|pass|pwd|pw)|net user \S{1,60}|"
    r"proxy_set_header (?:authorization|\S{0,40}(?:key|token|secret))|ConvertTo-SecureString(?: -String)?|"
    r"config set (?:requirepass|masterauth)|net use (?:\S{1,60} ){1,2}/user:\S{1,60}|smartctl-pass)[ \t]{1,3}"
)
_WORD_HINTS = (
    "configure set", "config set", "vault ", "rabbitmqctl", "htpasswd", "kubeadm", "requirepass", "masterauth", "auth ",
    "login ", "user ", "username ", "securestring", "bindpw", "rootpw", "community", "net use", "proxy_set_header",
)  # fmt: skip
_MAIL_RELAY = re.compile(r"\[?[\w.-]{3,100}\]?:(?:587|465|25)[ \t]{1,9}[\w.@+-]{1,100}:(?=\S)")
_PIPED = re.compile(
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
        programs = _PROGRAMS.keys() & set(_WORD.findall(text))
        if programs:
            text = _redact_programs(text, programs)
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


def _replace(text: str, introducer: re.Pattern[str], find: object) -> str:
    pieces: list[str] = []
    done = 0
    for found in introducer.finditer(text):
        if found.start() < done:
            continue
        value = find(text, found)  # type: ignore[operator]
        if value is None:
            continue
        pieces += text[done : value.start], REDACTED
        done = value.end
    return "".join(pieces) + text[done:] if pieces else text


def _long_value(text: str, found: re.Match[str]) -> Value | None:
    if not _is_secret_option(found[1]):
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


def _is_secret_option(name: str) -> bool:
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


def _redact_programs(text: str, programs: set[str]) -> str:
    pieces: list[str] = []
    done = 0
    names = "|".join(sorted(map(re.escape, programs), key=len, reverse=True))
    places = [
        (found.end(), found.group())
        for found in re.compile(rf"(?<![\w.-])(?:{names})(?![\w.=:-]|/)").finditer(text)
    ]
    number = 0
    while number < len(places):
        begin = places[number][0]
        end = _COMMAND_END.search(text, begin, begin + _MAX_COMMAND)
        limit = end.start() if end else min(len(text), begin + _MAX_COMMAND)
        last = number + 1
        while last < len(places) and places[last][0] <= limit:
            last += 1
        for value in _command_values(text, places[number:last], limit):
            if value.start >= done:
                pieces += text[done : value.start], REDACTED
                done = value.end
        number = last
    return "".join(pieces) + text[done:] if pieces else text


def _command_values(text: str, places: list[tuple[int, str]], limit: int) -> list[Value]:
    """The secrets among the options of a command; an option may be of each program that stands before it."""
    values: list[Value] = []
    begin = places[0][0]
    has_login = "login" in text[begin:limit]
    known: set[str] = set()
    number = 0
    for option in _SHORT.finditer(text, begin, limit):
        while number < len(places) and places[number][0] <= option.start():
            name = places[number][1]
            if has_login or name not in _NEEDS_LOGIN:
                known.add(_PROGRAMS[name])
            number += 1
        for options in sorted(known):
            if option[1] == "pw" and options == "pw" and option["gap"]:
                value = value_at(text, option.end(), False)
            else:
                value = _short_value(text, option, options)
            if value is not None:
                values.append(value)
                break
    for option in _USER_OPTION.finditer(text, begin, limit):
        value = _user_value(value_at(text, option.end(), False), text)
        if value is not None:
            values.append(value)
    return sorted(values, key=lambda value: value.start)


def _short_value(text: str, option: re.Match[str], options: str) -> Value | None:
    letter = option[1][0]
    place = options.find(letter)
    if place < 0 or options == "pw":
        return None
    is_glued_only = options[place + 1 : place + 2] == "+"
    after_letter = option.start(1) + 1
    has_gap = len(option[1]) == 1 and option["gap"] != ""
    if has_gap and is_glued_only and option["gap"] != "=":
        return None
    if has_gap and option["gap"] == "=" and is_glued_only:
        return None
    position = option.end() if has_gap else after_letter
    if has_gap and option["gap"][-1:] in "\"'":
        position = option.end() - 1
    value = value_at(text, position, False)
    if value is None or value.text.startswith("-") or (is_harmless(value.text) and letter not in _USER_FIRST):
        return None
    return _user_value(value, text) if letter in _USER_FIRST else value


def _user_value(value: Value | None, text: str) -> Value | None:
    """Of `user:secret`, `user%secret` or `user,secret` the secret."""
    if value is None:
        return None
    for sign in ":%,":
        _user, found, secret = value.text.partition(sign)
        if found:
            if not secret or secret.startswith(REDACTED) or is_harmless(secret):
                return None
            skipped = text.index(sign, value.start) + 1
            return Value(secret, skipped, value.end, value.is_quoted)
    return None


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
        if base in _PROGRAMS and len(programs) < 20:
            programs.append(base)
        if not item.startswith("-") or len(item) < 2:
            continue
        if item.startswith("--") or len(item) > 3:
            name = item.lstrip("-")
            if "=" not in name and _is_secret_option(name):
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
        options = _PROGRAMS[program]
        place = options.find(item[1])
        if options == "pw" and item == "-pw":
            return "value"
        if place < 0 or options == "pw":
            continue
        is_glued_only = options[place + 1 : place + 2] == "+"
        if len(item) > 2:
            if is_glued_only or item[1] not in _USER_FIRST:
                instead[number] = item[:2] + REDACTED
            else:
                shown = _shown_argument(item[2:], "user")
                if shown is not None:
                    instead[number] = item[:2] + shown
            return ""
        if not is_glued_only:
            return "user" if item[1] in _USER_FIRST else "value"
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
        and classify(items[0].lstrip("-")) == EXACT
        and looks_random(items[1])
    )
