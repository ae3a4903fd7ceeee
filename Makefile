# One command set. `make demo` and `make test` are all a newcomer needs; both set up what they use.
PYTHON ?= python3
BIN := .venv/bin
SOURCES := $(shell find src -type f -not -name '*.pyc')
# Also run without compiling: what a machine without a C compiler runs, and what a change is tried with first.
INTERPRETED := tests/unit tests/playbooks tests/golden tests/conformance
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test check fix bench figures prices clean

demo: .venv/run.done .venv/installed ## set up and run the gateway with the scripted provider
	$(BIN)/entresol demo

test: .venv/test.done .venv/installed .venv/litellm.done .venv/node.done system-tools ## set up and pass every test, compiled and interpreted
	$(BIN)/pytest -n 2 --dist loadgroup $(ARGS)
	PYTHONPATH=src $(BIN)/pytest -n 2 --dist loadgroup -q $(INTERPRETED) $(ARGS)

check: .venv/test.done .venv/installed ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: .venv/test.done ## format and apply safe lint fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/test.done .venv/installed ## compare with nginx and other gateways; see bench/README.md
	$(BIN)/python -m bench $(ARGS)

figures: .venv/test.done .venv/installed .venv/litellm.done .venv/node.done system-tools ## measure every promised figure: make figures ONLY=foundation
	$(BIN)/python -m bench.figures $(if $(ONLY),--only $(ONLY))

# LiteLLM's client, which needs older packages than ours: tests run it as a program of its own.
.venv/litellm.done: .venv/bin/python requirements/litellm.txt
	$(PYTHON) -m venv .venv/litellm
	.venv/litellm/bin/pip install --quiet --require-hashes -r requirements/litellm.txt || \
		echo "litellm could not be installed: its tests are skipped" >&2
	touch $@

# Clients and identity providers that are npm packages, for the Node that a wheel brings.
NODE_PACKAGES := tests/contract/identity/node tests/contract/oauth/node
.venv/node.done: .venv/test.done $(NODE_PACKAGES:%=%/package-lock.json)
	for folder in $(NODE_PACKAGES); do $(BIN)/python tools/npm_ci.py $$folder || exit 1; done
	touch $@

.PHONY: system-tools
system-tools: ## the few programs tests use that are no Python package
	sh tools/system-tools.sh

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/run.done: .venv/bin/python requirements/run.txt
	$(BIN)/pip install --quiet --require-hashes -r requirements/run.txt
	touch $@

.venv/test.done: .venv/bin/python requirements/test.txt
	$(BIN)/pip install --quiet --require-hashes -r requirements/test.txt
	touch $@

# Compiles the hot path where there is a C compiler; a minute or two, whenever a source has changed.
.venv/installed: $(SOURCES) pyproject.toml tools/build_hook.py | .venv/run.done
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --force-reinstall .
	touch $@

prices: .venv/bin/python ## build the price table anew; needs the group `prices` of pyproject.toml
	$(BIN)/pip install --quiet "genai-prices>=0.2.3,<0.3"
	$(BIN)/python scripts/build_prices.py
	$(BIN)/python scripts/build_models.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
