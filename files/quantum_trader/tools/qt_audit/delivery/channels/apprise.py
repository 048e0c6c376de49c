"""Any service that Apprise knows (Debian's package `apprise`), each address in a process of its own.

Apprise and the libraries below it log addresses and know no time-out for the whole: the process gets
the address on its standard input, its output goes nowhere but for one word, and it is killed in time.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from qt_audit.delivery.message import PERMANENT, SENT, TRANSIENT, Answer, Message, Values, channel_name
from qt_audit.delivery.transport.web_address import AddressError
from qt_audit.delivery.wording import texts

SETTING, KIND = "QT_NOTIFY_URLS", "apprise"
SERVICES = "Any service that Apprise knows"
ADDRESS = "`QT_NOTIFY_URLS`: such as `ntfys://host/topic`; needs the package `apprise`"
MISSING = "QT_NOTIFY_URLS needs Apprise; run `apt install apprise`"
_CHILD = Path(__file__).parents[1] / "transport" / "apprise_child.py"
_ANSWERS = {
    "sent": Answer(SENT, "taken by Apprise", done=1),
    "failed": Answer(TRANSIENT, "Apprise could not deliver it; it does not say why"),
    "unknown": Answer(PERMANENT, "Apprise does not know this kind of address; see its documentation"),
    "missing": Answer(PERMANENT, MISSING),
}
_TYPES = {"info": "info", "warning": "warning", "critical": "failure"}


@dataclass(frozen=True)
class Apprise:
    """One address of Apprise's."""

    name: str
    url: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.name} (Apprise)"

    def send(self, message: Message, timeout: float, late_s: float = 0.0, done: int = 0) -> Answer:
        """See Channel.send(). Apprise splits and shortens by itself, as each service wants it."""
        told = {"url": self.url, **document(message, late_s)}
        try:
            child = subprocess.run(
                [sys.executable, "-I", str(_CHILD)],
                input=json.dumps(told).encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Answer(TRANSIENT, f"no answer within {timeout:g} s")
        except OSError as error:
            return Answer(TRANSIENT, f"Apprise could not be started ({error.strerror})")
        word = child.stdout[-100:].decode("ascii", "replace").strip()
        return _ANSWERS.get(word, Answer(TRANSIENT, f"Apprise ended with exit code {child.returncode}"))


def channel(address: str, settings: Values) -> Apprise:
    """The channel. Raises AddressError for what is no address of Apprise's, or an unsafe one."""
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://.", address):
        raise AddressError("must be an address as Apprise takes it, such as ntfys://host/topic")
    if re.search(r"[?&]verify=(?:no|n|0|f|false|off|-|disable)", address, re.IGNORECASE):
        raise AddressError("must not switch the verification of certificates off")
    return Apprise(channel_name(KIND, address), address)


def problems(settings: Values) -> list[str]:
    """The package that is missing, where an address needs it."""
    return [MISSING] if settings[SETTING] and importlib.util.find_spec("apprise") is None else []


def document(message: Message, late_s: float) -> dict[str, str]:
    """What Apprise is told, beside the address."""
    lines = [texts.clean(message.text).strip("\n")]
    lines += [f"{texts.one_line(name, 100)}: {texts.clean(value)}" for name, value in message.fields]
    lines.append(texts.foot(message, late_s))
    return {
        "title": f"{texts.sign(message)} {texts.one_line(message.title, 200)}",
        "body": "\n".join(line for line in lines if line),
        "type": "success" if message.kind == "recovery" else _TYPES.get(message.severity, "info"),
    }
