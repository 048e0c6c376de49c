"""What the cheap test of redaction.py and the patterns share: the one module here that is always imported."""

from __future__ import annotations

REDACTED = "[redacted]"
NOT_SECRET, KEY_LIKE, WEAK, TEXT, EXACT = range(5)
"""How much a name says: nothing; "key"; "auth" or "pass"; a secret's name and more; a secret's name."""
NAME_HINTS = (
    "pass", "token", "secret", "key", "auth", "pwd", "cred", "cookie", "psk", "pw", "phrase", "mnemonic",
    "sess", "sid", "sig", "otp", "mfa", "on_code", "on code", "codes", "up_code", "ry_code", "me_code",
    "csrf", "xsrf", "webhook", "community",
)  # fmt: skip
"""A name that names a secret holds one of these."""
