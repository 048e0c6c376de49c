"""Which names name a secret, and which values under such a name are none.

`classify` answers for the name in `name=value` as for the key of a detail.
"""

from __future__ import annotations

import re

NOT_SECRET, KEY_LIKE, WEAK, TEXT, EXACT = range(5)
"""How much a name says: nothing; "key"; "auth" or "pass"; a secret's name and more; a secret's name."""

_QUALIFIED_KEY = (
    "api|access|private|secret|account|auth|app|application|master|signing|encryption|decryption|shared|"
    "shared_access|preshared|pre_shared|license|deploy|service|storage|consumer|client|hmac|jwt|session|sas|"
    "webhook|subscription|ingest|integration|project|bot|unseal|recovery|tunnel|wireguard|sync|root|admin"
)
_QUALIFIED_PASS = (
    "db|database|user|usr|smtp|imap|pop|mail|email|sql|mysql|pg|postgres|mongo|redis|rabbit|rabbitmq|amqp|root|"
    "admin|ftp|sftp|ssh|become|sudo|su|ldap|bind|http|proxy|login|vault|api|key|store|truststore|keystore|wifi|"
    "vpn|rdp|cert|p12|pfx|pem|gpg|pgp|require|master|my|web|basic|client|server|backup|broker|mqtt|svc|service|"
    "app|enable|zip|archive|ssh_key"
)
_SECRET_NOUN = (
    r"(?:passw(?:or)?[dt]|passphrase|passcode|pass_phrase|pwd|token(?!i[sz])|secret(?!ar)|credential|creds|"
    rf"(?:{_QUALIFIED_KEY})_?key|(?:seed|recovery)_phrase|mnemonic|authorization)"
)
_EXACT = re.compile(
    rf"(?:.*_|)(?:{_SECRET_NOUN}|psk|(?:bind|root|admin|user|db|ldap|smtp|my|ftp|http|sa)?_?pw|passe|(?:{_QUALIFIED_PASS})_?pass|pass_?key|secret_id|"
    r"(?:php|j|asp)?sess(?:ion)?_?id|session_cookie|connect_sid|sessionid|totp|otp|otp_code|mfa_code|"
    r"(?:verification|one_time|backup|recovery)_codes?|masterauth|requirepass|rediscli_auth|"
    r"(?:client|consumer)_?secret|pre_?shared_?key|x_amz_signature|community_string)"
)
_TEXT = re.compile(rf".*(?:{_SECRET_NOUN}|webhook|csrf|xsrf)")
_WEAK = re.compile(
    r"(?:.*_|)(?:auths?|pass|cookies?|sid|sig|cookie_(?:jar|value|header|string))|(?!.*(?:by|com|sur|tres|over|under|encom)pass)[a-z0-9_]*(?:pass|auth|cookies?)"
)
_PUBLIC_KEY = frozenset(
    "public primary foreign cache sort partition host dict natural unique index object s3 row idempotency dedup "
    "incident lock map group order routing registry hot sort json yaml config setting composite hash event "
    "message translation i18n lookup search surrogate".split()
)
_HARMLESS_SUFFIX = frozenset(
    "file files path paths dir name names type types url uri policy policies age length len min max count counts "
    "used limit limits ttl expiry expires expired in at version versions size algorithm alg format status state "
    "set changed updated rotated date time days seconds prompt store manager mode required enabled disabled field "
    "fields scheme bits rotation source service server endpoint hint strength budget bucket rate location provider "
    "class ref reference usage prefix fingerprint check checks test tests valid ok error errors total left "
    "remaining timer socket mount target unit owner user users host port column index".split()
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
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
        return NOT_SECRET if last == "keys" or qualifier in _PUBLIC_KEY else KEY_LIKE
    if _WEAK.fullmatch(words) or _WEAK.fullmatch(as_written):
        return WEAK
    if _TEXT.match(words) or _TEXT.match(as_written):
        return NOT_SECRET if last in _HARMLESS_SUFFIX else TEXT
    return NOT_SECRET


_PLAIN_PARTS = frozenset(
    "user username name login email mail host hostname url uri scheme method type kind mode realm status result "
    "enabled path domain provider issuer scope scopes expires role port id state source client_id".split()
)
_SEVERAL = re.compile(r"(?i).*(?:secrets|passwords|passwds|credentials|creds|passphrases|keys)")


def is_plain_part(name: str) -> bool:
    """Whether the name, below one that names a secret, names something that is none: `auth: {user: …}`."""
    return name.lower() in _PLAIN_PARTS


def names_several(name: str) -> bool:
    """Whether the name is one of several secrets: a list or mapping under it is one as a whole."""
    return _SEVERAL.fullmatch(name) is not None


HARMLESS = frozenset(
    "none null nil true false yes no on off ok okay set unset empty missing required optional changed unchanged "
    "expired expires valid invalid wrong incorrect failed failing failure passed success succeeded rotated rotates "
    "revoked enabled disabled unknown unavailable absent present hidden masked redacted encrypted hashed n/a not "
    "a an the is was are were in of for with from must should may can cannot could will would to be it its and or "
    "undefined read loaded taken fetched refreshed verified renewed issued granted sourced copied written cached cleared "
    "generated replaced imported exported synced kept locked unlocked prompted stdin needs takes expects requires accepts "
    "given without if has found mismatch mismatched denied accepted rejected refused restarted checked updated created "
    "removed deleted sent used unused stored reset resets skipped pending done "
    "plain login basic digest bearer ldap ldaps kerberos gssapi ntlm pam peer trust ident cert saml oauth oauth2 "
    "oidc mfa 2fa sso md5 sha1 sha256 sha512 sha-256 sha-512 bcrypt argon2 argon2id scram scram-sha-256 cram-md5 "
    "scram-sha-1 xoauth2 ssl tls starttls publickey keyboard-interactive password x509 mtls unix socket anonymous "
    "local internal external session optional strict lax samesite httponly secure default".split()
)
_DEFINITE = frozenset(
    "password default local internal external session secure basic login socket plain".split()
)
"""Harmless under "auth", but a password of somebody."""
_ROOTS = tuple(f"/{name}/" for name in "etc var run home srv opt usr root tmp dev mnt proc sys".split()) + (
    "~/",
    "./",
    "../",
)
_PLACEHOLDER = re.compile(
    r"[*x•.…_?-]{1,64}|<[^<>]{0,64}>|\$\{[^{}]{0,80}\}|\$[A-Z_][A-Z0-9_]{0,60}|\$\([^()]{0,80}\)|\{\{[^{}]{0,80}\}\}|"
    r"%\(\w{1,40}\)s|%[sdr]|\{[a-z_]{0,30}\}|\[redacted\]|\[?REDACTED\]?|\[[a-z ]{1,20}\]|!vault|!secret|!ref"
)
_DIGIT, _LETTER = re.compile(r"[0-9]"), re.compile(r"[A-Za-z]")
_PATH = re.compile(r"(?:~|\.{0,2})/(?:[\w.-]{1,60}/){0,9}[\w.-]{1,80}|(?:/[\w.-]{1,60}){2,9}/?")
_SIGN = re.compile(r"[!@#$%^&*+=~?|{}:;]")
_NO_KEY = re.compile(
    r"(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[~.]{0,2}/.*|[a-z][a-z0-9+.-]*://.*|v?[0-9]+(?:\.[0-9]+)+.*|"
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}.*|sha(?:1|256|512):.*|ssh-\S*|[a-z]+(?:[-_:./@][a-z]+)*[-_:./@]?[0-9]{0,4}|ed25519|"
    r"[0-9]+ ?[a-zµ%]{0,6}"
)


def is_harmless(value: str, kind: int = EXACT) -> bool:
    """Whether the value only says something of a secret: "changed", "required", `${DB_PASSWORD}`, `****`."""
    if len(value) > 100:
        return False
    if _PLACEHOLDER.fullmatch(value) or (_PATH.fullmatch(value) and value.startswith(_ROOTS)):
        return True
    word = value.strip(" .,:;!?)(\"'`").lower()
    return not word or (word in HARMLESS and (kind == WEAK or word not in _DEFINITE))


def is_secret(kind: int, value: str, in_prose: bool = False, name: str = "") -> bool:
    """Whether a value under a name of this kind is a secret. `in_prose`: as in "auth: value", unquoted."""
    if is_harmless(value, kind):
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


_FIGURE = re.compile(
    r"[0-9]{1,7}(?:[.,:][0-9]{1,6}){0,3} ?(?:%|[a-z]{1,7})?|[0-9]{4}-[0-9]{2}-[0-9]{2}[0-9T:.Z+ -]{0,30}|sha256:[0-9a-f]{8,64}"
)


def _is_figure(value: str) -> bool:
    return len(value) <= 80 and _FIGURE.fullmatch(value) is not None
