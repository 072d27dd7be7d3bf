# Two commands do everything on a fresh machine: `make demo` and `make test`.
# Each sets up what it needs in .venv from the pinned requirements; a second run installs nothing.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BASE := $(VENV)/.base
DEV := $(VENV)/.dev
DEMO := .demo
# Kept apart: the default tests prove that nothing of the base needs torch.
TORCH := .venv-torch
TORCH_READY := $(TORCH)/.ready
PIP := -m pip install --quiet --disable-pip-version-check
PINNED := -c requirements/base.txt -c requirements/dev.txt -c requirements/torch.txt
# What the parity tests compare with.
PEERS := open_clip_torch datasets sentencepiece

.PHONY: demo test test-all lint types bench docs clean

demo: $(BASE) $(DEMO)/.pictures
	$(BIN)/python examples/demo.py $(DEMO) $(DIR)

test: lint types
	$(BIN)/pytest -m "not slow"

test-all: $(DEV) $(TORCH_READY) $(DEMO)/.pictures
	$(BIN)/pytest -m slow
	$(TORCH)/bin/pytest -m "not slow" tests/models tests/runtime tests/train
	$(TORCH)/bin/pytest -m slow tests/models tests/runtime tests/train

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV)
	$(BIN)/mypy

bench: $(DEV)
	$(BIN)/python benchmarks/run.py

docs: $(DEV)
	$(BIN)/python docs/generate.py

clean:
	rm -rf $(VENV) $(TORCH) $(DEMO) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BASE): pyproject.toml requirements/base.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) -c requirements/base.txt -e .
	touch $@

$(DEV): $(BASE) requirements/dev.txt
	$(BIN)/python $(PIP) -c requirements/base.txt -c requirements/dev.txt -e ".[dev]"
	touch $@

# torchvision comes without its own wish for a torch: a CPU build of torch satisfies the tests.
$(TORCH_READY): pyproject.toml requirements/base.txt requirements/dev.txt requirements/torch.txt
	test -x $(TORCH)/bin/python || $(PYTHON) -m venv $(TORCH)
	$(TORCH)/bin/python $(PIP) $(PINNED) torch
	$(TORCH)/bin/python $(PIP) $(PINNED) --no-deps torchvision
	$(TORCH)/bin/python $(PIP) $(PINNED) -e ".[dev,train]" $(PEERS)
	touch $@

# Sample photos of two well-known packages; their code is not installed.
$(DEMO)/.pictures: $(BASE) requirements/demo.txt
	$(BIN)/python $(PIP) --no-deps --upgrade --target $(DEMO)/packages -r requirements/demo.txt
	touch $@
