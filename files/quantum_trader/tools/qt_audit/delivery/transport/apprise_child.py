"""Send one message through Apprise. channels/apprise.py runs this file as a program of its own.

It reads a JSON object (url, title, body, type) from standard input and prints one word: sent, failed,
unknown (no such kind of address) or missing (Apprise is not installed).
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys


def main() -> str:
    request = json.load(sys.stdin)
    logging.disable(logging.CRITICAL)  # Apprise logs addresses
    try:
        apprise = importlib.import_module("apprise")
    except ImportError:
        return "missing"
    sender = apprise.Apprise()
    if not sender.add(request["url"]):
        return "unknown"
    sent = sender.notify(
        body=request["body"], title=request["title"], notify_type=request["type"], body_format="text"
    )
    return "sent" if sent else "failed"


if __name__ == "__main__":
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints goes to stderr, which the parent discards
    word = main()
    os.write(answers, word.encode())
