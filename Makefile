# `make demo` and `make test` need Python 3.11 or newer, git and make; the rest is installed into this folder.
SHELL := /bin/sh
PYTHON ?= python3
UV_VERSION := 0.13.8
UV := $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)
BIN := .venv/bin
export UV_PYTHON_DOWNLOADS := never
# One more than there are cores: tests wait for servers half of the time.
PROCESSES ?= $(shell expr $$(nproc 2>/dev/null || echo 2) + 1)
export DO_NOT_TRACK := 1

.PHONY: help install demo test kills bench alarms serve lint types imports check clean
.DEFAULT_GOAL := help

help: ## Say what there is.
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/.complete ## Install everything into .venv.

.venv/.complete: pyproject.toml uv.lock
	@test -x "$(UV)" || { $(PYTHON) -m venv .uv && .uv/bin/pip install --quiet uv==$(UV_VERSION); } || \
	  { echo "uv could not be installed: on Debian, 'apt install python3-venv', then again" >&2; exit 1; }
	$(UV) sync --frozen --quiet --python "$(PYTHON)"
	@touch $@

demo: install ## Watch a model decay, a check fail, a retraining, and the gate.
	$(BIN)/driftgate demo

test: install ## Run the tests.
	$(BIN)/pytest --numprocesses $(PROCESSES) --dist loadfile

kills: install ## Kill commands at random moments and look for anything half-done.
	$(BIN)/python tests/kills.py --kills 30

bench: install ## Measure time and memory beside other tools (about an hour).
	$(BIN)/python tests/benchmarks/peers.py --output .benchmarks/peers.md
	$(BIN)/python tests/benchmarks/scaling.py --output .benchmarks/scaling.md
	$(BIN)/python tests/benchmarks/shell.py --output .benchmarks/shell.md

alarms: install ## Measure how often quiet data alarm, here and elsewhere (some minutes).
	$(BIN)/python tests/benchmarks/false_alarms.py

serve: install ## Start the Prefect server and the runner.
	$(BIN)/driftgate serve

lint: install ## Look for mistakes and for a style that is not ours.
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: install ## Check the types.
	$(BIN)/mypy

imports: install ## Check who imports whom.
	$(BIN)/lint-imports

check: lint types imports test ## All of it, as before a commit.

clean: ## Remove what was installed; data and databases stay.
	rm -rf .venv .uv
