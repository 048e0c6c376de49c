"""The shapes of secrets, and where they begin and end in a text.

`shapes.redact` applies them all; the other modules are its parts. But for `basics`, nothing here is imported
before a text needs it: `settings/redaction.py` holds the cheap test. gitleaks.json has the tokens of known
services, its licence beside it. Only `settings` and `commands` import this.
"""
