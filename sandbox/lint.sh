#!/bin/bash
# Every linter, also when one before it complains; at the end, which did. Needs .venv and shellcheck.
set -euo pipefail
cd "$(dirname "$0")/.."

export PATH="$PWD/.venv/bin:$PATH" NO_COLOR=1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
names=()

# The output of each is shown whole when it fails and not at all when it does not.
begin() {
    local name=$1
    shift
    names+=("$name")
    { "$@" >"$scratch/$name.out" 2>&1 && echo 0 >"$scratch/$name.rc" || echo "$?" >"$scratch/$name.rc"; } &
}

mapfile -d '' scripts < <(grep -rlIZ --exclude-dir={.git,.venv,.sandbox,.ansible} -m1 -E '^#!(/usr)?/bin/(env )?(ba)?sh' .)

# A syntax check wants an inventory, and ansible.cfg names none on purpose.
begin ansible-lint env ANSIBLE_INVENTORY=inventory/sandbox ansible-lint --offline --strict
begin ruff ruff check .
begin ruff-format ruff format --check .
begin yamllint yamllint --strict .
begin shellcheck shellcheck "${scripts[@]}"
begin mypy mypy
begin import-linter env PYTHONPATH=files/quantum_trader/tools lint-imports --no-cache
wait

failed=0
for name in "${names[@]}"; do
    if [ "$(cat "$scratch/$name.rc")" = 0 ]; then
        echo "lint: $name: good"
    else
        failed=1
        cat "$scratch/$name.out"
        echo "lint: $name: COMPLAINS (above)"
    fi
done
exit "$failed"
