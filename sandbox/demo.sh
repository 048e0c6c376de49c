#!/bin/bash
# `make demo`: breaks the sandbox VPS in seven ways and shows how it heals itself. Deploys first if it must.
set -euo pipefail
cd "$(dirname "$0")/.."

tool=quantum_trader/tools/audit_logger.py
ready() { ssh -F .sandbox/vps/ssh_config qt@vps "test -e $tool && systemctl is-active --quiet quantum-trader-monitor"; }

if [ ! -e .sandbox/vps/ssh_config ] || ! ready 2>/dev/null; then
    sandbox/deploy.sh
fi
# Whatever an earlier run that was cut off has left broken.
ssh -F .sandbox/vps/ssh_config vps sudo bash -s -- --quiet <sandbox/trading_system.sh
PYTHONDONTWRITEBYTECODE=1 exec python3 -m sandbox.demo
