# `make run` and `make test` need python3 (3.11 to 3.13) and make; everything else is installed into .venv.
PYTHON ?= python3
BIN := .venv/bin
DATA ?=
WEIGHTS ?=
RUN ?= runs/latest
CLIPS ?=
URL ?= http://127.0.0.1:5000

.PHONY: help run worker test test-web page test-hostile test-fleet soak fuzz lint audit bench bench-scale bench-killed train evaluate anomalies lock clean

help:  ## Say what can be made
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/'

run: .venv/.run  ## Serve on http://127.0.0.1:5000, the page on http://localhost:3000
	@exec $(BIN)/python backend/app.py

worker: .venv/.fleet  ## Judge jobs of the services that share DETECTOR_BROKER_URL and DETECTOR_STORAGE_URL
	@exec $(BIN)/python backend/worker.py

test: .venv/.dev  ## Run all tests, those of a file in one process
	$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

test-web: .venv/.dev frontend/node_modules  ## Run the page's tests, in Chromium (needs Node and npm)
	@test -x /usr/bin/chromium || { test "$$(id -u)" = 0 && apt-get update -q && apt-get install -qy chromium; } || { \
		echo "Chromium is needed: install the Debian package chromium" >&2; exit 1; }
	cd frontend && npm test
	$(BIN)/python -m pytest tests/web

page: .venv/.dev frontend/node_modules  ## Build frontend/dist anew, after a change of frontend/ or of the contract (needs Node)
	$(BIN)/python -m tests.document > frontend/openapi.json
	cd frontend && npm run types && npm run build

test-hostile: .venv/.dev  ## Post every hostile file to the service at URL
	$(BIN)/python -m tests.hostile $(URL)

test-fleet: .venv/.dev  ## Judge 500 jobs on a fleet of which now this and now that is killed; writes docs/fleet.md
	$(BIN)/python -m tests.fleet_trial

soak: .venv/.dev  ## Load a service with good and bad files for two minutes; writes SECURITY.md
	$(BIN)/python -m tests.hostile.soak

fuzz: .venv/.dev  ## Send a service what Hypothesis makes up; writes SECURITY.md
	$(BIN)/python -m tests.hostile.fuzz

lint: .venv/.dev  ## Style, types, import rules and the container
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint deploy/Dockerfile
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec deploy/compose*.yaml

audit: .venv/.dev  ## What can be audited of the installed packages without a network
	$(BIN)/python -m pip check --disable-pip-version-check

train: .venv/.train  ## Train on the folders in DATA, from WEIGHTS, into RUN
	$(BIN)/python -m training.train --data $(DATA) --weights $(WEIGHTS) --out $(RUN)

bench: .venv/.dev  ## Time the service against its baselines; CLIPS names a folder of clips
	$(BIN)/python -m bench $(if $(CLIPS),--clips $(CLIPS))

bench-scale: .venv/.dev  ## Time what scheduling costs with 1, 2 and 4 workers; writes docs/scale.md
	$(BIN)/python -m bench.scale

bench-killed: .venv/.dev  ## Time until a job is begun again whose worker was killed; writes docs/fleet.md
	$(BIN)/python -m bench.killed

evaluate: .venv/.train  ## Measure temp_model.h5, and anomalies with it, on the folders in DATA; writes the card
	$(BIN)/python -m training.evaluate --data $(DATA)
	$(BIN)/python -m training.anomalies --data $(DATA)

anomalies: .venv/.train  ## Measure what anomalies are worth on the folders in DATA; writes their bounds and the card
	$(BIN)/python -m training.anomalies --data $(DATA)

lock:  ## Pin the newest versions that fit, by hash (needs uv)
	for name in requirements requirements-fleet requirements-dev requirements-train requirements-gpu; do \
		uv pip compile --universal --fork-strategy fewest --generate-hashes --no-emit-index-url --python-version 3.11 \
			--custom-compile-command "make lock" --quiet $$name.in --output-file $$name.txt || exit 1; \
	done

clean:  ## Delete the virtual environment and every cache
	rm -rf .venv frontend/node_modules .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

frontend/node_modules: frontend/package-lock.json
	@command -v npm >/dev/null || { echo "npm with Node 20.19 or newer is needed" >&2; exit 1; }
	cd frontend && npm ci
	@touch $@

.venv/.run: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || { \
		echo "Python 3.11, 3.12 or 3.13 is needed: name one with make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { \
		echo "This Python cannot make virtual environments: install its venv package (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@echo "Installing into .venv, once; this takes a minute or two."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

.venv/.fleet: .venv/.run requirements-fleet.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-fleet.txt
	@touch $@

.venv/.dev: .venv/.run requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

.venv/.train: .venv/.run requirements-train.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-train.txt
	@touch $@
