"""Which names name a secret, and which values under such a name are none.

`classify` answers for the name in `name=value` as for the key of a detail.
"""

from __future__ import annotations

import re

from qt_audit.settings.secret_patterns.basics import EXACT, KEY_LIKE, NOT_SECRET, TEXT, WEAK
from qt_audit.settings.secret_patterns.lazy import lazy
from qt_audit.settings.secret_patterns.word_lists import (
    DEFINITE,
    HARMLESS,
    HARMLESS_SUFFIX,
    PLAIN_PARTS,
    PUBLIC_KEY,
    ROOTS,
)

_BEFORE_KEY = (
    "api|access|private|secret|account|auth|app|application|master|signing|encryption|decryption|shared|"
    "shared_access|preshared|pre_shared|license|deploy|service|storage|consumer|client|hmac|jwt|session|sas|"
    "webhook|subscription|ingest|integration|project|bot|unseal|recovery|tunnel|wireguard|sync|root|admin"
)
_USED_BY = (
    "db|database|user|usr|smtp|imap|pop|mail|email|sql|mysql|pg|postgres|mongo|redis|rabbit|"
    "rabbitmq|amqp|root|"
    "admin|ftp|sftp|ssh|become|sudo|su|ldap|bind|http|proxy|login|vault|api|key|store|truststore|"
    "keystore|wifi|"
    "vpn|rdp|cert|p12|pfx|pem|gpg|pgp|require|master|my|web|basic|client|server|backup|broker|mqtt|"
    "svc|service|"
    "app|enable|zip|archive|ssh_key"
)
_SECRET_NOUN = (
    r"(?:passw(?:or)?[dt]|passphrase|passcode|pass_phrase|pwd|token(?!i[sz])|secret(?!ar)|credential|creds|"
    rf"(?:{_BEFORE_KEY})_?key|(?:seed|recovery)_phrase|mnemonic|authorization)"
)
_EXACT = lazy(
    rf"(?:.*_|)(?:{_SECRET_NOUN}|psk|(?:bind|root|admin|user|db|ldap|smtp|my|ftp|http|sa)?_?pw|passe|"
    rf"(?:{_USED_BY})_?pass|pass_?key|secret_id|"
    r"(?:php|j|asp)?sess(?:ion)?_?id|session_cookie|connect_sid|sessionid|totp|otp|otp_code|mfa_code|"
    r"(?:verification|one_time|backup|recovery)_codes?|masterauth|requirepass|rediscli_auth|"
    r"(?:client|consumer)_?secret|pre_?shared_?key|x_amz_signature|community_string)"
)
_TEXT = lazy(rf".*(?:{_SECRET_NOUN}|webhook|csrf|xsrf)")
_WEAK = lazy(
    r"(?:.*_|)(?:auths?|pass|cookies?|sid|sig|cookie_(?:jar|value|header|string))|(?!.*(?:by|com|"
    r"sur|tres|over|under|encom)pass)[a-z0-9_]*(?:pass|auth|cookies?)"
)
_CAMEL = lazy(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = lazy(r"[^a-z0-9]+")
_known: dict[str, int] = {}


def classify(name: str) -> int:
    """How much this name says about its value. Caches short names."""
    kind = _known.get(name)
    if kind is None:
        kind = _classify(name)
        if len(name) <= 64 and len(_known) < 2000:
            _known[name] = kind
    return kind


def _classify(name: str) -> int:
    words = _NOT_WORD.sub("_", _CAMEL.sub("_", name[-256:]).lower()).strip("_")
    as_written = _NOT_WORD.sub("_", name[-256:].lower()).strip("_")
    last = words.rpartition("_")[2]
    for form in (words, as_written):
        if _EXACT.fullmatch(form):
            return EXACT
    if last in ("key", "keys"):
        qualifier = words.rpartition("_")[0].rpartition("_")[2]
        if _TEXT.match(words):
            return TEXT
        return NOT_SECRET if last == "keys" or qualifier in PUBLIC_KEY else KEY_LIKE
    if _WEAK.fullmatch(words) or _WEAK.fullmatch(as_written):
        return WEAK
    if _TEXT.match(words) or _TEXT.match(as_written):
        return NOT_SECRET if last in HARMLESS_SUFFIX else TEXT
    return NOT_SECRET


_SEVERAL = lazy(r"(?i).*(?:secrets|passwords|passwds|credentials|creds|passphrases|keys)")


def is_plain_part(name: str) -> bool:
    """Whether the name, below one that names a secret, names something that is none: `auth: {user: …}`."""
    return name.lower() in PLAIN_PARTS


def names_several(name: str) -> bool:
    """Whether the name is one of several secrets: a list or mapping under it is one as a whole."""
    return _SEVERAL.fullmatch(name) is not None


_PLACEHOLDER = lazy(
    r"[*x•.…_?-]{1,64}|<[^<>]{0,64}>|\$\{[^{}]{0,80}\}|\$[A-Z_][A-Z0-9_]{0,60}|\$\([^()]{0,80}\)|"
    r"\{\{[^{}]{0,80}\}\}|"
    r"%\(\w{1,40}\)s|%[sdr]|\{[a-z_]{0,30}\}|\[redacted\]|\[?REDACTED\]?|\[[a-z ]{1,20}\]|!vault|!secret|!ref"
)
_DIGIT, _LETTER = lazy(r"[0-9]"), lazy(r"[A-Za-z]")
_PATH = lazy(r"(?:~|\.{0,2})/(?:[\w.-]{1,60}/){0,9}[\w.-]{1,80}|(?:/[\w.-]{1,60}){2,9}/?")
_SIGN = lazy(r"[!@#$%^&*+=~?|{}:;]")
_NO_KEY = lazy(
    r"(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[~.]{0,2}/.*|[a-z][a-z0-9+.-]*://.*|"
    r"v?[0-9]+(?:\.[0-9]+)+.*|"
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}.*|sha(?:1|256|512):.*|ssh-\S*|"
    r"[a-z]+(?:[-_:./@][a-z]+)*[-_:./@]?[0-9]{0,4}|ed25519|"
    r"[0-9]+ ?[a-zµ%]{0,6}"
)


