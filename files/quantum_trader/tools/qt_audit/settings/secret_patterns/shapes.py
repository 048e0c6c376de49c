"""All shapes of secrets, each with the words that a text must hold before it is tried."""

from __future__ import annotations

import re

from qt_audit.settings.redaction import NAME_HINTS
from qt_audit.settings.secret_patterns import named_values, options, tokens
from qt_audit.settings.secret_patterns.encodings import redact_encoded
from qt_audit.settings.secret_patterns.names import is_harmless, looks_random
from qt_audit.settings.secret_patterns.values import REDACTED, Value, value_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_S = r"\\{0,7}/"  # a slash, also as some write it into JSON
_SCHEME = r"(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]{0,30})"
_USER_ONLY = r"(?:git|ssh|sftp|rsync|svn)"

_PATTERNS: tuple[tuple[tuple[str, ...], str, int, str], ...] = (
    (
        ("-----begin",),
        r"-----BEGIN[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?"
        r"(?:-----END[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
        re.DOTALL,
        REDACTED,
    ),
    (
        ("private-lines:",),
        r"(Private-Lines: ?[0-9]{1,4}(?:\r?\n|\\n)).*?(?=Private-MAC|\Z)",
        re.DOTALL,
        rf"\1{REDACTED}\n",
    ),
    # userinfo: scheme://user:password@host; the password of a database may hold / # ? '
    (
        ("://", ":\\/"),
        rf"(?<![A-Za-z0-9+.-])((?!(?:git\+)?(?:ssh|sftp|rsync|svn|git)\b[^\s:@/]{{0,9}}:{_S}{_S}[\w.-]{{1,64}}@)[A-Za-z][A-Za-z0-9+.-]{{0,30}}:{_S}{_S})"
        r"(?!\[redacted\]@)[^\s/?#\"'<>]{1,512}@(?!\[redacted\])",
        0,
        rf"\1{REDACTED}@",
    ),
    (
        ("://", ":\\/"),
        rf"(?<![A-Za-z0-9+.-])((?!https?:)[A-Za-z][A-Za-z0-9+.-]{{0,30}}:{_S}{_S})\[redacted\]@[^\s\"<>@]{{0,512}}@(?=[\w\[])",
        0,
        rf"\1{REDACTED}@",
    ),
    (
        ("://", ":\\/"),
        rf"(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]{{0,30}}:{_S}{_S}[^\s/?#\"'<>@:\[]{{0,256}}:)"
        r"(?![0-9]{1,5}(?:[/?#,;]|\\/))[^\s\"<>]{1,512}@(?=[\w\[%])",
        0,
        rf"\1{REDACTED}@",
    ),
    # webhooks: Discord, Slack, Mattermost, Rocket.Chat, Teams, and whoever names the path so
    (
        ("://", ":\\/"),
        rf"(https?:{_S}{_S}[^\s/\"'<>]{{1,255}}{_S}(?:[^\s/\"'<>]{{1,64}}/){{0,4}}?"
        rf"(?:webhooks?|webhookb2|hooks|services|workflows|triggers){_S})[^\s\"'<>]+",
        re.IGNORECASE,
        rf"\1{REDACTED}",
    ),
    # their paths alone, as an exception of an HTTP library has them
    (
        ("/webhook", "/services/", "/triggers/", "/workflows/"),
        r"(/webhooks?/[0-9]{5,30}/|/(?:services|triggers|workflows)/T[A-Z0-9]{2,20}/[AB]?[A-Z0-9]{2,20}/)[\w-]+",
        re.IGNORECASE,
        rf"\1{REDACTED}",
    ),
    (("/bot", ":aa"), r"(?<![0-9A-Za-z_])(?:bot)?[0-9]{6,12}:A[A-Za-z0-9_-]{30,40}", 0, REDACTED),
    (
        ("authorization",),
        r"(authorization\\{0,31}[\"']?\s{0,3}[=:]\s{0,3})(\\{0,31}[\"']?)"
        r"(?!(?:required|none|ok|failed|optional|missing|denied|disabled|enabled|granted|valid|invalid|null)\b)"
        r"(?:(?:digest|aws4)[^\r\n]*|[^\s\"'\\][^\r\n\"'\\]*)",
        re.IGNORECASE,
        rf"\1\2{REDACTED}",
    ),
    (
        ("cookie",),
        r"(\b(?:set-)?cookies?2?\\{0,31}[\"']?\s{0,3}[=:]\s{0,3})(\\{0,31}[\"']?)"
        r"(?=[^\s=;\"'\\{\[]{1,80}=[^\s=])[^\r\n\"'\\]+",
        re.IGNORECASE,
        rf"\1\2{REDACTED}",
    ),
    (
        ("curl", "wget", "http"),
        r"((?:curl|wget|https?)\b[^|\n]{0,400}?[ ](?:-b|--cookie)[ =]{1,2}[\"']?)(?![/.~-])(?=[^\s=\"']{1,80}=)[^\r\n\"']+",
        re.IGNORECASE,
        rf"\1{REDACTED}",
    ),
    # a bearer token has a digit or a sign in it; "bearer authentication" has not
    (
        ("bearer",),
        r"\b(bearer(?:\s{1,3}|%20|\+))(?=[a-z+/.-]{0,200}[0-9_~=])[a-z0-9._~+/=-]{8,}",
        re.IGNORECASE,
        rf"\1{REDACTED}",
    ),
    (("basic",), r"\b(basic\s{1,3})[a-z0-9+/]{6,2000}={1,2}", re.IGNORECASE, rf"\1{REDACTED}"),
    (("basic",), r"\b([Bb]asic\s{1,3})(?=[A-Za-z0-9+/]{1,40}[A-Z0-9])(?=\S*[a-z])[A-Za-z0-9+/]{8,2000}(?![\w-])", 0, rf"\1{REDACTED}"),
    # hashes of passwords, as /etc/shadow and databases hold them
    (
        ("$",),
        r"\$(?:1|2[abxy]?|5|6|7|y|gy|apr1|argon2(?:id|i|d)|scrypt|pbkdf2[\w-]{0,20})\$[A-Za-z0-9./$=,+_-]{20,500}",
        0,
        REDACTED,
    ),
    (("scram-sha-256$",), r"SCRAM-SHA-256\$[0-9]{1,9}:[A-Za-z0-9+/=]{4,200}\$[A-Za-z0-9+/=:]{4,300}", 0, REDACTED),
    (("ssha", "{sha", "{crypt"), r"\{(?:SSHA|SHA|CRYPT|SSHA256|SSHA512|SMD5)\}[A-Za-z0-9+/=.$]{8,300}", 0, REDACTED),
    (("5432", "5433", "6432", "3306"), r"(?<![\w.:/-])([\w.*-]{1,100}:(?:5432|5433|6432|3306|\*):[\w*.-]{1,64}:[\w*.-]{1,64}:)[^\s:]{1,200}", 0, rf"\1{REDACTED}"),
    (("*:",), r"(?<![\w.:/-])([\w.*-]{1,100}:(?:[0-9]{2,5}|\*):[\w*.-]{1,64}:[\w.-]{1,64}:)[^\s:]{1,200}(?=\s|\Z)", 0, rf"\1{REDACTED}"),
    (("sqlplus", "thin:", "rman", "expdp", "impdp", "sqlldr"), r"((?:\b(?:sqlplus|rman|expdp|impdp|sqlldr)\s(?:-\w{1,2}\s|target\s|userid=){0,3}|\bthin:)[\w$#]{1,40}/)[^\s@\"']{1,100}", re.IGNORECASE, rf"\1{REDACTED}"),
    (("_authtoken", "_auth", "_password"), r"(:_(?:authToken|auth|password)\s{0,3}[= ]\s{0,3})[^\s\"']{3,500}", 0, rf"\1{REDACTED}"),
    (("sig=", "signature="), r"([?&;](?:sig|signature|x-amz-signature|x-goog-signature)=)[A-Za-z0-9%+/=_-]{10,500}", re.IGNORECASE, rf"\1{REDACTED}"),
    # user:secret@host without a scheme
    (
        ("@",),
        r"(?<![\w/:.@+%-])(?!(?:to|from|cc|bcc|e?mail|mailto|user|username|login|contact|by|author|sips?|acct|xmpp|owner|reply-to|sender|image|docker)\b)"
        r"([A-Za-z][\w.+-]{0,63}:)(?!//)(?=[^\s@]{0,63}[0-9!#$%^&*])(?=[^\s@]{0,63}[A-Za-z!#$%^&*])[^\s@/\"'<>]{4,64}@(?!sha256:)(?=[A-Za-z0-9\[][\w.:\]-]{2,})",
        0,
        rf"\1{REDACTED}@",
    ),
)  # fmt: skip
_compiled: dict[int, re.Pattern[str]] = {}

