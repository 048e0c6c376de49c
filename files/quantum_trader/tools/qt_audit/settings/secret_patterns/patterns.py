"""Shapes that one regular expression finds, each with what a text must hold before it is tried.

Every pattern is bounded, so a hostile megabyte costs linear time.
"""

from __future__ import annotations

import re

from qt_audit.settings.secret_patterns.basics import REDACTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_S = r"\\{0,7}/"  # a slash, also as some write it into JSON
_BEFORE_SCHEME = r"(?<![A-Za-z0-9+.-])"
_SCHEME = rf"[A-Za-z][A-Za-z0-9+.-]{{0,30}}:{_S}{_S}"
_PEM = r"[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_LABELS = (
    "to|from|cc|bcc|e?mail|mailto|user|username|login|contact|by|author|sips?|acct|xmpp|owner|"
    "reply-to|sender|"
    "image|docker"
)
_NO_CREDENTIAL = "required|none|ok|failed|optional|missing|denied|disabled|enabled|granted|valid|invalid|null"
_KEY_IN_BASE64 = "SU0EgUFJJVkFURS|QUklWQVRF|PUEVOU1NI|FQyBQUklWQVRF|FTkNSWVBURUQ|EU0Eg"

PATTERNS: Final[tuple[tuple[str, tuple[str, ...], str, int, str], ...]] = (
    # characters that all must be there, words of which one must, the pattern and its flags, what to put
    (
        "-",
        ("-----begin",),
        rf"-----BEGIN{_PEM}.*?(?:-----END{_PEM}|\Z)",
        re.DOTALL,
        REDACTED,
    ),
    (
        ":",
        ("private-lines:",),
        r"(Private-Lines: ?[0-9]{1,4}(?:\r?\n|\\n)).*?(?=Private-MAC|\Z)",
        re.DOTALL,
        rf"\1{REDACTED}\n",
    ),
    # userinfo: scheme://user:password@host. The name of a user alone is none with ssh and the like
    (
        "@:/",
        ("://", ":\\"),
        (
            rf"{_BEFORE_SCHEME}((?!(?:git\+)?(?:ssh|sftp|rsync|svn|"
            rf"git)\b[^\s:@/]{{0,9}}:{_S}{_S}[\w.-]{{1,64}}@){_SCHEME})"
            r"(?!\[redacted\]@)[^\s/?#\"'<>]{1,512}@(?!\[redacted\])"
        ),
        0,
        rf"\1{REDACTED}@",
    ),
    # the password of a database may hold @ / # ? '
    (
        "@:/",
        ("://", ":\\"),
        rf"{_BEFORE_SCHEME}((?!https?:){_SCHEME})\[redacted\]@[^\s\"<>@]{{0,512}}@(?=[\w\[])",
        0,
        rf"\1{REDACTED}@",
    ),
    (
        "@:/",
        ("://", ":\\"),
        (
            rf"{_BEFORE_SCHEME}({_SCHEME})[^\s/?#\"'<>@:\[]{{0,256}}:"
            r"(?![0-9]{1,5}(?:[/?#,;]|\\/))[^\s\"<>]{1,512}@(?=[\w\[%])"
        ),
        0,
        rf"\1{REDACTED}@",
    ),
    # webhooks: Discord, Slack, Mattermost, Rocket.Chat, Teams, and whoever names the path so
    (
        ":/",
        ("webhook", "hooks", "services", "workflows", "triggers"),
        (
            rf"(https?:{_S}{_S}[^\s/\"'<>]{{1,255}}{_S}(?:[^\s/\"'<>]{{1,64}}/){{0,4}}?"
            rf"(?:webhooks?|webhookb2|hooks|services|workflows|triggers){_S})[^\s\"'<>]+"
        ),
        re.IGNORECASE,
        rf"\1{REDACTED}",
    ),
    # their paths alone, as an exception of an HTTP library has them
    (
        "/",
        ("/webhook", "/services/", "/triggers/", "/workflows/"),
        r"(/webhooks?/[0-9]{5,30}/|/(?:services|triggers|workflows)/T[A-Z0-9]{2,20}/[AB]?[A-Z0-9]{2,20}/)[\w-]+",
        re.IGNORECASE,
        rf"\1{REDACTED}",
    ),
    # a bot of Telegram, also in its address
    (":", (":aa",), r"(?<![0-9A-Za-z_])(?:bot)?[0-9]{6,12}:A[A-Za-z0-9_-]{30,40}", 0, REDACTED),
    (
        "",
        ("authorization",),
        (
            r"(authorization\\{0,31}[\"']?\s{0,3}[=:]>?\s{0,3})(\\{0,31}[\"']?)"
            rf"(?!(?:{_NO_CREDENTIAL})\b)(?:(?:digest|aws4)[^\r\n]*|[^\s\"'\\][^\r\n\"'\\]*)"
        ),
        re.IGNORECASE,
        rf"\1\2{REDACTED}",
    ),
    (
        "=",
        ("cookie",),
        (
            r"(\b(?:set-)?cookies?2?\\{0,31}[\"']?\s{0,3}[=:]\s{0,3})(\\{0,31}[\"']?)"
            r"(?=[^\s=;\"'\\{\[]{1,80}=[^\s=])[^\r\n\"'\\]+"
        ),
        re.IGNORECASE,
        rf"\1\2{REDACTED}",
    ),
    (
        "=-",
        (" -b", "--cookie"),
        (
            r"((?:\bcurl|wget|https?)\b[^|\n]{0,400}?[ ](?:-b|--cookie)[ =]{1,2}[\"']?)"
            r"(?![/.~-])(?=[^\s=\"']{1,80}=)[^\r\n\"']+"
        ),
        re.IGNORECASE,
        rf"\1{REDACTED}",
    ),
    # a bearer token has a digit or a sign in it; "bearer authentication" has not
    (
        "",
        ("bearer",),
        r"\b(bearer(?:\s{1,3}|%20|\+))(?=[a-z+/.-]{0,200}[0-9_~=])[a-z0-9._~+/=-]{8,}",
        re.IGNORECASE,
        rf"\1{REDACTED}",
    ),
    ("=", ("basic",), r"\b(basic\s{1,3})[a-z0-9+/]{6,2000}={1,2}", re.IGNORECASE, rf"\1{REDACTED}"),
    (
        "",
        ("basic ",),
        r"\b([Bb]asic\s{1,3})(?=[A-Za-z0-9+/]{1,40}[A-Z0-9])(?=\S*[a-z])[A-Za-z0-9+/]{8,2000}(?![\w-])",
        0,
        rf"\1{REDACTED}",
    ),
    # hashes of passwords, as /etc/shadow, LDAP and databases hold them
    (
        "$",
        ("$",),
        r"\$(?:1|2[abxy]?|5|6|7|y|gy|apr1|argon2(?:id|i|d)|scrypt|pbkdf2[\w-]{0,20})\$[A-Za-z0-9./$=,+_-]{20,500}",
        0,
        REDACTED,
    ),
    (
        "$:",
        ("scram-sha-256$",),
        r"SCRAM-SHA-256\$[0-9]{1,9}:[A-Za-z0-9+/=]{4,200}\$[A-Za-z0-9+/=:]{4,300}",
        0,
        REDACTED,
    ),
    (
        "{",
        ("{ssha", "{sha", "{crypt", "{smd5"),
        r"\{(?:SSHA|SHA|CRYPT|SSHA256|SSHA512|SMD5)\}[A-Za-z0-9+/=.$]{8,300}",
        0,
        REDACTED,
    ),
    # a line of .pgpass
    (
        ":",
        ("5432:", "5433:", "6432:", "3306:"),
        r"(?<![\w.:/-])([\w.*-]{1,100}:(?:5432|5433|6432|3306):[\w*.-]{1,64}:[\w*.-]{1,64}:)[^\s:]{1,200}",
        0,
        rf"\1{REDACTED}",
    ),
    (
        ":*",
        ("*:",),
        r"(?<![\w.:/*-])([\w.*-]{1,100}:(?:[0-9]{2,5}|\*):[\w*.-]{1,64}:[\w.-]{1,64}:)[^\s:]{1,200}(?=\s|\Z)",
        0,
        rf"\1{REDACTED}",
    ),
    (
        "/",
        ("sqlplus", "thin:", "rman ", "expdp", "impdp", "sqlldr"),
        (
            r"((?:\b(?:sqlplus|rman|expdp|impdp|sqlldr)\s(?:-\w{1,2}\s|target\s|userid=){0,3}|"
            r"\bthin:)[\w$#]{1,40}/)"
            r"[^\s@\"']{1,100}"
        ),
        re.IGNORECASE,
        rf"\1{REDACTED}",
    ),
    (
        ":",
        (":_auth", ":_pass"),
        r"(:_(?:authToken|auth|password)\s{0,3}[= ]\s{0,3})[^\s\"']{3,500}",
        0,
        rf"\1{REDACTED}",
    ),
    (
        "=",
        ("sig=", "signature="),
        r"([?&;](?:sig|signature|x-amz-signature|x-goog-signature)=)[A-Za-z0-9%+/=_-]{10,500}",
        re.IGNORECASE,
        rf"\1{REDACTED}",
    ),
    (
        "(",
        ("auth(", "login(", "authenticate("),
        r"(\b(?:\w{0,20}auth|login|authenticate)\(\s{0,3}(\\{0,31}[\"'])[^\"'\\]{1,80}\2,\s{0,3}\2)[^\"'\\]{1,200}(?=\2)",
        re.IGNORECASE,
        rf"\1{REDACTED}",
    ),
    # user:secret@host without a scheme
    (
        "@:",
        ("@",),
        (
            rf"(?<![\w/:.@+%-])(?!(?:{_LABELS})\b)([A-Za-z][\w.+-]{{0,63}}:)(?!//)"
            r"(?=[^\s@]{0,63}[0-9!#$%^&*])(?=[^\s@]{0,63}[A-Za-z!#$%^&*])"
            r"[^\s@/\"'<>]{4,64}@(?!sha256:)(?=[A-Za-z0-9\[][\w.:\]-]{2,})"
        ),
        0,
        rf"\1{REDACTED}@",
    ),
)
_compiled: dict[int, re.Pattern[str]] = {}


def redact(text: str, lowered: str) -> str:
    """The text without what the patterns find. `lowered` is the text in lower case."""
    for number, (characters, words, pattern, flags, instead) in enumerate(PATTERNS):
        for character in characters:
            if character not in text:
                break
        else:
            for word in words:
                if word in lowered:
                    compiled = _compiled.get(number)
                    if compiled is None:
                        compiled = _compiled[number] = re.compile(pattern, flags)
                    text = compiled.sub(instead, text)
                    break
    return text
