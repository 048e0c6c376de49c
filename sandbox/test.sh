#!/bin/bash
# `make test`: lint, then every test. $PYTEST_ARGS goes to pytest.
# The order is another each time; pytest names its seed, and PYTEST_ARGS=--randomly-seed=SEED repeats it.
set -euo pipefail
cd "$(dirname "$0")/.."

sandbox/packages.sh python3 python3-venv shellcheck faketime jq logrotate cron chromium util-linux coreutils procps \
    postgresql python3-psycopg2 python3-xgboost
# A base takes a minute on a new machine: meanwhile the linters work.
sandbox/as_root.sh base >/dev/null &
building=$!
trap 'kill "$building" 2>/dev/null || true' EXIT
sandbox/venv.sh
lint=0
sandbox/lint.sh || lint=$?
wait "$building"
trap - EXIT
[ "$lint" -eq 0 ] || exit "$lint"

# The words of $PYTEST_ARGS, quoted ones whole.
mapfile -t arguments < <(xargs -r -n1 printf '%s\n' <<<"${PYTEST_ARGS:-}")
# Tests of one VPS stay together in one worker (xdist_group), the others fill the second.
pytest=(.venv/bin/python -m pytest --numprocesses 2 --dist loadgroup)
if [ "$(id -u)" -eq 0 ]; then
    exec "${pytest[@]}" "${arguments[@]}"
fi
# The sandbox needs root, and so do tests that mount, or become another user. Nothing of root's stays in the clone.
exec sudo --preserve-env=QT_SANDBOX_CACHE,QT_TEST_STORM,http_proxy,https_proxy \
    env PYTHONDONTWRITEBYTECODE=1 "${pytest[@]}" -p no:cacheprovider "${arguments[@]}"
