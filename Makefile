# One command for each thing a person wants. `make paper` and `make test` do all
# their own set-up in .venv and need only git, make and Python 3.11 to 3.13.

PYTHON ?= python3
SEED ?= 1
JOBS ?= 3

VENV = .venv
BIN = $(VENV)/bin
PYTEST = $(BIN)/pytest -n $(JOBS)
LAWS = tests/property tests/simulation
PIP = $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
CODE = bot connectors strategies storage tests benchmarks
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate $(LOCKFLAGS)

.PHONY: help paper test check format lint spelling imports types tests examples laws \
	soak sim bench lock clean FORCE

help:
	@echo 'make paper   trade on paper, on the embedded market: no key, no network'
	@echo 'make test    set up the environment and run every check, as CI does'
	@echo 'make check   format, lint, import contracts, types, tests, coverage'
	@echo 'make laws    the laws and simulated runs alone; make examples: all other tests'
	@echo 'make sim     one simulated run; SEED=7 chooses it'
	@echo 'make soak    the property and simulation tests with 10,000 examples each'
	@echo 'make bench   measure what the README claims'
	@echo 'make lock    write the lock files; LOCKFLAGS=--upgrade takes new releases'
	@echo 'make clean   remove the environment and the caches; runs/ stays'

# What a user needs.

paper: $(VENV)/runtime.stamp
	$(BIN)/gnomon paper $(ARGS)

sim: $(VENV)/runtime.stamp
	$(BIN)/gnomon simulate --first $(SEED) --seeds 1 $(ARGS)

# What a developer needs. CI runs `make test` too.

test: $(VENV)/dev.stamp
	@$(MAKE) check

check: format lint spelling imports types tests

format: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .

spelling: $(VENV)/dev.stamp
	$(BIN)/codespell

imports: $(VENV)/dev.stamp
	$(BIN)/lint-imports

types: $(VENV)/dev.stamp
	$(BIN)/mypy

tests: examples laws

# Coverage is that of the examples alone: measuring makes laws and simulated runs three
# times slower, and a line that only a whole run reaches is not tested by reaching it.
examples: $(VENV)/dev.stamp
	$(PYTEST) --dist loadfile --durations=20 --cov --cov-report=term \
		$(LAWS:%=--ignore=%) $(ARGS)

laws: $(VENV)/dev.stamp
	$(PYTEST) --dist worksteal --durations=20 $(LAWS) $(ARGS)

soak: $(VENV)/dev.stamp
	HYPOTHESIS_PROFILE=soak $(BIN)/pytest -n $(JOBS) $(LAWS) $(ARGS)

bench: $(VENV)/runtime.stamp
	@ls benchmarks/bench_*.py >/dev/null || { \
		echo 'There is nothing to measure: benchmarks/ holds no bench_*.py.' >&2; exit 2; }
	@for file in benchmarks/bench_*.py; do \
		echo "== $$file"; $(BIN)/python "$$file" $(ARGS) || exit 1; done

# The development lock holds the runtime lock, pin for pin, so that `make paper`
# and `make test` share one environment in any order.
lock: $(VENV)/dev.stamp
	$(COMPILE) --group build pyproject.toml -o requirements.lock
	$(COMPILE) --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	@if grep -n '://' requirements.lock requirements-dev.lock; then \
		echo 'A lock file names an address; take it out before it is committed.' >&2; exit 1; fi

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache \
		.hypothesis .coverage .coverage.* htmlcov build dist
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment. A stamp says what is installed, so a second run installs nothing.

$(VENV)/home: FORCE
	@PYTHON="$(PYTHON)" .ci/environment "$(VENV)"

$(VENV)/runtime.stamp: $(VENV)/home requirements.lock pyproject.toml
	@echo 'Installing what Gnomon needs into $(VENV) (under a minute, only once).'
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/home requirements-dev.lock requirements.lock pyproject.toml
	@echo 'Installing what the checks need into $(VENV) (a minute, only once).'
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $(VENV)/runtime.stamp $@