_SQL = re.compile(
    r"(?i)(?<![\"'])\b(?:identified\s{1,3}(?:with\s{1,3}\S{1,60}\s{1,3})?(?:by|as|using)(?:\s{1,3}(?:password|values))?"
    r"|(?:set\s{1,3})?password(?:\s{1,3}for\s{1,3}\S{1,160})?\s{0,3}(?:=\s{0,3})?(?:(?:old_)?password)?\s{0,3}\(?"
    r"|pass(?:wd|phrase)|pwd)(?:\s{1,3}|(?<=[=(]))(?=(?:[NE]|U&)?\\{0,31}['\"`$])"
)
_DOLLARS = re.compile(r"\$(\w{0,20})\$")
_NOUN = re.compile(r"(?i)\b(?:password|passphrase|passwd|passcode|pwd|token|secret|credential|(?:api|access)[ -]?key)s?\s|\blogg?(?:ed|ing)?\sin\s")
_LINKED = re.compile(r"(?i)(?:^|\b(?:is|was|to|of|as|now|be|with|using|used|tried|entered|gave|said|sent)\s{1,3})(?=[^\s=:])")


def redact(text: str, lowered: str | None = None) -> str:
    """The text without secrets of a known shape. Redacting it again changes nothing."""
    for _ in range(4):
        before = text
        text = _redact_once(text, text.lower() if lowered is None else lowered)
        lowered = None
        if text == before:
            break
    return text


