# `make demo` makes music for a drawn dance, `make test` runs the tests; both set up what they need in .venv first. `make help` lists all.

# Tried in this order: the first that runs, is Python 3.11 to 3.14 and can make virtual environments. Choose one: make demo PYTHON=/path/to/python3.13
PYTHON ?= python3.12 python3.11 python3.13 python3.14 python3 python
VENV ?= .venv
OUT ?= out
LIBRARY ?= studio
# The package index that has torch's CPU build, used on Linux without an NVIDIA GPU, where PyPI's own build brings gigabytes of CUDA.
TORCH_INDEX_URL ?= https://download.pytorch.org/whl/cpu
TORCH_VERSION := 2.13.0
PYTEST_ARGS ?=
MINUTES ?= 5
KILLS ?= 50
# Test files run side by side in so many processes of one thread, four at most; JOBS=0 runs one after the other in one process.
JOBS ?= auto

BIN := $(VENV)/bin
# Python keeps what it compiles of what is imported, whatever the environment says; pip would compile all that lies there, tests of libraries too.
unexport PYTHONDONTWRITEBYTECODE
INSTALL := $(BIN)/python -m pip --disable-pip-version-check install --no-compile

.PHONY: help demo studio test fuzz kill lint types check bench tutorial wheel torch clean
.DELETE_ON_ERROR:

help:
	@echo "make demo    draw a dance video and give it music: $(OUT)/dance.music.mp4"
	@echo "make studio  open the studio: a page on this machine where a dance gets its music (library: LIBRARY=studio)"
	@echo "make test    run the tests"
	@echo "make fuzz    read damaged files of every kind for MINUTES=5, and keep the seeds that find something"
	@echo "make kill    kill commands at KILLS=50 random moments each and look at what they left (tens of minutes)"
	@echo "make lint    ruff's checks and formatting"
	@echo "make types   mypy"
	@echo "make check   lint, types and test"
	@echo "make bench   run the benchmarks (minutes)"
	@echo "make tutorial  run docs/tutorial.ipynb from its first cell to its last"
	@echo "make wheel   build dist/dance2music-*.whl"
	@echo "make clean   remove $(VENV), $(OUT), dist and caches"
	@echo "Variables: PYTHON=python3.11, VENV=.venv, OUT=out, LIBRARY=studio, TORCH_INDEX_URL=https://..., PYTEST_ARGS='-k video', JOBS=0"

demo: $(VENV)/.installed
	@mkdir -p $(OUT)
	$(BIN)/dance2music example $(OUT)/dance.mp4
	$(BIN)/dance2music generate $(OUT)/dance.mp4 -o $(OUT)/dance.music.mp4
	@echo "==> Done. Play $(OUT)/dance.music.mp4; $(OUT)/dance.music.png shows how the music follows the dancer."

studio: $(VENV)/.installed-studio
	$(BIN)/dance2music studio $(LIBRARY)

test: $(VENV)/.installed-dev
	OMP_WAIT_POLICY=passive OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --maxprocesses=4 $(PYTEST_ARGS)

fuzz: $(VENV)/.installed-dev
	cd tests && PYTHONPATH=../src $(abspath $(BIN))/python -m fuzz.test_fuzz $(MINUTES)

kill: $(VENV)/.installed-dev
	DANCE2MUSIC_KILLS=$(KILLS) $(BIN)/python -m pytest tests/kill $(PYTEST_ARGS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

check: lint types test

bench: $(VENV)/.installed-dev
	@for bench in benchmarks/bench_*.py; do echo "==> $$bench"; $(BIN)/python $$bench || exit 1; done

tutorial: $(VENV)/.installed-dev
	$(BIN)/python .ci/notebook.py docs/tutorial.ipynb

wheel: $(VENV)/.installed-dev
	rm -rf dist
	$(BIN)/python -m build --wheel --no-isolation

clean:
	rm -rf $(VENV) $(OUT) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.created:
	@for python in $(PYTHON); do \
	  if $$python -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1; then \
	    echo "==> Creating $(VENV) with $$python ($$($$python --version))"; \
	    $$python -m venv $(VENV) && touch $@ && exit 0; \
	    exit 1; \
	  fi; \
	done; \
	echo "make: none of '$(PYTHON)' is Python 3.11 to 3.14 with venv and ensurepip (Debian: package python3-venv);" \
	  "install one, or name it: make PYTHON=/path/to/python3.13 $(MAKECMDGOALS)" >&2; \
	exit 1

# Torch comes first and on its own, so that the package's requirement is met and pip does not fetch the CUDA build.
torch: $(VENV)/.installed-torch
$(VENV)/.installed-torch: $(VENV)/.created
	@if [ "$$(uname -s)" != Linux ] || nvidia-smi -L >/dev/null 2>&1; then \
	  echo "==> Installing torch $(TORCH_VERSION)"; \
	  $(INSTALL) torch==$(TORCH_VERSION); \
	else \
	  echo "==> Installing torch $(TORCH_VERSION), CPU build (no NVIDIA GPU seen), from pip's own index"; \
	  $(INSTALL) --quiet torch==$(TORCH_VERSION)+cpu 2>/dev/null \
	  || { echo "==> Not there; from $(TORCH_INDEX_URL) (TORCH_INDEX_URL=... names another index)"; \
	       $(INSTALL) --timeout 10 --retries 1 --index-url $(TORCH_INDEX_URL) torch==$(TORCH_VERSION)+cpu; } \
	  || { echo "==> Not there either; installing PyPI's build, which may bring several gigabytes of CUDA"; \
	       $(INSTALL) torch==$(TORCH_VERSION); }; \
	fi
	@touch $@

$(VENV)/.installed: pyproject.toml hatch_build.py $(VENV)/.installed-torch
	@echo "==> Installing dance2music and what it needs"
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/.installed-studio: pyproject.toml hatch_build.py $(VENV)/.installed-torch
	@echo "==> Installing dance2music with its studio"
	@$(INSTALL) --editable '.[studio]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-dev: pyproject.toml hatch_build.py $(VENV)/.installed-torch
	@echo "==> Installing dance2music with the tools of its tests"
	@$(INSTALL) --editable '.[dev]'
	@touch $@ $(VENV)/.installed
