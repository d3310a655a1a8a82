# Every target sets up what it needs; `make setup` alone does only that. Nothing leaves this folder
# except a Chromium, which is installed when the machine has no browser.

PYTHON ?= python3
HUB_PORT ?= 8080
PHONE_PORT ?= 3002
SHOP ?= fasteners
SEED ?= 1
MESSAGES ?= 1000
BIN := .venv/bin
WORKERS ?= 2
# the files with such tests: collecting all of them takes longer than these
marked = $$(grep -rl --include='test_*.py' 'pytest\.mark\.$(1)' tests)

.PHONY: help setup run demo test chaos chaos-browser bench check format spec clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 15

setup: .venv/.ready node_modules/.ready .venv/.browser ## install what is missing (again: nothing to do)

run: setup ## hub, agent and practice phone with the sample shops; be a customer of SHOP=fasteners, sundar or noor
	$(BIN)/python -m agent.practice run --hub-port $(HUB_PORT) --phone-port $(PHONE_PORT) --shop $(SHOP)

demo: setup ## play a conversation, two failures included, and print what the customer saw
	$(BIN)/python -m agent.practice demo

test: setup ## every test: first those of the cores, which must cover them, last those that measure time
	$(BIN)/pytest -n $(WORKERS) -m 'core and not hypothesis' $(call marked,core) \
		--cov --cov-report=term-missing:skip-covered --cov-fail-under=100
	$(BIN)/pytest -n $(WORKERS) -m 'not alone and (hypothesis or not core)'
	$(BIN)/pytest -m alone $(call marked,alone)

chaos: .venv/.ready ## everything dies while customers write; one run: SEED=1 MESSAGES=1000 KILLS=30
	$(BIN)/python -m tests.chaos --seed $(SEED) --messages $(MESSAGES) $(if $(KILLS),--kills $(KILLS))

chaos-browser: MESSAGES = 200
chaos-browser: setup ## browser and agent die while customers write to the practice phone: SEED=1 MESSAGES=200 KILLS=12
	$(BIN)/python -m tests.chaos_browser --seed $(SEED) --messages $(MESSAGES) $(if $(KILLS),--kills $(KILLS))

bench: .venv/.ready $(if $(QUICK),,.venv/.bench) ## how fast it is, beside others; QUICK=1: under a minute; more: BENCH='--help'
	$(BIN)/python -m bench $(if $(QUICK),--quick) $(BENCH)

check: setup ## formatting, lint, types, architecture, and that the published files fit the code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32 agent protocol
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin agent protocol
	$(BIN)/lint-imports
	$(BIN)/python -m protocol.asyncapi --check
	PATH="$(CURDIR)/$(BIN):$$PATH" node protocol/validate-asyncapi.mjs

format: .venv/.ready ## format and repair what can be repaired
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

spec: .venv/.ready ## write protocol/asyncapi.yaml anew from the types
	$(BIN)/python -m protocol.asyncapi --write

clean: ## remove what setup and the runs have made
	rm -rf .venv node_modules .run .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage

.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'Python 3.11 or newer is needed; say which one with: make setup PYTHON=python3.11' >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { \
		echo 'Python cannot make a virtual environment; on Debian: apt-get install python3-venv' >&2; exit 2; }
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/.bench: requirements-bench.lock | .venv/.ready
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@touch $@

# A machine without npm gets it from PyPI, into the virtual environment.
node_modules/.ready: package.json package-lock.json | .venv/.ready
	@command -v npm >/dev/null || test -x $(BIN)/npm || \
		$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-node.lock
	PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent --no-audit --no-fund
	@touch $@

.venv/.browser: | .venv/.ready node_modules/.ready
	$(BIN)/sak-agent install-browser
	@touch $@
