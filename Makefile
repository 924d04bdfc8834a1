# What people and CI type. Every target is quick when there is nothing to do.

# A recipe line that fails inside a pipe or with an unset variable stops make.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
CONFIG ?= config.toml
BOUNCES ?= ../shared/bounces
# Two workers for each core: the tests wait more than they compute.
WORKERS ?= $(shell echo $$(( 2 * $$(nproc 2>/dev/null || echo 1) )))
LOCK_OPTIONS := --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links \
  --no-emit-trusted-host --no-emit-options --extra postgres --extra speed --extra ua --extra geo --extra build

.PHONY: help run demo test check bench bench-bounces bench-store bench-start bench-kill bench-soak bench-syncs bench-pixel bench-queue bench-sink bench-views format lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 16

run: $(VENV)/.installed ## start Homing with config.toml (CONFIG=other.toml for another)
	@exec $(BIN)/homing serve --config $(CONFIG)

demo: $(VENV)/.installed ## a whole world on loopback: every status within a minute
	@exec $(BIN)/homing demo

test: $(VENV)/.installed-dev ## install what the tests need and run all of them
	@scripts/provision
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal $(TESTS)

check: $(VENV)/.installed-dev ## what CI demands of the code itself: style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --quiet tests/test_architecture.py

bench: $(VENV)/.installed-dev ## Homing beside Postfix, Exim and others, in 25 minutes (BENCH="--only homing --scenarios html")
	@scripts/provision-bench
	@$(BIN)/python -m bench.run $(BENCH)

bench-store: $(VENV)/.installed-dev ## the store by itself, beside plain sqlite3
	@scripts/provision-bench
	@$(BIN)/python -m bench.store

bench-start: $(VENV)/.installed-dev ## how quickly the program is there, and what it weighs at rest
	@$(BIN)/python -m bench.start

bench-kill: $(VENV)/.installed-dev ## kill -9 under load, 200 times, and account for every mail (KILL="--times 20")
	@$(BIN)/python -m bench.kill $(KILL)

bench-soak: $(VENV)/.installed-dev ## half an hour at work with faults all around: does anything grow? (SOAK="--minutes 10")
	@$(BIN)/python -m bench.soak $(SOAK)

bench-syncs: $(VENV)/.installed-dev ## is everything on the disk before 250 is said? As strace sees it
	@scripts/provision-bench
	@$(BIN)/python -m bench.syncs

bench-bounces: $(VENV)/.installed-dev ## score the bounce reader on labelled mails, and its speed (BOUNCES=folder)
	@$(BIN)/python -m bench.bounces $(BOUNCES)
	@$(BIN)/python -m bench.cross $(BOUNCES)

bench-pixel: $(VENV)/.installed-dev ## load 200,000 pixels while mail is relayed, and count all of them again
	@scripts/provision-bench
	@$(BIN)/python -m bench.pixel

bench-queue: $(VENV)/.installed-dev ## start on a million recipients that wait, and time a mail to somebody else (QUEUE="--domains 1")
	@scripts/provision
	@$(BIN)/python -m bench.queue $(QUEUE)

bench-sink: $(VENV)/.installed-dev ## 5,000 mails to servers with every fault of Postfix's smtp-sink, each accounted for
	@scripts/provision
	@$(BIN)/python -m bench.sink $(SINK)

bench-views: $(VENV)/.installed-dev ## how long each view takes on 100,000 messages (VIEWS="--messages 10000")
	@$(BIN)/python -m bench.views $(VIEWS)

format: $(VENV)/.installed-dev ## put the code into its shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(VENV)/.installed-dev ## write both lock files anew (UPGRADE=--upgrade for newer versions)
	@CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet $(UPGRADE) $(LOCK_OPTIONS) \
	  --output-file requirements.lock pyproject.toml
	@CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet $(UPGRADE) $(LOCK_OPTIONS) --extra dev \
	  --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

clean: ## remove what can be made again; var/ (keys and mail) stays
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* dist *.egg-info
	rm -rf tests/e2e/clients/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.installed: requirements.lock pyproject.toml scripts/venv
	@scripts/venv $(VENV) requirements.lock
	@touch $@

# The development lock holds everything of the other one, at the same versions.
$(VENV)/.installed-dev: requirements-dev.lock requirements.lock pyproject.toml scripts/venv
	@scripts/venv $(VENV) requirements-dev.lock
	@touch $(VENV)/.installed $@
