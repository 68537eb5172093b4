# Two commands for a newcomer:  make pipeline MODEL=densenet121   and   make test
# GPU=1 installs TensorFlow's CUDA libraries, too.

PYTHON ?= python3.11
MODEL ?= densenet121
VENV := .venv
BIN := $(VENV)/bin
comma := ,
EXTRAS := dev$(if $(GPU),$(comma)gpu)
READY := $(VENV)/.installed$(if $(GPU),-gpu)

.PHONY: help pipeline check test test-slow test-every-network tables lint clean

help:
	@echo "make pipeline MODEL=densenet121   teacher -> student -> pruned -> int8 .tflite, with a table"
	@echo "make check MODEL=densenet121      what that would do"
	@echo "make test                         the tests;  make lint: ruff, mypy, import-linter"
	@echo "make tables                       the README's table from benchmarks/results"
	@echo "make clean                        removes .venv (runs/ and store/ stay)"

pipeline: $(READY)
	@$(BIN)/jetslim run $(MODEL) $(ARGS)

check: $(READY)
	@$(BIN)/jetslim check $(MODEL) $(ARGS)

test: $(READY)
	$(BIN)/python -m pytest -m "not slow and not every_network" $(ARGS)

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow $(ARGS)

test-every-network: $(READY)
	$(BIN)/python -m pytest -m every_network $(ARGS)

tables: $(READY)
	$(BIN)/python benchmarks/tables.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV)

$(READY): setup.cfg pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "Error: $(PYTHON) was not found; name another with PYTHON=... (3.11)" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (about 1.5 GB, a few minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	@touch $@
