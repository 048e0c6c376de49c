#!/bin/bash
# Logs in to the sandbox VPS: as qt where it is deployed, else as admin. $ARGS goes to `python -m sandbox shell`, such as
# "--user admin". Needs no root: the keys are the user's.
set -euo pipefail
cd "$(dirname "$0")/.."

# The words of $ARGS, quoted ones whole.
mapfile -t arguments < <(xargs -r -n1 printf '%s\n' <<<"${ARGS:-}")
name=${arguments[0]:-vps}
case "$name" in -*) name=vps ;; esac
user=()
case " ${ARGS:-} " in
    *" --user"* | *" -h "* | *" --help "*) ;;
    *)
        if ssh -F ".sandbox/$name/ssh_config" -o BatchMode=yes -o ConnectTimeout=5 "qt@$name" true </dev/null 2>/dev/null; then
            user=(--user qt)
        fi
        ;;
esac
PYTHONDONTWRITEBYTECODE=1 exec python3 -m sandbox shell "${user[@]}" "${arguments[@]}"
