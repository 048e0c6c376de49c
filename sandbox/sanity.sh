#!/bin/bash
# `ansible-test sanity` on the collection as it is installed, with tests/sanity; $@ goes to it. It fetches what its tests
# need from PyPI. What lands on a host (files/) is no part of Ansible: `make lint` looks at that.
set -euo pipefail
cd "$(dirname "$0")/.."

sandbox/venv.sh
export PATH=$PWD/.venv/bin:$PATH
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
ansible-galaxy collection build --output-path "$scratch" >/dev/null
ansible-galaxy collection install "$scratch"/*.tar.gz --collections-path "$scratch" --force --offline >/dev/null 2>&1
collection=$scratch/ansible_collections/quantum_trader/audit
mkdir -p "$collection/tests"
cp -r tests/sanity "$collection/tests"
cd "$collection"
# It asks git for the files to look at.
git init --quiet
echo /tests/output >>.git/info/exclude
git add --all
ansible-test sanity --venv --python "$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" --exclude files/ "$@"
