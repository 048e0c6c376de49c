#!/usr/bin/env bash
# Schedules the audit summaries in the crontab of the user who runs this: for installations without Ansible.
set -euo pipefail
export LC_ALL=C

usage() {
    cat <<'END'
Usage: install_audit_cron_user.sh [--print | --remove | --help]

Schedules the audit summaries in your own crontab; no root needed. Running it again
changes nothing, and the rest of your crontab stays as it is.

cron asks every quarter of an hour whether a summary is due; the tool makes each finished
UTC day, week and month exactly once, also after a night switched off. Every minute it has
sent what must be told.

  --print    show the lines, change nothing
  --remove   take them out again
  --help     show this

The installation is the one that this script was started from: for
/home/qt/quantum_trader/scripts/install_audit_cron_user.sh it is /home/qt/quantum_trader.
What the runs print goes to its status/audit_summary.log.
END
}

die() {
    printf 'install_audit_cron_user.sh: %s\n' "$1" >&2
    exit "${2:-1}"
}

# The directory above scripts/ as it was named: links are not resolved, so that the schedule
# outlives the release that the script lies in.
find_home() {
    local directory=${BASH_SOURCE[0]%/*}
    [[ $directory != "${BASH_SOURCE[0]}" ]] || directory=.
    home=$(cd -L -- "${directory:-/}" && pwd -L && printf x)
    home=${home%$'\nx'}
    home=${home%/*}
    case $home in
        *[[:cntrl:]]*) die 'the path of the installation holds a control character: move the installation' ;;
        */current | */releases/*) die "start it from the scripts/ of the installation, not from inside a release ($home)" ;;
    esac
    [[ -f $home/tools/audit_logger.py ]] ||
        die "$home/tools/audit_logger.py is missing: start this script from the scripts/ of an installation"
}

find_python() {
    python=/usr/bin/python3
    [[ -x $python ]] || python=$(command -v python3) ||
        die 'python3 is missing: install it (Debian, Ubuntu: apt install python3)'
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        die "$python is too old: Python 3.10 or later is needed"
}

# A word for /bin/sh in a crontab, where an unescaped % is a newline.
quote() {
    local word=$1 quote="'\\''"
    if [[ $word =~ [^A-Za-z0-9_./@+-] ]]; then
        word="'${word//"'"/$quote}'"
    fi
    printf '%s' "${word//%/\\%}"
}

schedule() {
    local tool log
    tool="$(quote "$python") $(quote "$home/tools/audit_logger.py")"
    log=$(quote "$home/status/audit_summary.log")
    printf '%s\n' "$begin" \
        "0,15,30,45 * * * * $tool daily_summary --due >> $log 2>&1" \
        "5,20,35,50 * * * * $tool weekly_summary --due >> $log 2>&1" \
        "10,25,40,55 * * * * $tool monthly_summary --due >> $log 2>&1" \
        "* * * * * $tool deliver >> $log 2>&1" \
        "25 3 * * * $tool archive --quiet >> $log 2>&1" \
        "$end"
}

# The crontab with our lines where they were, or at the end. Also goes: the line of the first
# version, which ran at midnight and summarised the day that had just begun.
rewrite() {
    BEGIN_LINE=$begin END_LINE=$end BLOCK=$1 TOOL="$home/tools/audit_logger.py" awk '
        function put() { if (!done && ENVIRON["BLOCK"] != "") print ENVIRON["BLOCK"]; done = 1 }
        function is_first_version(line) {
            return line ~ /^[ \t]*0[ \t]+0[ \t]+\*[ \t]+\*[ \t]+\*[ \t]/ &&
                index(line, " " ENVIRON["TOOL"] " daily_summary") && line !~ /--due/
        }
        $0 == ENVIRON["BEGIN_LINE"] { inside = 1; put(); next }
        inside { if ($0 == ENVIRON["END_LINE"]) inside = 0; next }
        is_first_version($0) { put(); next }
        { print }
        END { put() }
    ' "$work/before"
}

read_crontab() {
    command -v crontab > /dev/null || die 'crontab is missing: install it (Debian, Ubuntu: apt install cron)'
    if ! crontab -l > "$work/before" 2> "$work/said"; then
        grep -q 'no crontab for' "$work/said" || die "your crontab cannot be read: $(head -n 1 "$work/said")"
        : > "$work/before"
    fi
    if grep -qxF -- "$begin" "$work/before" && ! grep -qxF -- "$end" "$work/before"; then
        die "your crontab has the line \"$begin\" without its end: remove that block with crontab -e"
    fi
}

# Writes the crontab only if it is to change; an empty one is removed.
write_crontab() {
    if cmp -s "$work/before" "$work/after"; then
        return 1
    fi
    if [[ -s $work/after ]]; then
        crontab "$work/after" 2> "$work/said" || die "your crontab cannot be written: $(head -n 1 "$work/said")"
    else
        crontab -r
    fi
}

main() {
    local action=install
    [[ $# -le 1 ]] || { usage >&2; die 'one option at most' 2; }
    case ${1-} in
        '') ;;
        --print) action=print ;;
        --remove) action=remove ;;
        -h | --help) usage; exit 0 ;;
        *) die "$1 is not an option; --help names them all" 2 ;;
    esac
    find_home
    begin="# BEGIN quantum-trader audit_logger.py: $home"
    end="# END quantum-trader audit_logger.py: $home"
    if [[ $action == remove ]]; then
        block=
    else
        find_python
        block=$(schedule)
    fi
    if [[ $action == print ]]; then
        printf '%s\n' "$block"
        exit 0
    fi
    work=$(mktemp -d)
    trap 'rm -rf -- "$work"' EXIT
    [[ $action == remove ]] || (umask 027 && mkdir -p -- "$home/status")
    read_crontab
    rewrite "$block" > "$work/after"
    if ! write_crontab; then
        echo "✅ Nothing to do: your crontab is as it should be"
    elif [[ $action == remove ]]; then
        echo "✅ Removed the schedule of $home from your crontab"
    else
        echo "✅ Cron job installed; see it with: crontab -l | grep audit_logger"
    fi
}

main "$@"
