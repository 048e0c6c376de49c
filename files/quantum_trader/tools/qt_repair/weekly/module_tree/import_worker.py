"""What runs in the child process: import modules one after the other, and note how each went.

Called as `python3 import_worker.py LIST RESULTS`: LIST is a JSON list of module names, RESULTS gets
a JSON line `[name, error or null]` as each is done, and `[name]` before, so that one that ends the
process is known.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback


def main(names_file: str, results_file: str) -> None:
    """Import all; nothing that a module does keeps the next one from its turn, but ending the process."""
    with open(names_file, encoding="utf-8") as file:
        names = json.load(file)
    with open(results_file, "a", encoding="utf-8") as results:
        for name in names:
            print(json.dumps([name]), file=results, flush=True)
            print(json.dumps([name, _import(name)]), file=results, flush=True)


def _import(name: str) -> str | None:
    try:
        importlib.import_module(name)
    except BaseException as error:  # sys.exit() in a module, too, is a fault of it
        return traceback.format_exception_only(type(error), error)[-1].strip()[:300]
    return None


if __name__ == "__main__":
    del sys.path[0]  # this file's own directory: none of its neighbours is meant
    main(sys.argv[1], sys.argv[2])
    os._exit(0)  # a thread that a module left behind keeps nobody waiting
