#!/bin/bash
# `make deploy`: to the hosts of $INVENTORY, or else to a sandbox VPS, followed by a short tour of it.
# $ARGS goes to ansible-playbook.
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=sandbox/inventory.sh
. sandbox/inventory.sh deploy
sandbox/packages.sh python3 python3-venv openssh-client

if [ -n "$inventory" ]; then
    sandbox/venv.sh
    exec .venv/bin/ansible-playbook -i "$inventory" playbooks/deploy.yml "${arguments[@]}"
fi

# The base and .venv take their time on a new machine: side by side.
sandbox/as_root.sh base >/dev/null &
building=$!
trap 'kill "$building" 2>/dev/null || true' EXIT
sandbox/venv.sh
wait "$building"
trap - EXIT

sandbox/as_root.sh up
# What there is to repair: the system of a customer, which no role knows of.
ssh -F .sandbox/vps/ssh_config vps sudo bash -s <sandbox/trading_system.sh
.venv/bin/ansible-playbook -i inventory/sandbox playbooks/deploy.yml "${arguments[@]}"

for word in "${arguments[@]}"; do
    case "$word" in
        --check | -C | --syntax-check | --list-*)
            echo "==> nothing was changed, so there is nothing to show"
            exit 0
            ;;
    esac
done
sandbox/tour.sh
