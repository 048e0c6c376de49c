#!/bin/bash
# Runs `python -m sandbox ARGUMENTS` as root, after installing what a sandbox needs.
set -euo pipefail
cd "$(dirname "$0")/.."

sandbox/packages.sh python3 mmdebstrap systemd-container nftables iproute2 openssh-client util-linux mount e2fsprogs \
    debian-archive-keyring ca-certificates

python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3)
export PYTHONDONTWRITEBYTECODE=1
if [ "$(id -u)" -eq 0 ]; then
    exec "$python" -m sandbox "$@"
fi
command -v sudo >/dev/null || { echo "sandbox: needs root: install sudo, or run as root" >&2; exit 1; }
exec sudo --preserve-env=QT_SANDBOX_CACHE,PYTHONDONTWRITEBYTECODE,http_proxy,https_proxy "$python" -m sandbox "$@"
