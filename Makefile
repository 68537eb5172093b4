# Two commands for a newcomer:  make pipeline MODEL=densenet121   and   make test
# GPU=1 installs TensorFlow's CUDA libraries, too.

# The newest of these that works here; PYTHON= decides otherwise. One may be there and not run (a version manager's), or
# lack what makes an environment (Debian's and Ubuntu's without python3-venv).
PYTHONS := python3.13 python3.12 python3.11
WORKS := -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
PYTHON ?= $(firstword $(foreach name,$(PYTHONS),$(shell $(name) $(WORKS) && echo $(name))))
MODEL ?= densenet121
# one shell word each, so that paths may have spaces
quoted = '$(subst ','\'',$(1))'
WANTED = $(call quoted,$(MODEL)) $(if $(TEACHER),--teacher $(call quoted,$(TEACHER))) $(if $(TRAINED),--trained) \
	$(if $(NARROW),--set narrowed.latency=$(call quoted,$(NARROW)))
# the run's name: that of the file without its ending (make's own functions would split a path at its spaces)
stem = $(shell basename $(call quoted,$(1)) | sed 's/\.[^.]*$$//')
RUN = $(call stem,$(MODEL))$(if $(TEACHER),-from-$(call stem,$(TEACHER)))
VENV := .venv
BIN := $(VENV)/bin
# a file's tests share what they made, so a file stays with one worker
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile
WORKERS ?= 2
comma := ,
EXTRAS := dev$(if $(GPU),$(comma)gpu)
READY := $(VENV)/.installed$(if $(GPU),-gpu)
PEERS := benchmarks/peers/.venv
TENSORRT := benchmarks/tensorrt/.venv

.PHONY: help pipeline check bundle jetson test test-quick test-installed test-arm64 test-slow test-every-network peers check-tensorrt study tables boards docs lint clean

help:
	@echo "make pipeline MODEL=densenet121   teacher -> student -> pruned -> int8 .tflite, with a table"
	@echo "make pipeline MODEL=mobilenetv2   any network of keras.applications, or a path (TEACHER=resnet50: distilled)"
	@echo "make pipeline MODEL=resnet50 NARROW=0.5   with channels removed until half of its latency is left"
	@echo "make pipeline MODEL=net.keras TRAINED=1   a trained network of your own, taken as it is"
	@echo "make check MODEL=densenet121      what that would do"
	@echo "make test                         the tests;  make lint: ruff, mypy, import-linter"
	@echo "make bundle MODEL=densenet121     what a board needs of it, in one folder"
	@echo "make jetson HOST=user@xavier      copies it there, measures, and copies the result back"
	@echo "make peers NETWORKS=densenet121    jetslim beside tfmot, OpenVINO and ONNX Runtime"
	@echo "make check-tensorrt MODEL=resnet50   what NVIDIA's compiler makes of its ONNX file; or MODEL=model.onnx"
	@echo "make study STUDY=my.toml          the tables of the 2022 paper, for networks and data of your own"
	@echo "make boards                       a page for each result of a board: build/boards/*.html"
	@echo "make tables                       the README's table and benchmarks/RESULTS.md from the raw results"
	@echo "make docs                         the documentation, build/docs/index.html; strictly, with its notebook executed"
	@echo "make clean                        removes .venv, and that of the peers (runs/ and store/ stay)"

pipeline: $(READY)
	@$(BIN)/jetslim run $(WANTED) $(ARGS)

# the runner, the .tflite files and test images, in one folder to be copied to a board
bundle: $(READY)
	@$(BIN)/jetslim bundle $(WANTED) $(ARGS)

# copies the bundle to a board, measures there and copies the result back
# (ARGS are for the bundle, such as --seed 1; REMOTE for the way to the board, such as --ssh=-p2222)
jetson: $(READY)
	@test -n "$(HOST)" || { echo "Error: name the board: make jetson HOST=user@xavier MODEL=$(MODEL)" >&2; exit 2; }
	@$(MAKE) --no-print-directory bundle
	@$(BIN)/python -m jetson.host.remote $(HOST) "runs/$(RUN)/jetson-bundle" $(REMOTE) && $(BIN)/python -m benchmarks.boards

