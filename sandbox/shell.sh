#!/bin/bash
# Logs in to the sandbox VPS; $ARGS goes to `python -m sandbox shell`. Needs no root: the keys are the user's.
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck disable=SC2086  # words, as the person typed them
exec env PYTHONDONTWRITEBYTECODE=1 python3 -m sandbox shell ${ARGS:-}
