PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOWEST := .venv-lowest

RUN ?= default

# Options decide on a training: those for a run that is trained already would change nothing.
ifneq ($(filter report docs,$(MAKECMDGOALS)),)
ifneq ($(and $(ARGS),$(wildcard saved_models/$(RUN)/training.json)),)
$(error run $(RUN) is trained already: give another RUN with these ARGS)
endif
endif

.PHONY: train report docs api test test-slow test-lowest lint clean

train: $(VENV)/.installed
	$(BIN)/python scripts/train.py $(ARGS)

report: saved_models/$(RUN)/training.json
	$(BIN)/python scripts/evaluate.py $(RUN)
	$(BIN)/python scripts/explore.py $(RUN)
	$(BIN)/python scripts/report.py $(RUN)

saved_models/%/training.json: | $(VENV)/.installed
	$(BIN)/python scripts/train.py $(if $(wildcard saved_models/$*/config.json),--resume) --run $* $(ARGS)

docs: report api
	cp saved_models/$(RUN)/report.pdf saved_models/$(RUN)/report.png saved_models/$(RUN)/figures/map_umap.png docs/
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

# The package itself is installed in place, for TensorBoard to find its tab.
$(VENV)/.installed: requirements.txt pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

$(VENV)/.installed-for-tests: requirements-test.txt $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-test.txt
	touch $@

clean:
	rm -rf $(VENV) $(LOWEST) .mypy_cache .pytest_cache .ruff_cache test-artefacts
