# What each target does stands beside it; `make` alone prints this list. The work is in sandbox/*.sh.
#
#   INVENTORY=path     deploy, verify, rollback, remove: your own hosts instead of the sandbox
#   ARGS="..."         these: more options for ansible-playbook; bench: which measurements; sandbox-shell: see below
#   PYTEST_ARGS="..."  test: more options for pytest, such as "tests/unit -k journal"

.DEFAULT_GOAL := help
.PHONY: help deploy verify rollback remove demo test test-long test-matrix test-sanity docs lint bench \
	sandbox-up sandbox-shell sandbox-down clean
MAKEFLAGS += --no-print-directory
# The scripts take these from the environment, where no quote in them can do harm.
export INVENTORY ARGS PYTEST_ARGS
# Named, for Ansible passes over the one of a directory that everybody may write to.
ANSIBLE_CONFIG ?= $(CURDIR)/ansible.cfg
export ANSIBLE_CONFIG

# A variable that is misspelt would leave the sandbox in the place of your hosts.
KNOWN := INVENTORY ARGS PYTEST_ARGS ANSIBLE_CONFIG MAKEFLAGS GNUMAKEFLAGS SHELL
GIVEN := $(foreach name,$(filter-out -%,$(.VARIABLES)),$(if $(findstring command line,$(origin $(name))),$(name)))
UNKNOWN := $(filter-out $(KNOWN),$(GIVEN))
ifneq ($(UNKNOWN),)
$(error there is no variable $(firstword $(UNKNOWN)): did you mean INVENTORY, ARGS or PYTEST_ARGS?)
endif
ifeq ($(origin INVENTORY)$(strip $(INVENTORY)),command line)
$(error INVENTORY is empty: name an inventory, or leave INVENTORY= out for the sandbox)
endif

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

deploy: ## deploy to a fresh sandbox VPS on this machine, or to INVENTORY=path
	@sandbox/deploy.sh

verify: ## is every host well, and as a deploy would leave it? changes nothing
	@sandbox/playbook.sh verify

rollback: ## go back to the release that each host used before
	@sandbox/playbook.sh rollback

remove: ## take the installation off every host, without asking; settings and evidence stay
	@sandbox/playbook.sh remove

demo: ## break the sandbox VPS in seven ways and watch it heal itself, in about a minute
	@sandbox/demo.sh

test: ## lint, then the unit, integration and deployed tests
	@sandbox/test.sh

test-long: ## test, with storms of kills and cuts ten times as long; more than an hour
	@QT_TEST_STORM=10 sandbox/test.sh

test-matrix: ## deploy with the lowest, the usual and the newest ansible-core; ten minutes
	@sandbox/matrix.sh

test-sanity: ## ansible-test sanity on the collection as it is installed
	@sandbox/sanity.sh

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

sandbox-shell: ## log in to the sandbox VPS, as qt once it is deployed; ARGS="--user admin" for the other
	@sandbox/shell.sh

sandbox-down: ## end every sandbox of this clone and remove its disk
	@sandbox/as_root.sh down --all

clean: sandbox-down ## sandbox-down, and remove .venv and all caches of this clone
	rm -rf .venv .sandbox .hypothesis .ansible .mypy_cache .pytest_cache .ruff_cache
