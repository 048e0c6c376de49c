#!/bin/bash
# `make test-matrix`: a dry run, a deploy and another dry run on a bare VPS, with each ansible-core: the lowest that
# meta/runtime.yml allows, the one that everything else here runs with, and the newest that PyPI has.
set -euo pipefail
cd "$(dirname "$0")/.."

lowest=$(sed -nE 's/^requires_ansible: *"?>=([0-9]+\.[0-9]+).*/\1/p' meta/runtime.yml)
usual=$(sed -nE 's/^ansible-core==([0-9]+\.[0-9]+).*/\1/p' requirements.txt)
# The newest runs on the newest Python only.
newest_python=python3
for python in python3.1{4,3,2} "$HOME"/.pyenv/versions/3.1[2-4]*/bin/python; do
    if "$python" -m venv --help >/dev/null 2>&1; then
        newest_python=$python
        break
    fi
done

sandbox/packages.sh python3 python3-venv openssh-client
mkdir -p .sandbox/matrix
inventory=.sandbox/inventory-of-matrix
failed=0

# $1: what it is called; $2: what pip is asked for; $3: a Python that runs it.
try() {
    local machine=matrix-$1 venv=.sandbox/matrix/$1 log=.sandbox/matrix/$1.log version step came
    "$3" -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$2" jsonschema PyYAML 2>"$log" || {
        echo "$1: pip could not install $2: $(tail -n 1 "$log")"
        failed=1
        return
    }
    version=$("$venv/bin/python" -c 'import sys, ansible.release as a; print(a.__version__, "on Python", sys.version.split()[0])')
    rm -rf "$inventory"
    mkdir -p "$inventory"
    cp -r inventory/sandbox/group_vars "$inventory"
    echo "{all: {hosts: {$machine: }}}" >"$inventory/hosts.yml"
    sandbox/as_root.sh up "$machine" >/dev/null
    : >"$log"
    came="deployed"
    for step in --check --diff --check; do
        if ! "$venv/bin/ansible-playbook" -i "$inventory" playbooks/deploy.yml "$step" >>"$log" 2>&1; then
            came="FAILED, see $PWD/$log"
            failed=1
            break
        fi
    done
    if [ "$came" = deployed ] && ! tail -n 5 "$log" | grep -q 'changed=0 '; then
        came="FAILED: a dry run after the deploy would change something, see $PWD/$log"
        failed=1
    fi
    sandbox/as_root.sh down "$machine" >/dev/null
    echo "$1: ansible-core $version: $came"
    grep -hE '^\[(DEPRECATION )?WARNING\]: ' "$log" | sort -u || true
}

export ANSIBLE_CONFIG=${ANSIBLE_CONFIG:-$PWD/ansible.cfg} ANSIBLE_NOCOLOR=1
try lowest "ansible-core==$lowest.*" /usr/bin/python3
try usual "ansible-core==$usual.*" /usr/bin/python3
try newest ansible-core "$newest_python"
rm -rf "$inventory"
exit "$failed"
