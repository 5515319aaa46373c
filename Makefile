# make demo      build the environment, train on simulated sources, draw attention and evidence
# make test      the tests, on TensorFlow
# make test-all  these, the long ones, and the layers and models on JAX and PyTorch
# make lint      ruff
# make docs      the documentation, into docs/_build/html
# make page      the browser page, into page (needs Node.js)
# make fuzz      damaged files of every kind, counted in docs/notes/fuzzing.md (half an hour)
#
# A fresh machine needs Python 3.11 to 3.13 and make: everything else goes to .venv.
# Another Python: make PYTHON=python3.13 demo

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2

BIN = $(VENV)/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
# The workers share the cores. Threads of OpenMP and OpenBLAS spin while they wait; those of
# TensorFlow took no more processor time than one thread when this was measured.
TEST = TF_CPP_MIN_LOG_LEVEL=3 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal
DEMO = runs/demo

.PHONY: help demo docs page test test-all test-slow test-jax test-torch test-lowest lint fuzz constraints clean
.DELETE_ON_ERROR:

help:
	@sed -n 's/^# \{0,1\}//p' $(firstword $(MAKEFILE_LIST))

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "error: $(PYTHON) is not Python 3.11 to 3.13; name one that is: make PYTHON=python3.12"; \
	    exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.train: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(INSTALL) -e '.[train]'
	@touch $@

$(VENV)/.test: $(VENV)/.train
	$(INSTALL) -e '.[train,plots,parquet,survey,fetch,serve,convert,dev]'
	@touch $@

$(VENV)/.test-all: $(VENV)/.test
	$(INSTALL) -e '.[train,plots,parquet,survey,fetch,serve,convert,backends,dev]'
	@touch $@

$(VENV)/.docs: $(VENV)/.test
	$(INSTALL) -e '.[train,plots,parquet,survey,fetch,serve,dev,docs]'
	@touch $@

docs: $(VENV)/.docs
	KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m sphinx --fail-on-warning --keep-going \
	  --quiet docs docs/_build/html
	@echo "The documentation: docs/_build/html/index.html"

# Every demo replaces the folder of the last one.
demo: $(VENV)/.train
	rm -rf $(DEMO)
	KERAS_BACKEND=tensorflow $(BIN)/python -m train.run --data simulated --train-limit 600 \
	  --epochs 15 --aggregation votes --padding sky --source-alone --output $(DEMO)
	@echo
	@echo "What speaks for which class: $(DEMO)/attention/progress.png, epoch_0015.png"
	@echo "How the training went:       $(DEMO)/losses.png"

test: $(VENV)/.test
	KERAS_BACKEND=tensorflow $(TEST) -m 'not slow'

test-all: test test-slow test-jax test-torch

test-slow: $(VENV)/.test-all
	KERAS_BACKEND=tensorflow $(TEST) -m slow

test-jax: $(VENV)/.test-all
	KERAS_BACKEND=jax $(TEST) -m 'backend and not slow' tests/layers tests/models

test-torch: $(VENV)/.test-all
	KERAS_BACKEND=torch $(TEST) -m 'backend and not slow' tests/layers tests/models

# One kind: make fuzz FUZZ='fits --count 100 --seed 1 --keep found'
fuzz: $(VENV)/.test
	PYTHONPATH=.:tests TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m fuzz $(FUZZ)

# The oldest versions that pyproject.toml admits; their own deprecations are not our errors.
test-lowest:
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --quiet uv
	$(VENV)-lowest/bin/uv pip install --quiet --python $(VENV)-lowest/bin/python \
	  --resolution lowest-direct -e '.[train,plots,parquet,survey,fetch,serve,dev]'
	KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 $(VENV)-lowest/bin/python -m pytest \
	  -m 'not slow' -o filterwarnings=default

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# PyTorch's CUDA libraries are left to PyTorch, which pins them itself; backports.strenum to pip:
# its last release says that it is not for Python 3.11, which uv overlooks.
constraints: $(VENV)/.test
	$(INSTALL) uv
	{ echo "# The versions that the tests were last run with, for Python 3.11 to 3.13."; \
	  echo "# Made by: make constraints"; \
	  echo "torch==2.13.0" > $(VENV)/torch.txt; \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --no-header \
	    --no-annotate --constraint $(VENV)/torch.txt pyproject.toml \
	    | grep -vE '^(nvidia|cuda|triton|backports-strenum)'; \
	} > $(VENV)/constraints.txt
	mv $(VENV)/constraints.txt constraints.txt

clean:
	rm -rf $(VENV) $(VENV)-lowest $(DEMO) build dist .pytest_cache .ruff_cache .hypothesis
