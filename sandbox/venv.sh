#!/bin/bash
# Makes .venv from the pins in requirements.txt, again whenever they or Python change. A half-built one is
# never taken as good: it is built under another name and carries its stamp last.
set -euo pipefail
cd "$(dirname "$0")/.."

python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3)
stamp=$({ cat requirements.txt; "$python" --version; pwd -P; } | sha256sum | cut -d' ' -f1)

mkdir -p .sandbox
exec 9>.sandbox/venv.lock
flock --nonblock 9 || { echo "==> waiting for another build of .venv"; flock 9; }
[ "$(cat .venv/stamp 2>/dev/null)" != "$stamp" ] || exit 0

echo "==> building .venv from requirements.txt (about half a minute)"
rm -rf .venv
"$python" -m venv .venv
if ! .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
        --requirement requirements.txt 2>.sandbox/venv.log; then
    echo "setup: pip could not install the requirements: $(grep -m1 ERROR .sandbox/venv.log || tail -n1 .sandbox/venv.log)" >&2
    exit 1
fi
.venv/bin/python -m pip check --quiet >/dev/null
printf '%s\n' "$stamp" >.venv/stamp
