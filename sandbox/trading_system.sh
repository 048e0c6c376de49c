#!/bin/bash
# Run as root on the sandbox VPS: makes what the repair programs look after there, and puts back what is missing.
# A stand-in for the system that a customer runs: it belongs to the sandbox, and no role knows of it.
#
#   PostgreSQL      role and database `quantum`, database `market` with the data set as a table
#   Docker          container `grafana`, which answers /api/health as Grafana does
#   systemd         service `trading-agent`, which answers /health
#   /srv/trading    the data set that the model is trained on: 22 features and whether the price went up
#   /srv/scratch    a small disk of its own
#
# Usage: trading_system.sh [--quiet]
set -euo pipefail
cd /

say() { [ "${1:-}" = "" ] || echo "==> trading system: $1"; }
[ "${1:-}" != --quiet ] || say() { :; }

wait_for() {
    for _ in $(seq 150); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.2
    done
    echo "trading system: it did not come up within half a minute: $*" >&2
    exit 1
}

# -- the data set: the same rows on every machine -------------------------------------------------------------
mkdir -p /srv/trading
if [ ! -e /srv/trading/features.csv ]; then
    say "a data set of 22 features"
    cat >/srv/trading/make_data.py <<'PYTHON'
"""3,000 minutes of a market that does not exist: 22 indicators, and whether the price was higher a minute later."""

import csv
import math
import random

NAMES = (
    "return_1m return_5m return_15m return_1h volatility_5m volatility_1h rsi_14 macd macd_signal ema_ratio_12_26 "
    "bollinger_position atr_14 volume_ratio order_imbalance spread_bps depth_ratio vwap_distance funding_rate "
    "open_interest_change hour_sin hour_cos news_score"
).split()
WEIGHTS = {"return_5m": 1.4, "order_imbalance": 2.0, "macd": 1.1, "spread_bps": -0.8, "news_score": 1.2, "rsi_14": -0.9}

random.seed(22)
with open("/srv/trading/features.csv.new", "w", newline="", encoding="ascii") as file:
    writer = csv.writer(file)
    writer.writerow([*NAMES, "price_went_up"])
    for _ in range(3000):
        row = {name: random.gauss(0, 1) for name in NAMES}
        score = sum(weight * row[name] for name, weight in WEIGHTS.items())
        score += 0.8 * row["return_1m"] * row["volume_ratio"]
        up = random.random() < 1 / (1 + math.exp(-1.5 * score))
        writer.writerow([*(f"{row[name]:.5f}" for name in NAMES), int(up)])
PYTHON
    python3 /srv/trading/make_data.py
    mv /srv/trading/features.csv.new /srv/trading/features.csv
fi

# What somebody may put in the model's place; needs what the role installs.
cat >/srv/trading/old_model.py <<'PYTHON'
"""Train a model on the first 18 features only. Usage: old_model.py FILE"""

import csv
import sys

import xgboost

with open("/srv/trading/features.csv", encoding="ascii") as file:
    names, *rows = csv.reader(file)
data = xgboost.DMatrix(
    [[float(cell) for cell in row[:18]] for row in rows], [int(row[-1]) for row in rows], feature_names=names[:18]
)
xgboost.train({"objective": "binary:logistic", "nthread": 1}, data, 5).save_model(sys.argv[1])
PYTHON
[ -e /srv/trading/order_book.json ] || echo '{"bids": [[100.1, 3]], "asks": [[100.2, 5]]}' >/srv/trading/order_book.json

# -- the small disk ----------------------------------------------------------------------------------------------
if ! grep -q ' /srv/scratch ' /etc/fstab; then
    say "a disk of 48 MB at /srv/scratch"
    mkdir -p /srv/scratch
    echo 'scratch /srv/scratch tmpfs size=48m,mode=0777 0 0' >>/etc/fstab
    systemctl daemon-reload
fi
mountpoint --quiet /srv/scratch || mount /srv/scratch
[ -e /srv/scratch/order_book.json ] || cp /srv/trading/order_book.json /srv/scratch/

# -- the agent ---------------------------------------------------------------------------------------------------
if [ ! -e /etc/systemd/system/trading-agent.service ]; then
    say "a trading agent as a service"
    mkdir -p /srv/trading/agent
    echo '{"status": "ok", "positions": 3}' >/srv/trading/agent/health
    cat >/etc/systemd/system/trading-agent.service <<'UNIT'
[Unit]
Description=A trading agent (stand-in: a web server that says it is well)
After=network.target

[Service]
DynamicUser=true
ExecStart=/usr/bin/busybox httpd -f -p 127.0.0.1:8600 -h /srv/trading/agent

[Install]
WantedBy=multi-user.target
UNIT
    systemctl daemon-reload
    systemctl enable --quiet trading-agent.service
fi
systemctl start trading-agent.service

# -- the databases -----------------------------------------------------------------------------------------------
psql() { runuser -u postgres -- psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 "$@"; }
systemctl start postgresql.service
wait_for psql --command='SELECT 1'
[ "$(psql --command="SELECT count(*) FROM pg_roles WHERE rolname = 'quantum'")" = 1 ] ||
    psql --command='CREATE ROLE quantum NOLOGIN'
if [ "$(psql --command="SELECT count(*) FROM pg_database WHERE datname = 'quantum'")" = 0 ]; then
    say "the database quantum"
    psql --command='CREATE DATABASE quantum OWNER quantum'
fi
if [ "$(psql --command="SELECT count(*) FROM pg_database WHERE datname = 'market'")" = 0 ]; then
    say "the database market, with the data set as a table"
    psql --command='CREATE DATABASE market'
    columns=$(head -n 1 /srv/trading/features.csv | sed 's/,/ real, /g; s/$/ integer/')
    psql --dbname=market --single-transaction --file=- <<SQL
CREATE TABLE features ($columns);
\copy features FROM '/srv/trading/features.csv' WITH (FORMAT csv, HEADER)
GRANT SELECT ON features TO PUBLIC;
SQL
fi

# -- the container -----------------------------------------------------------------------------------------------
systemctl start docker.service
wait_for docker version
if ! docker image inspect grafana-stand-in:1 >/dev/null 2>&1; then
    say "an image that answers as Grafana does"
    image=$(mktemp -d)
    mkdir -p "$image/bin" "$image/www/api"
    cp /usr/bin/busybox "$image/bin/busybox"
    ln -s busybox "$image/bin/sh" # which a health check is run by
    echo '{"database": "ok", "version": "stand-in"}' >"$image/www/api/health"
    chmod -R go+rX "$image"
    tar -C "$image" -c . | docker import \
        --change 'CMD ["/bin/busybox", "httpd", "-f", "-p", "3000", "-h", "/www"]' - grafana-stand-in:1 >/dev/null
    rm -r "$image"
fi
if ! docker container inspect grafana >/dev/null 2>&1; then
    say "the container grafana"
    docker run --detach --name grafana --restart unless-stopped --stop-signal KILL \
        --publish 127.0.0.1:3000:3000 \
        --health-cmd '/bin/busybox wget -q -O /dev/null http://127.0.0.1:3000/api/health' \
        --health-interval 1s --health-timeout 2s --health-retries 2 grafana-stand-in:1 >/dev/null
fi
[ "$(docker container inspect --format '{{.State.Running}}' grafana)" = true ] || docker start grafana >/dev/null
