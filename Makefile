# Every target does its own set-up: `make train` and `make test` work on a fresh machine.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: train test test-all check lint notebooks clean help

help:
	@echo "make train      install, then train a small AlexNet (CIFAR-10 if it can be had, else shapes10)"
	@echo "make test       install, then run the tests (under 10 minutes on two cores)"
	@echo "make test-all   the slow tests too"
	@echo "make notebooks  executes the notebooks of the course"
	@echo "make check      format, lint, types, tests with doctests, coverage"

.venv/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable .
	@touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@

.venv/installed-notebooks: .venv/installed
	$(BIN)/pip install --quiet --editable '.[notebooks]'
	@touch $@

train: .venv/installed
	$(BIN)/nnscratch train $(ARGS)

test: .venv/installed-dev
	$(BIN)/pytest -q $(ARGS)

test-all: .venv/installed-dev
	$(BIN)/pytest -q -m "not gpu" $(ARGS)

notebooks: .venv/installed-notebooks
	$(BIN)/python -m notebooks.run $(ARGS)

lint: .venv/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: lint
	$(BIN)/pytest -q --cov=nnscratch --cov-report=term

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov
