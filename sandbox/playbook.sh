#!/bin/bash
# `make verify`, `make rollback`, `make remove`: the playbook $1, on the hosts of $INVENTORY, or else on the sandbox VPS.
# $ARGS goes to ansible-playbook.
set -euo pipefail
cd "$(dirname "$0")/.."

name=$1
# shellcheck source=sandbox/inventory.sh
. sandbox/inventory.sh "$name"
whose="the hosts of $inventory"
if [ -z "$inventory" ]; then
    inventory=inventory/sandbox
    whose="the sandbox VPS"
    if [ ! -e .sandbox/vps/ssh_config ]; then
        echo "$name: there is no sandbox VPS: make deploy makes one; INVENTORY=path names hosts of your own" >&2
        exit 2
    fi
fi
sandbox/packages.sh python3 python3-venv openssh-client
sandbox/venv.sh
case "$name" in
    rollback) echo "==> $whose: back to the release before" ;;
    remove) echo "==> $whose: the installation is taken away; settings and evidence (config/, status/) and the account stay" ;;
esac
exec .venv/bin/ansible-playbook -i "$inventory" "playbooks/$name.yml" "${arguments[@]}"
