SHELL := /bin/bash
.DEFAULT_GOAL := help
# The distribution's own first: a Python that pyenv built as it does by default takes a fifth longer for everything.
SUPPORTED := (3, 11) <= sys.version_info[:2] <= (3, 13)
PYTHON ?= $(shell /usr/bin/python3 -c 'import sys, venv, ensurepip; sys.exit(not $(SUPPORTED))' 2>/dev/null && echo /usr/bin/python3 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CONSOLE := services/console
MEMBERS := $(wildcard libs/*/pyproject.toml services/*/pyproject.toml)
# Dozens of processes start here: without bytecode on disk each would compile a thousand modules anew.
unexport PYTHONDONTWRITEBYTECODE

##@ Run
.PHONY: up
up: $(STAMP) console ## start the whole platform on this machine (Ctrl-C stops it)
	@$(BIN)/lantoa up

.PHONY: down
down: ## stop what `make up` started
	@$(BIN)/lantoa down

.PHONY: reset
reset: down ## stop and forget all data, keys and passwords
	rm -rf data

.PHONY: status doctor
status doctor: $(STAMP) ## which processes run; whether this machine is fit
	@$(BIN)/lantoa $@

##@ Prove
# A lane is a pytest of its own: it loads what it tests and no more, and starts servers of its own.
fleet := $(addprefix tests/integration/,fleet simulator) tests/isolation
hostile := tests/hostile
devices := $(addprefix tests/integration/,devicekit player)
chassis := $(addprefix tests/integration/,runtime topology) tests/faults tests/telemetry
content := $(addprefix tests/integration/,content content_render contest)
people := $(addprefix tests/integration/,directory gateway)
numbers := $(addprefix tests/integration/,reporting reporting_paper)
programme := $(addprefix tests/integration/,alert broadcast signboard)
# In order of length, so that none is left to run alone; `rest` has every folder that no other names.
LANES := hostile rest fleet devices people chassis numbers content programme
NAMED := $(foreach lane,$(LANES),$($(lane)))
# Two platforms leave an eighth of two cores idle.
BESIDE_WALKS := content
rest = tests $(addprefix --ignore=,tests/e2e $(NAMED))
# A full disk is a small file system of its own, which only root may mount: everybody else is root in a namespace of their own.
MOUNTS := $(if $(filter 0,$(shell id -u)),,unshare --user --map-root-user --mount)
DISKS := tests/faults/test_media_full.py tests/integration/devicekit/test_device_faults.py
KILLS := tests/e2e/test_kills.py tests/e2e/test_walk_motor.py
# What looks at every page keeps both cores busy by itself: it comes last, when the kills have ended.
PAGES := tests/e2e/test_portal.py tests/e2e/test_web_pages.py
# The first two begin on a platform on which nobody has written an item: the metrics are those of the walk before.
WALKS := tests/e2e/test_walk.py tests/e2e/test_walk_metrics.py
WALKS += $(filter-out $(WALKS) $(PAGES) $(KILLS),$(wildcard tests/e2e/test_*.py)) $(PAGES)
PYTEST := $(BIN)/python -m pytest -q
TOGETHER := @$(MAKE) --no-print-directory --output-sync --keep-going
.PHONY: test
test: $(STAMP) console ## everything proves itself
	@$(BIN)/python -m lantoa_testing.needs
	$(TOGETHER) -j 3 lint mypy console-check
	@$(MAKE) --no-print-directory proofs

.PHONY: test-motor
test-motor: $(STAMP) console ## everything again on the Motor driver
	@LANTOA_MONGO_DRIVER=motor $(MAKE) --no-print-directory proofs

# Much of a test is waiting for real servers: five lanes keep two cores busy, and then two whole platforms and one more.
.PHONY: proofs mounts kills walks $(LANES)
proofs: $(STAMP) console
	@echo "$(words $(LANES)) lanes of tests, five at a time: each tells how it went when it ends, the first in some minutes ..."
	$(TOGETHER) -j 5 mounts $(filter-out $(BESIDE_WALKS),$(LANES))
	$(TOGETHER) -j 3 walks kills $(BESIDE_WALKS)

$(LANES):
	$(PYTEST) -m 'not mounts' $($@)

mounts:
	$(MOUNTS) $(PYTEST) -m mounts $(DISKS)

kills:
	$(PYTEST) $(KILLS)

walks:
	$(PYTEST) $(WALKS)

.PHONY: faults
faults: $(STAMP) console ## 200 items and 500 quiz entries under kills and outages: prints a table, fails on any difference
	$(BIN)/python tests/faults/run.py $(FAULTS)

.PHONY: bench
bench: $(STAMP) console ## measure against bare baselines in the same run; writes build/bench.json
	$(BIN)/python tests/load/bench.py

.PHONY: lint
lint: $(STAMP) ## ruff and the import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PYTHONPATH= $(BIN)/lint-imports --no-cache

.PHONY: mypy
mypy: $(STAMP) ## the types of the services
	$(BIN)/mypy

.PHONY: console-check
console-check: console ## the console's tests and types
	$(BIN)/python -m lantoa_cli.frontend $(CONSOLE) check

##@ Build
.PHONY: install
install: $(STAMP) ## make .venv with everything that is locked

$(STAMP): requirements/dev.txt requirements/bootstrap.txt $(MEMBERS)
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if $(SUPPORTED) else f"Python {v[0]}.{v[1]} found, 3.11 to 3.13 needed: make up PYTHON=python3.12")'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python has no venv: install the package python3-venv"; exit 1; }
	@echo "Making $(VENV) and installing what is locked ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/dev.txt 2>/dev/null \
		|| $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/uv pip install --quiet --offline --no-deps --python $(BIN)/python $(foreach m,$(MEMBERS),-e ./$(dir $(m)))
	@touch $@

.PHONY: console
console: $(CONSOLE)/dist/index.html ## build the staff front end

$(CONSOLE)/dist/index.html: $(STAMP) $(CONSOLE)/package-lock.json $(shell find $(CONSOLE)/src $(CONSOLE)/messages $(CONSOLE)/public $(CONSOLE)/.npmrc $(CONSOLE)/*.ts $(CONSOLE)/*.mjs $(CONSOLE)/*.json $(CONSOLE)/index.html -type f -not -path '*/src/paraglide/*' 2>/dev/null)
	@echo "Building the console ..."
	@$(BIN)/python -m lantoa_cli.frontend $(CONSOLE) build
	@touch $@

EXPORT := $(BIN)/uv export --frozen --no-header --no-annotate --quiet --format requirements-txt
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -

.PHONY: lock
lock: ## resolve again and write requirements/*.txt (hashes, no index) and docker/members
	$(BIN)/uv lock
	$(EXPORT) --no-emit-workspace > requirements/dev.txt
	$(EXPORT) --no-emit-workspace --no-default-groups > requirements/run.txt
	for s in alert gateway directory content fleet broadcast signboard contest reporting cli; do \
		$(EXPORT) --no-default-groups --package lantoa-$$s --no-emit-workspace > requirements/service-$$s.txt; \
		$(EXPORT) --no-default-groups --package lantoa-$$s --no-editable --no-hashes | grep '^\./' > docker/members/$$s.txt; \
	done
	echo 'uv>=0.13,<0.14' | $(COMPILE) > requirements/bootstrap.txt
	echo 'uv-build>=0.13,<0.14' | $(COMPILE) > requirements/image-build.txt
	echo 'espeakng-loader==0.2.4' | $(COMPILE) > requirements/speech.txt

.PHONY: help
help:
	@awk 'BEGIN {FS = ":.*##"} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z -]+:.*##/ {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
