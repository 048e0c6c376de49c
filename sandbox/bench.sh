#!/bin/bash
# `make bench`: the measurements in tests/bench; $ARGS goes to them.
set -euo pipefail
cd "$(dirname "$0")/.."

sandbox/packages.sh python3 python3-venv jq coreutils procps logwatch python3-jinja2
sandbox/venv.sh
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement tests/bench/requirements.txt
mapfile -t arguments < <(xargs -r -n1 printf '%s\n' <<<"${ARGS:-}")
exec .venv/bin/python tests/bench "${arguments[@]}"
