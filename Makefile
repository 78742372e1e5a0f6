# Tandem: `make run` and `make test` need Python 3.11 or newer and nothing else.
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run test lint bench lock clean

# The first Python that is new enough; `make PYTHON=/path/to/python` chooses another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
ARGS ?=
# Tests run in two halves at once, a file never in both, each with servers of its own; `make test HALVES=` runs them as one.
HALVES ?= -n 2 --dist loadfile --no-loadscope-reorder

help: ## what there is to do
	@sed -n 's/^\([a-z-]*\):.*## /  make \1 - /p' Makefile

setup: ## create .venv and install what `make run` needs (does nothing when it is all there)
	@sh deploy/setup.sh requirements.lock "$(PYTHON)"

setup-dev: ## the same, with what the tests and linters need
	@sh deploy/setup.sh requirements-dev.lock "$(PYTHON)"

run: setup ## start everything here: servers, migrations, demonstration data, web, workers, scheduler
	@exec .venv/bin/tandem up $(ARGS)

test: setup-dev ## the whole suite against its own PostgreSQL and Valkey
	@exec .venv/bin/python -m pytest $(HALVES) $(ARGS)

lint: setup-dev ## ruff, mypy --strict, import-linter
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache

bench: setup-dev ## ratios against a bare handler, between sizes and, for money, against peers; never asserted
	@exec .venv/bin/python -m benchmarks $(ARGS)

lock: setup-dev ## resolve the dependencies anew and pin them by hash, without naming any host
	.venv/bin/uv pip compile pyproject.toml --extra build $(LOCK) -o requirements.lock
	.venv/bin/uv pip compile pyproject.toml --extra build --extra dev -c requirements.lock $(LOCK) -o requirements-dev.lock

LOCK = --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet

clean: ## remove the virtual environment and caches; never the data
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
