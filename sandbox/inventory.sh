#!/bin/bash
# Sourced: $inventory from $INVENTORY, empty for the sandbox, and $arguments from $ARGS; ends with 2 for one that does
# not exist. $1 is who asks.

inventory=${INVENTORY:-}
# Not every shell expands a ~ here.
case "$inventory" in \~/*) inventory=$HOME/${inventory#\~/} ;; esac
if [ -n "$inventory" ] && [ ! -e "$inventory" ]; then
    echo "$1: INVENTORY=$inventory does not exist: name an inventory file or directory (copy inventory/example)" >&2
    exit 2
fi
# The words of $ARGS, quoted ones whole.
# shellcheck disable=SC2034 # for whoever sources this
mapfile -t arguments < <(xargs -r -n1 printf '%s\n' <<<"${ARGS:-}")
# Where links cannot be checked out (a drive of another system), git leaves a text in its place.
if [ ! -e playbooks/collections/ansible_collections/quantum_trader/audit/galaxy.yml ]; then
    echo "$1: playbooks/collections/ansible_collections/quantum_trader/audit is no link to this checkout, so Ansible" \
        "does not find its roles: git config core.symlinks true && git checkout -- playbooks/collections" >&2
    exit 2
fi
