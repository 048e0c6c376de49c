"""A private key that comes line by line, as `log -` reads it: what follows its first line is a secret too."""

from __future__ import annotations

from qt_audit.settings.secret_patterns.basics import REDACTED
from qt_audit.settings.secret_patterns.lazy import lazy

_BEGIN = lazy(r"-----BEGIN[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|Private-Lines: ?[0-9]")
_END = lazy(r"-----END[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|Private-MAC:")
_BODY = lazy(r"(?:^|(?<=[\s:>|\"']))[A-Za-z0-9+/]{16,}={0,2}(?=[\s\"',\\]{0,9}$)")
_LAST = lazy(r"\s*[A-Za-z0-9+/]{1,76}={0,2}\s*")
_MAX_LINES = 500


class KeyLines:
    """Remembers that a private key has begun, for at most 500 lines, until its last line comes.

    Only what looks like a line of a key is taken out: a key that never ends hides no message.
    """

    __slots__ = ("_left", "_was_body")

    def __init__(self) -> None:
        self._left = 0
        self._was_body = False

    def redact(self, line: str) -> str:
        """The line without the part of a key that it holds. The other shapes are the redactor's."""
        end = _END.search(line)
        if self._left and end is not None:
            self._left = 0
            line = REDACTED + line[end.end() :] if _BODY.search(line[: end.start()].rstrip()) else line
        elif self._left:
            self._left -= 1
            body = _BODY.search(line)
            if body is not None:
                line = line[: body.start()] + REDACTED + line[body.end() :]
            elif self._was_body and _LAST.fullmatch(line):
                line = REDACTED
            self._was_body = body is not None
        begin = _BEGIN.search(line)
        if begin is not None and _END.search(line, begin.end()) is None:
            self._left, self._was_body = _MAX_LINES, False
        return line