def is_harmless(value: str, kind: int = EXACT) -> bool:
    """Whether the value only says something of a secret: "changed", "required", `${DB_PASSWORD}`, `****`."""
    if len(value) > 100:
        return False
    if _PLACEHOLDER.fullmatch(value) or (_PATH.fullmatch(value) and value.startswith(ROOTS)):
        return True
    word = value.strip(" .,:;!?)(\"'`").lower()
    return not word or (word in HARMLESS and (kind == WEAK or word not in DEFINITE))


def is_secret(kind: int, value: str, in_prose: bool = False, name: str = "") -> bool:
    """Whether a value under a name of this kind is a secret. `in_prose`: as in "auth: value", unquoted."""
    if is_harmless(value, kind) or (in_prose and value.lower() == "password"):
        return False
    if kind == KEY_LIKE:
        return len(value) >= 12 and _is_mixed(value) and not _NO_KEY.fullmatch(value)
    if kind == WEAK:
        if value.isdigit():
            return False
        if in_prose:
            return len(value) >= 5 and (_is_mixed(value) or _SIGN.search(value) is not None)
        is_bare = name.lower() in ("auth", "oauth", "pass", "cookie")
        return len(value) >= (10 if is_bare and value.isalpha() and value.islower() else 3)
    if kind == TEXT:
        return not _is_figure(value)
    return not (in_prose and value.isdigit() and len(value) < (6 if name.lower().endswith("key") else 4))


def _is_mixed(value: str) -> bool:
    return _DIGIT.search(value) is not None and _LETTER.search(value) is not None


def looks_random(value: str) -> bool:
    """Whether a word of a sentence looks like a secret: letters and digits or signs, no version, no date."""
    if len(value) < 6 or is_harmless(value, WEAK) or not _LETTER.search(value):
        return False
    if re.match(
        r"(?i)sha-?[0-9]|md5|base64|utf|aes|rsa|pbkdf|argon|bcrypt|scrypt|[a-z]+://|[~.]?/|v?[0-9]+[.:]",
        value,
    ):
        return False
    return _DIGIT.search(value) is not None or re.search(r"[!@#$%^&*+=~]", value) is not None


_FIGURE = lazy(
    r"[0-9]{1,7}(?:[.,:][0-9]{1,6}){0,3} ?(?:%|[a-z]{1,7})?|[0-9]{4}-[0-9]{2}-[0-9]{2}[0-9T:.Z+ "
    r"-]{0,30}|sha256:[0-9a-f]{8,64}"
)


def _is_figure(value: str) -> bool:
    return len(value) <= 80 and _FIGURE.fullmatch(value) is not None
