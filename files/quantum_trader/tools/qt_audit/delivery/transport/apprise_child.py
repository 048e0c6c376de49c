"""Hands one message to Apprise; run by apprise.py as a program of its own, and by nobody else.

Reads a JSON object (url, title, body, type) from standard input and prints one word: sent,
failed, unknown (no such kind of address) or missing (Apprise is not installed).
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys


def main() -> str:
    told = json.load(sys.stdin)
    logging.disable(logging.CRITICAL)  # its log holds addresses
    try:
        apprise = importlib.import_module("apprise")
    except ImportError:
        return "missing"
    sender = apprise.Apprise()
    if not sender.add(told["url"]):
        return "unknown"
    done = sender.notify(body=told["body"], title=told["title"], notify_type=told["type"], body_format="text")
    return "sent" if done else "failed"


if __name__ == "__main__":
    answers = os.dup(1)
    os.dup2(2, 1)  # what a library prints goes where its log goes: nowhere
    word = main()
    os.write(answers, word.encode())
