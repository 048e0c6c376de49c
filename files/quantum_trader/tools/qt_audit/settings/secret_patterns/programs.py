"""Programs whose options hold secrets: `sshpass -p X`, `mysql -pX`, `curl -u user:X`."""

from __future__ import annotations

import re

from qt_audit.settings.secret_patterns.basics import REDACTED
from qt_audit.settings.secret_patterns.lazy import lazy
from qt_audit.settings.secret_patterns.names import is_harmless
from qt_audit.settings.secret_patterns.values import Value, value_at

PROGRAMS: dict[str, str] = {
    # the options whose value is a secret; "+" after a letter: only when the value is glued to it
    "sshpass": "p",
    "mysql": "p+", "mysqldump": "p+", "mysqladmin": "p+", "mysqlimport": "p+", "mysqlcheck": "p+",
    "mysqlshow": "p+", "mysqlpump": "p+", "mysqlbinlog": "p+", "mariadb": "p+", "mariadb-dump": "p+",
    "mariadb-admin": "p+", "mycli": "p+", "xtrabackup": "p+", "mariabackup": "p+",
    "redis-cli": "a", "redis-benchmark": "a", "valkey-cli": "a", "keydb-cli": "a",
    "curl": "uU", "mongo": "p", "mongosh": "p", "mongodump": "p", "mongorestore": "p", "mongoexport": "p",
    "mongoimport": "p", "mongostat": "p", "docker": "p", "podman": "p", "buildah": "p", "skopeo": "p",
    "nerdctl": "p", "helm": "p", "az": "p", "oc": "p", "cf": "p",
    "ldapsearch": "w", "ldapmodify": "w", "ldapadd": "w", "ldapdelete": "w", "ldapwhoami": "w",
    "ldappasswd": "was",
    "zip": "P", "unzip": "P", "7z": "p+", "7za": "p+", "7zz": "p+", "rar": "p+", "unrar": "p+",
    "sqlcmd": "P", "bcp": "P", "isql": "P", "osql": "P", "tsql": "P", "ipmitool": "P", "mosquitto_pub": "P",
    "mosquitto_sub": "P", "snmpwalk": "cAX", "snmpget": "cAX", "snmpset": "cAX", "snmpbulkwalk": "cAX",
    "openssl": "k", "smbclient": "U", "rpcclient": "U", "smbmap": "p", "evil-winrm": "p", "xfreerdp": "p",
    "rdesktop": "p", "vncviewer": "p", "http": "a", "https": "a", "xh": "a", "lftp": "u", "ncftpget": "p",
    "ncftpput": "p", "clickhouse-client": "", "influx": "", "cqlsh": "p", "arangosh": "", "swaks": "",
    "impacket-psexec": "", "sendemail": "", "sendEmail": "", "htpasswd": "", "amqp-publish": "", "plink": "",
    "pscp": "", "putty": "",
}  # fmt: skip
PROGRAMS["plink"] = PROGRAMS["pscp"] = "pw"
_NEEDS_LOGIN = frozenset(["docker", "podman", "buildah", "skopeo", "nerdctl", "helm", "az", "oc", "cf"])
USER_FIRST = frozenset("uU")
"""-u user:secret: the name of the user stays."""

_WORD = lazy(r"[\w.-]+")
_COMMAND_END = lazy(r"[|;\n]|&&")
_SHORT = lazy(
    r"(?<=[\s\"',\[(])-([A-Za-z]{1,2})(?=[\s\"'=\\]|[^\s-])(?P<gap>[ \t]{1,3}|=|\\{0,31}[\"'],\s{0,3}|)"
)
_MAX_COMMAND = 1000
_CLUSTER = lazy(r"(?<=[\s\"'])-[A-Za-z#]{2,8}[uU][ \t]{1,3}")
_USER_OPTION = lazy(r"(?<![\w-])--(?:user|proxy-user|auth|userpwd)(?:[ \t]{1,3}|=|\\{0,31}[\"'],\s{0,3})")


def redact(text: str) -> str:
    """The text without the values of options that hold a secret of the program that stands before them."""
    programs = PROGRAMS.keys() & set(_WORD.findall(text))
    if not programs:
        return text
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
                known.add(PROGRAMS[name])
            number += 1
        for options in sorted(known):
            if option[1] == "pw" and options == "pw" and option["gap"]:
                value = value_at(text, option.end(), False)
            else:
                value = _short_value(text, option, options)
            if value is not None:
                values.append(value)
                break
    if "u" in "".join(known):
        for option in _CLUSTER.finditer(text, begin, limit):
            value = _user_value(value_at(text, option.end(), False), text)
            if value is not None:
                values.append(value)
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
    if letter == "k" and not has_gap:  # openssl -key
        return None
    position = option.end() if has_gap else after_letter
    if has_gap and option["gap"][-1:] in "\"'":
        position = option.end() - 1
    value = value_at(text, position, False)
    if value is None or value.text.startswith("-") or (is_harmless(value.text) and letter not in USER_FIRST):
        return None
    return _user_value(value, text) if letter in USER_FIRST else value


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
