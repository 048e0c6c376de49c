#!/bin/bash
# Installs by apt what is missing of the named packages, and says which. Usage: packages.sh PACKAGE...
set -euo pipefail

# On another distribution the packages have other names: the programs say themselves what they miss.
command -v dpkg-query >/dev/null || exit 0

missing=()
for package; do
    # shellcheck disable=SC2016  # dpkg's own placeholder
    state=$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null) || state=absent
    [ "$state" = installed ] || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "setup: run as root, or install sudo, so that apt-get can install: ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
echo "==> installing by apt: ${missing[*]}"
install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends)
# Only lists that are missing or too old need a fetch; most machines have good ones.
"${install[@]}" "${missing[@]}" >/dev/null 2>&1 && exit 0
"${as_root[@]}" apt-get update --quiet
"${install[@]}" --quiet "${missing[@]}"
