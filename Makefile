# make quickstart   the main job: five algorithms compared, table and plots in first-results/quickstart/
# make results      every study of results/ anew, what moved, and the pages and claims made of it
#                   (make results STUDIES="quickstart claim-speed" does these alone)
# make results-quick  one seed of each with the committed step sizes, in results-quick/: do the numbers still come out?
# make test         lint, types and tests
# make docs         the site of docs/, in site/: open site/index.html
# make bench        CPU time per worker-iteration of the simulated world, by part, beside its floor
# make device-check where there is a GPU: does what runs on it give what the CPU gives? under four minutes
# A virtual environment is made in .venv with the exact versions of constraints.txt.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

export OMP_NUM_THREADS = 1

.PHONY: install quickstart results results-quick test lint types unit docs bench device-check clean

install: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

quickstart: $(READY)
	$(BIN)/rfast-bench run scenarios/quickstart.yaml --out first-results

results: $(READY)
	$(BIN)/python -m benchmarks.results $(STUDIES)

results-quick: $(READY)
	$(BIN)/python -m benchmarks.results --quick

test: lint types unit

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

unit: $(READY)
	$(BIN)/python -m pytest

docs: $(READY)
	$(BIN)/python -m sphinx -q -W --keep-going -b html -c docs . site

bench: $(READY)
	$(BIN)/python -m benchmarks.split

device-check: $(READY)
	$(BIN)/python -m benchmarks.device_check

clean:
	rm -rf $(VENV) build site *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
