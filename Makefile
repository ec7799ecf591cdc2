# `make help` lists the commands. Each makes .venv and installs what it needs on first use;
# PYTHON chooses the interpreter (3.11 or newer).

PYTHON ?= python3
MODEL ?= auto
LABFLAGS ?=
LOCKFLAGS ?=
REPOSITORY ?=
SWEEPFLAGS ?=
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help package links book lab check test test-all test-portable course pdf epub bench models claims notebooks sweep lint lock clean distclean

help: ## say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

book: $(READY) ## build the website; MODEL=auto|gpt2|storybook chooses the model whose outputs it shows
	$(BIN)/python tools/book.py build --model $(MODEL)

lab: $(READY) ## open the chapters in JupyterLab
	$(BIN)/python -m tools.lab $(LABFLAGS)

# Both print, last, what failed and what was skipped; test-all has the long statistics too.
test: $(READY) ## run the tests, and compare every notebook with a fresh run
	$(BIN)/python -m tools.suite

test-all: $(READY) ## the same with the long statistics
	$(BIN)/python -m tools.suite --all

check: $(READY) ## between two edits: lint, types, and the fast tests of the rooms that changed
	$(BIN)/python -m tools.check

# Without the instructions that only some processors have, and with other sums over threads.
test-portable: $(READY) ## the same on the instructions that every processor has
	ATEN_CPU_CAPABILITY=default OMP_NUM_THREADS=2 $(BIN)/python -m tools.suite

course: pdf ## pack the editions for students and instructors, the offline site and the PDF
	$(BIN)/python -m tools.course --pdf _build/decoding-language-models.pdf

pdf: book ## print the book as one PDF
	$(BIN)/python -m tools.pdf

epub: book ## make the book an EPUB
	$(BIN)/python -m tools.epub

bench: $(READY) ## time decodelib beside transformers
	$(BIN)/python -m benchmarks

notebooks: $(READY) ## execute all chapters and store their outputs
	$(BIN)/python tools/book.py execute
	$(BIN)/python -m tools.front_page
	$(BIN)/python -m tools.start_page

# Report which claims hold on MODEL; without one, on random weights, where only claims about training may fail.
models: $(READY) ## run the chapters on another model
	$(BIN)/python -m tools.claims_on $(if $(filter auto,$(MODEL)),random --strict,$(MODEL))

# Run after changing a chapter's claims.
claims: $(READY) ## list the chapters' claims in chapters/claims.md
	$(BIN)/python -m tools.claims

# The data of chapters 14 and 11; an interrupted run goes on where it stopped. The first uses all
# cores, the others a second model: smollm2.
# make sweep SWEEPFLAGS="--dask tcp://..." runs it on a Dask cluster, "--help" says what else.
sweep: $(READY) ## measure the data of chapters 11 and 14 anew
	OMP_NUM_THREADS=1 $(BIN)/python tools/sweep.py $(SWEEPFLAGS)
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.second_judge
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.entropix_on_tasks

lint: $(READY) ## check style, types and imports; of the JavaScript too where there is node
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tools/large_files.py
	$(BIN)/python tools/javascript.py

lock: $(READY) ## resolve requirements.txt anew from pyproject.toml; LOCKFLAGS=--upgrade for the newest
	$(BIN)/python -m pip install --quiet "pip>=25.1" && $(BIN)/python -m pip install --quiet --group release
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m tools.lock $(LOCKFLAGS)

package: $(READY) ## build and check dist/; REPOSITORY=https://... makes its links absolute
	$(BIN)/python -m pip install --quiet "pip>=25.1" && $(BIN)/python -m pip install --quiet --group release
	$(BIN)/python -m tools.package $(if $(REPOSITORY),--repository $(REPOSITORY))

links: $(READY) ## ask every address that the book names whether it is still there
	$(BIN)/jupyter-book build . --builder linkcheck --path-output _build/links

clean: ## remove what was built
	rm -rf _build build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

distclean: clean ## remove .venv too
	rm -rf .venv decodelib.egg-info

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else \
		"Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --requirement requirements.txt
	@touch $(READY)
