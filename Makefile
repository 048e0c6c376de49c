# What each target does stands beside it; `make` alone prints this list. The work is in sandbox/*.sh.
#
#   INVENTORY=path     deploy: your own hosts instead of the sandbox
#   ARGS="..."         deploy: more options for ansible-playbook; bench: which measurements
#   PYTEST_ARGS="..."  test: more options for pytest, such as "tests/unit -k journal"

.DEFAULT_GOAL := help
.PHONY: help deploy demo test docs lint bench sandbox-up sandbox-shell sandbox-down clean
MAKEFLAGS += --no-print-directory
# The scripts take these from the environment, where no quote in them can do harm.
export INVENTORY ARGS PYTEST_ARGS

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

deploy: ## deploy to a fresh sandbox VPS on this machine, or to INVENTORY=path
	@sandbox/deploy.sh

demo: ## break the sandbox VPS in seven ways and watch it heal itself, in about a minute
	@sandbox/demo.sh

test: ## lint, then the unit, integration and deployed tests
	@sandbox/test.sh

docs: ## write what is generated of the documents: tables, reference
	@sandbox/packages.sh python3-venv
	@sandbox/venv.sh
	@.venv/bin/python -m sandbox.documents

lint: ## ruff, mypy, ansible-lint, yamllint, shellcheck
	@sandbox/packages.sh python3-venv shellcheck
	@sandbox/venv.sh
	@sandbox/lint.sh

bench: ## measure speed; one table, never a pass or a fail
	@sandbox/bench.sh

sandbox-up: ## boot the sandbox VPS
	@sandbox/as_root.sh up

sandbox-shell: ## log in to the sandbox VPS (as qt where it is deployed: make sandbox-shell ARGS="--user qt")
	@sandbox/shell.sh

sandbox-down: ## end every sandbox of this clone and remove its disk
	@sandbox/as_root.sh down --all

clean: sandbox-down ## sandbox-down, and remove .venv and all caches of this clone
	rm -rf .venv .sandbox .hypothesis .ansible .mypy_cache .pytest_cache .ruff_cache
