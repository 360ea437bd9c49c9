# Everything is kept in .venv; each target installs what it needs.
PYTHON ?= python3
BIN := .venv/bin
# Neighbours stay together as long as they can: those of a file share a deck.
PARALLEL := -n 2 --dist worksteal

.PHONY: install install-test run test test-full lint format bench screenshots wheel clean

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt requirements/server.txt requirements/worker.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[vision]'
	touch $@

install-test: .venv/installed-test

.venv/installed-test: .venv/installed
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[test,vision]'
	$(BIN)/python tests/install_browser.py
	touch $@

run: install
	$(BIN)/traindeck up --demo

lint: install-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy app worker traindeck
	$(BIN)/lint-imports

format: install-test
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

test: lint
	$(BIN)/pytest $(PARALLEL) --durations 40
	node --test tests/js/*.test.mjs

test-full: lint
	$(BIN)/pytest --full $(PARALLEL)

bench: install-test
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python -m bench

screenshots: install-test
	$(BIN)/python -m docs.screenshots

wheel: install-test
	$(BIN)/python -m build --wheel

clean:
	rm -rf build dist *.egg-info .venv/installed .venv/installed-test
