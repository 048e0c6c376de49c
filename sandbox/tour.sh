#!/bin/bash
# Shows, on the sandbox VPS and over SSH, what a deploy has put there.
set -euo pipefail
cd "$(dirname "$0")/.."

bold='' plain=''
if [ -t 1 ]; then
    bold=$'\033[1m' plain=$'\033[0m'
fi

on_vps() {
    printf '\n%sqt@vps:~$ %s%s\n' "$bold" "$1" "$plain"
    ssh -F .sandbox/vps/ssh_config qt@vps "$1"
}

printf '\n==> deployed; a short tour of the VPS, over SSH\n'
on_vps 'python3 ~/quantum_trader/tools/audit_logger.py test'
on_vps 'python3 ~/quantum_trader/tools/audit_logger.py stats'
on_vps 'tail -n 5 ~/quantum_trader/status/AUTO_REPAIR_AUDIT.log'
on_vps 'python3 ~/quantum_trader/tools/audit_logger.py verify'

cat <<'EOF'

What next:
  make demo                              break the VPS in seven ways and watch it heal itself
  make sandbox-shell                     log in and look around, as qt (ARGS="--user admin": as the admin)
  make verify                            is all as it should be? also make rollback, make remove
  make deploy                            deploy again: nothing changes
  make deploy INVENTORY=path             deploy to your own hosts (begin with a copy of inventory/example)
  make sandbox-down                      end the VPS and remove its disk
EOF