def _redact_once(text: str, lowered: str) -> str:
    text = _redact_plain(text, lowered)
    if "%" in text or "&" in text or "\\u00" in text or "\\x" in text:
        text = redact_encoded(text, lambda layer: _redact_plain(layer, layer.lower()))
    return text


def _redact_plain(text: str, lowered: str) -> str:
    for number, (hints, pattern, flags, instead) in enumerate(_PATTERNS):
        for hint in hints:
            if hint in lowered:
                compiled = _compiled.get(number)
                if compiled is None:
                    compiled = _compiled[number] = re.compile(pattern, flags)
                text = compiled.sub(instead, text)
                break
    if "identified" in lowered or "pass" in lowered or "pwd" in lowered:
        text = _replace(text, _SQL, _sql_value)
    for hint in NAME_HINTS:
        if hint in lowered:
            text = _redact_named(text, lowered)
            break
    if "-" in text or "|" in text or " " in text:
        text = options.redact(text)
    if tokens.may_hold_token(text):
        text = tokens.redact(text)
    return text


def _redact_named(text: str, lowered: str) -> str:
    if "<" in text:
        text = named_values.redact_elements(text)
    if "(" in text or "name" in lowered or "key" in lowered or "value" in lowered:
        text = named_values.redact_pairs(text)
    if ":" in text or "=" in text:
        text = named_values.redact(text)
    return _redact_sentences(text)


def _replace(text: str, introducer: re.Pattern[str], find: Callable[[str, int], tuple[int, int] | None]) -> str:
    pieces: list[str] = []
    done = 0
    for found in introducer.finditer(text):
        if found.end() < done:
            continue
        span = find(text, found.end())
        if span is not None and span[0] >= done:
            pieces += text[done : span[0]], REDACTED
            done = span[1]
    return "".join(pieces) + text[done:] if pieces else text


def _sql_value(text: str, position: int) -> tuple[int, int] | None:
    dollars = _DOLLARS.match(text, position)
    if dollars is not None:
        end = text.find(dollars.group(), dollars.end())
        end = len(text) if end < 0 else end
        inner = text[dollars.end() : end]
        return None if not inner or inner.startswith(REDACTED) else (dollars.end(), end)
    prefix = re.compile(r"(?:[NE]|U&)(?=\\{0,31}['\"])", re.IGNORECASE).match(text, position)
    value = value_at(text, prefix.end() if prefix else position, False)
    if value is None or not value.is_quoted or is_harmless(value.text) or value.text.isspace():
        return None
    return value.start, value.end


def _redact_sentences(text: str) -> str:
    """The text without what a sentence calls a password: "the password of qt is …"."""
    pieces: list[str] = []
    done = 0
    for noun in _NOUN.finditer(text):
        begin = noun.end()
        if begin < done:
            continue
        clause = text[begin : begin + 100]
        for link in _LINKED.finditer(clause):
            value = value_at(text, begin + link.end(), False)
            if value is None or value.is_group or value.start < done or not _is_random(value):
                continue
            pieces += text[done : value.start], REDACTED
            done = value.end
            break
    return "".join(pieces) + text[done:] if pieces else text


def _is_random(value: Value) -> bool:
    return looks_random(value.text) and not (value.is_quoted and " " in value.text)