# the zipapp on the Jetson's own processor family, emulated
test-arm64: $(READY)
	$(BIN)/python -m pytest -m arm64 $(ARGS)

check: $(READY)
	@$(BIN)/jetslim check $(WANTED) $(ARGS)

test: $(READY)
	$(PYTEST) -m "not slow and not every_network and not arm64" $(ARGS)

# the part of them that depends most on the version of Python: what CI runs on all versions
QUICK := artifacts config datasets distill metrics targets tasks training report benchmarks evaluate prune stages
test-quick: $(READY)
	$(PYTEST) -m "not slow and not every_network and not arm64" $(QUICK:%=tests/%) $(ARGS)

# what a user gets by pip, in an environment of its own with nothing else in it (PYTHON=python3.12)
test-installed:
	@rm -rf build/lib
	folder=$$(mktemp -d) && $(PYTHON) -m venv $$folder/venv && $$folder/venv/bin/pip install --quiet -c constraints.txt . && \
	cd $$folder && venv/bin/jetslim run tiny && venv/bin/jetslim bundle tiny && \
	venv/bin/python runs/tiny/jetson-bundle/jetson.pyz doctor runs/tiny/jetson-bundle && rm -rf $$folder

test-slow: $(READY)
	$(PYTEST) -m slow $(ARGS)

test-every-network: $(READY)
	$(PYTEST) -m every_network $(ARGS)

# the peers have an environment of their own (benchmarks/peers/README.md); ARGS="--size 96", ARGS=--tfmot
peers: $(READY) $(PEERS)/.installed
	$(BIN)/python -m benchmarks.peers $(NETWORKS) $(ARGS)

# NVIDIA's parser and compiler on a network by name or a .onnx file; needs no GPU (benchmarks/tensorrt/README.md)
check-tensorrt: $(READY) $(TENSORRT)/.installed
	@$(BIN)/python -m benchmarks.tensorrt.check $(call quoted,$(MODEL)) $(ARGS)

# the tables of Shin and Oh, 2022 (benchmarks/paper2022); ARGS="--data-dir ~/data --tables 8 --seeds 0"
study: $(READY)
	@$(BIN)/python -m benchmarks.paper2022 $(if $(STUDY),--profile $(call quoted,$(STUDY))) $(ARGS)

tables: $(READY)
	$(BIN)/python -m benchmarks.tables

boards: $(READY)
	@$(BIN)/python -m benchmarks.boards

# strict: a link that leads nowhere, a page that is not listed or a cell that fails is an error (not so with --quiet)
docs: $(VENV)/.installed-docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build
	@echo "build/docs/index.html"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vermin --no-tips --violations -t=3.8- --eval-annotations $(wildcard jetson/*.py)
	$(BIN)/vermin --no-tips --violations -t=3.8- $(wildcard compress/metrics/*.py)

clean:
	rm -rf $(VENV) $(PEERS) $(TENSORRT)

$(READY): setup.cfg pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Error: none of $(PYTHONS) works here; install one with its venv (python3-venv), or name it with PYTHON=..." >&2; exit 2; }
	@$(PYTHON) $(WORKS) || { echo "Error: $(PYTHON) is no Python of 3.11 to 3.13 that works here with its venv (python3-venv); name another with PYTHON=..." >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (about 1.5 GB, a few minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	@touch $@

$(VENV)/.installed-docs: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS),docs]'
	@touch $@

$(PEERS)/.installed: benchmarks/peers/requirements.txt
	@test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	@echo "installing into $(PEERS) (about 2.1 GB, a few minutes)"
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

$(TENSORRT)/.installed: benchmarks/tensorrt/requirements.txt
	@test -x $(TENSORRT)/bin/python || $(PYTHON) -m venv $(TENSORRT)
	@echo "installing into $(TENSORRT) (about 0.5 GB, a minute)"
	@$(TENSORRT)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	@touch $@
