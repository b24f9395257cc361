# Set-up needs only Python >= 3.11 and make. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PERSONS ?= 5000

.DEFAULT_GOAL := help
.PHONY: help demo test check lab calibrate bench format messages lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

# The stamp is touched last, so that an interrupted set-up is done again.
$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --only-binary :all: --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(VENV)/.installed ## simulate a register and write the HIG reports per jobcentre
	$(BIN)/python -m analysis_lib simulate hig --persons $(PERSONS) --to outputs/extracts/hig
	$(BIN)/python -m analysis_lib run parameters/runs/demo.yml

lab: $(VENV)/.installed ## open JupyterLab on the notebooks
	$(BIN)/jupyter lab notebooks/trial_effects.ipynb

test: $(VENV)/.installed ## run all tests (under fifteen minutes on two cores)
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: $(VENV)/.installed ## format, lint (notebooks too), types, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) --no-print-directory test

calibrate: $(VENV)/.installed ## the longer calibration of intervals and tests
	CALIBRATION_TRIALS=5000 $(BIN)/python -m pytest -n 2 -m calibration tests

bench: $(VENV)/.installed ## speed and memory, as ratios against named peers (about ten minutes)
	$(BIN)/python benchmarks/register.py
	$(BIN)/python benchmarks/extract.py
	$(BIN)/python benchmarks/inference.py

format: $(VENV)/.installed ## rewrite the code in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

messages: $(VENV)/.installed ## collect the strings to translate into the Danish catalogue
	$(BIN)/python -m analysis_lib.reporting.messages

lock: $(VENV)/.installed ## pin the newest allowed releases again (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra dev -o requirements.lock pyproject.toml

clean: ## remove the environment and all outputs
	rm -rf $(VENV) outputs/[!R]*
