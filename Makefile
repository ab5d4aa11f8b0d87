PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOWEST := .venv-lowest
PIP := $(BIN)/pip --quiet --disable-pip-version-check
# What CI tries is what is locked; everybody else may have newer versions within the ranges.
REQUIREMENTS := $(if $(CI),requirements.lock,requirements.txt)
INSTALLED := $(VENV)/.installed-from-$(REQUIREMENTS)

RUN ?= default
EXPLORE ?=

# Options decide on a training: those for a run that is trained already would change nothing.
ifneq ($(filter report docs,$(MAKECMDGOALS)),)
ifneq ($(and $(ARGS),$(wildcard saved_models/$(RUN)/training.json)),)
$(error run $(RUN) is trained already: give another RUN with these ARGS)
endif
endif

.PHONY: train report docs api test test-slow test-lowest lint lock sbom clean

train: $(INSTALLED)
	$(BIN)/python scripts/train.py $(if $(filter-out file,$(origin RUN)),--run $(RUN)) $(ARGS)

report: saved_models/$(RUN)/training.json
	$(BIN)/python scripts/evaluate.py $(RUN)
	$(BIN)/python scripts/explore.py $(RUN) $(EXPLORE)
	$(BIN)/python scripts/report.py $(RUN)

saved_models/%/training.json: | $(INSTALLED)
	$(BIN)/python scripts/train.py $(if $(wildcard saved_models/$*/config.json),--resume) --run $* $(ARGS)

docs: report api
	cp saved_models/$(RUN)/report.pdf saved_models/$(RUN)/report.png saved_models/$(RUN)/figures/map_tsne.png docs/
	$(BIN)/python scripts/page.py $(RUN) docs/explorer.html
	$(BIN)/python scripts/sheet.py docs/theory.md

PACKAGES = $(subst /,.,$(patsubst %/__init__.py,%,$(wildcard keras_vae/*/__init__.py)))

api: $(VENV)/.installed-for-tests
	$(BIN)/python -m pdoc --docformat google --template-directory docs --output-directory docs/api keras_vae $(PACKAGES)

test: $(VENV)/.installed-for-tests lint
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile

test-slow: $(VENV)/.installed-for-tests
	$(BIN)/python -m pytest -m slow -n 2 --dist loadfile

# The quick tests with the lowest version that requirements.txt allows of each package.
test-lowest:
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/pip install --quiet --disable-pip-version-check uv
	$(LOWEST)/bin/uv pip install --python $(LOWEST)/bin/python --resolution lowest-direct -r requirements-test.txt
	$(LOWEST)/bin/uv pip install --python $(LOWEST)/bin/python --no-deps --editable .
	$(LOWEST)/bin/python -m pytest -m "not slow" -n 2 --dist loadfile

lint: $(VENV)/.installed-for-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# The package itself is installed in place, for TensorBoard to find its tab. What is locked is complete: pip before 23.3
# would look for dependencies of its extras again, at versions that have no sums.
$(INSTALLED): $(REQUIREMENTS) pyproject.toml | $(BIN)/python
	$(PIP) install $(if $(CI),--require-hashes --no-deps) -r $(REQUIREMENTS)
	$(PIP) install --no-deps --editable .
	touch $@

$(VENV)/.installed-for-tests: requirements-test.txt $(INSTALLED)
	$(PIP) install -r requirements-test.txt
	touch $@

# requirements.lock anew, after a change of requirements.txt; versions that are still allowed stay.
lock: | $(BIN)/python
	$(PIP) install uv
	$(BIN)/uv pip compile --universal --python-version 3.10 --generate-hashes --output-file requirements.lock requirements.txt

# What is locked, as a software bill of materials (CycloneDX).
sbom: $(VENV)/.installed-for-tests
	$(BIN)/python -m cyclonedx_py requirements --output-reproducible --output-file sbom.json requirements.lock

clean:
	rm -rf $(VENV) $(LOWEST) .mypy_cache .pytest_cache .ruff_cache .hypothesis test-artefacts sbom.json
