# make book | lab | test | test-all | test-portable | course | pdf | bench | notebooks | models | sweep | claims | lint | lock | clean | distclean
# Each makes .venv and installs what it needs on first use; PYTHON chooses the interpreter (3.11 or newer).
# make book MODEL=auto|gpt2|storybook chooses the model whose outputs the pages show.

PYTHON ?= python3
MODEL ?= auto
LABFLAGS ?=
SWEEPFLAGS ?=
BIN := .venv/bin
READY := .venv/.ready

.PHONY: book lab test test-all test-portable course pdf bench models claims notebooks sweep lint lock clean distclean

book: $(READY)
	$(BIN)/python tools/book.py build --model $(MODEL)

lab: $(READY)
	$(BIN)/python -m jupyter lab $(LABFLAGS) chapters

# Both print, last, what failed and what was skipped; test-all has the long statistics too.
test: $(READY)
	$(BIN)/python -m tools.suite

test-all: $(READY)
	$(BIN)/python -m tools.suite --all

# Without the instructions that only some processors have, and with other sums over threads.
test-portable: $(READY)
	ATEN_CPU_CAPABILITY=default OMP_NUM_THREADS=2 $(BIN)/python -m tools.suite

course: book
	$(BIN)/python -m tools.course

pdf: book
	$(BIN)/python -m tools.pdf

bench: $(READY)
	$(BIN)/python -m benchmarks

notebooks: $(READY)
	$(BIN)/python tools/book.py execute

# Run the chapters on random weights with GPT-2's vocabulary: only claims about learning may fail.
models: $(READY)
	$(BIN)/python -m tools.other_models

# Run after changing a chapter's claims.
claims: $(READY)
	$(BIN)/python -m tools.claims

# The data of chapter 14, on all cores; an interrupted sweep goes on where it stopped.
# make sweep SWEEPFLAGS="--dask tcp://..." runs it on a Dask cluster, "--help" says what else.
sweep: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python tools/sweep.py $(SWEEPFLAGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tools/large_files.py

# Run after changing a pin in requirements.txt: resolves everything anew and records what was chosen.
# torch's CUDA packages differ by platform, so torch's own pins stand for them.
lock: $(READY)
	: > constraints.txt
	$(BIN)/python -m pip install --upgrade --upgrade-strategy eager --requirement requirements.txt
	grep -v '^-' requirements.txt > .venv/direct.txt
	echo '# Versions of what requirements.txt brings along. Written by `make lock`.' > constraints.txt
	$(BIN)/python -m pip freeze --exclude-editable --requirement .venv/direct.txt \
		| sed -e '1,/^## The following/d' | grep -viE '^(nvidia|triton|cuda)' >> constraints.txt
	@touch $(READY)

clean:
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis

distclean: clean
	rm -rf .venv decodelib.egg-info

$(READY): requirements.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else \
		"Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --requirement requirements.txt
	@touch $(READY)
