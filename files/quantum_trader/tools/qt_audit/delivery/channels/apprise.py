"""Any service that Apprise knows (Debian's package `apprise`). Each message is sent by a child process.

Apprise and its libraries log addresses and have no timeout for a whole attempt. So the child gets the address
on its standard input, its output is discarded except for one word, and it is killed after the timeout.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from qt_audit.delivery.message import PERMANENT, SENT, TRANSIENT, Message, SendResult, Values, channel_name
from qt_audit.delivery.transport.web_address import AddressError
from qt_audit.delivery.wording import texts

SETTING, KIND = "QT_NOTIFY_URLS", "apprise"
SERVICES = "Any service that Apprise knows"
ADDRESS = "`QT_NOTIFY_URLS`: such as `ntfys://host/topic`; needs the package `apprise`"
MISSING = "QT_NOTIFY_URLS needs Apprise; run `apt install apprise`"
_CHILD = Path(__file__).parents[1] / "transport" / "apprise_child.py"
_RESULTS = {
    "sent": SendResult(SENT, "taken by Apprise", done=1),
    "failed": SendResult(TRANSIENT, "Apprise could not deliver it; it does not say why"),
    "unknown": SendResult(PERMANENT, "Apprise does not know this kind of address; see its documentation"),
    "missing": SendResult(PERMANENT, MISSING),
}
_TYPES = {"info": "info", "warning": "warning", "critical": "failure"}


@dataclass(frozen=True)
class Apprise:
    """One address for Apprise."""

    name: str
    url: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.name} (Apprise)"

    def send(self, message: Message, timeout: float, late_s: float = 0.0, done: int = 0) -> SendResult:
        """See Channel.send(). Apprise itself splits and shortens the text for each service."""
        request = {"url": self.url, **document(message, late_s)}
        try:
            child = subprocess.run(
                [sys.executable, "-I", str(_CHILD)],
                input=json.dumps(request).encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return SendResult(TRANSIENT, f"no answer within {timeout:g} s")
        except OSError as error:
            return SendResult(TRANSIENT, f"Apprise could not be started ({error.strerror})")
        word = child.stdout[-100:].decode("ascii", "replace").strip()
        return _RESULTS.get(word, SendResult(TRANSIENT, f"Apprise ended with exit code {child.returncode}"))


def channel(address: str, settings: Values) -> Apprise:
    """The channel. Raises AddressError if it is not an address for Apprise, or switches verification off."""
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://.", address):
        raise AddressError("must be an address as Apprise takes it, such as ntfys://host/topic")
    if re.search(r"[?&]verify=(?:no|n|0|f|false|off|-|disable)", address, re.IGNORECASE):
        raise AddressError("must not switch the verification of certificates off")
    return Apprise(channel_name(KIND, address), address)


def problems(settings: Values) -> list[str]:
    """One line if the package is missing and an address needs it."""
    return [MISSING] if settings[SETTING] and importlib.util.find_spec("apprise") is None else []


def document(message: Message, late_s: float) -> dict[str, str]:
    """What the child gets besides the address: title, body and type."""
    lines = [texts.clean(message.text).strip("\n")]
    lines += [f"{texts.one_line(name, 100)}: {texts.clean(value)}" for name, value in message.fields]
    lines.append(texts.foot(message, late_s))
    return {
        "title": f"{texts.sign(message)} {texts.one_line(message.title, 200)}",
        "body": "\n".join(line for line in lines if line),
        "type": "success" if message.kind == "recovery" else _TYPES.get(message.severity, "info"),
    }
