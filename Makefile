# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
#
# make demo    the whole job on this machine against emulators        make demo KEEP=1   … and leave it running
# make test    everything CI runs                                     make help          all targets

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
COLLECTIONS := .ansible/collections
WHEELHOUSE := .ansible/wheelhouse
TOOLS := .ansible/tools
READY := $(VENV)/.ready
TOOLS_READY := $(TOOLS)/.ready
# Linters call ansible by name.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/$(COLLECTIONS)

.PHONY: help
help:  ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

.PHONY: setup
setup: $(READY)  ## Make the virtual environment and fetch the dependencies (a second run does nothing)

$(READY): requirements-dev.txt dev/constraints.txt dev/fetch_collections.py dev/link_checkout.py roles/sync_agent/files/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else f"Python 3.11 or newer is needed, {sys.executable} is {sys.version.split()[0]}. Name another one: make PYTHON=python3.12 …")'
	@rm -f $@
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt -c dev/constraints.txt
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --dest $(WHEELHOUSE) -r roles/sync_agent/files/requirements.txt
	$(BIN)/python dev/fetch_collections.py $(COLLECTIONS) amazon.aws community.aws
	$(BIN)/python dev/link_checkout.py $(COLLECTIONS)
	@touch $@

# Browser, promtool and systemd-analyze: for the tests alone, so that the demo needs no more than Python.
$(TOOLS_READY): dev/install_system_packages.py
	$(PYTHON) dev/install_system_packages.py $(TOOLS)
	@touch $@

.PHONY: demo
demo: $(READY)  ## Run the main job against emulators (KEEP=1 leaves everything running)
	$(BIN)/python -m tests.demo $(if $(KEEP),--keep)

.PHONY: test
test: LIVE := --if-possible
test: lint unit integration live sanity  ## Everything that CI runs

.PHONY: lint
lint: $(READY)  ## Linters and type checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/yamllint --strict .
	$(BIN)/ansible-lint --profile production --offline --strict
	$(BIN)/antsibull-changelog lint
	$(BIN)/antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=all --skip-rstcheck .

.PHONY: unit
unit: $(READY) $(TOOLS_READY)  ## Unit tests
	$(BIN)/python -m pytest tests/unit -n 2

# These tests wait a good part of their time: for agents, for other processes, for a page. So twice the cores.
.PHONY: integration
integration: $(READY) $(TOOLS_READY)  ## Playbooks and the agent against the emulators
	$(BIN)/python -m pytest tests/integration -n 4 --dist worksteal --durations=25

.PHONY: live
live: $(READY) $(TOOLS_READY)  ## The agent under a live systemd, in a machine made of namespaces; needs root
	$(BIN)/python -m tests.live $(LIVE)

.PHONY: live-podman
live-podman: $(READY) $(TOOLS_READY)  ## The agent's container under Debian 13's podman; needs root, downloads 200 MB once
	$(BIN)/python -m tests.podman

.PHONY: explore
explore: $(READY) $(TOOLS_READY)  ## Properties and schedules with another seed and more examples: make explore [SEED=7]
	seed=$(or $(SEED),$$(od -An -N3 -tu4 /dev/urandom)); echo "SEED=$$((seed))"; \
	$(BIN)/python -m pytest tests/unit -n 2 --hypothesis-profile=explore --hypothesis-seed=$$((seed)) && \
	TEST_SEED=$$((seed)) $(BIN)/python -m pytest tests/integration/schedules tests/integration/agent/test_crash_loop.py tests/integration/sync/test_resume.py -n 2

.PHONY: sanity
sanity: $(READY)  ## ansible-test sanity on a copy of the checkout
	$(BIN)/python dev/sanity.py

.PHONY: conformance
conformance: $(READY)  ## Compare a console with what the client rests on: make conformance CONSOLE_URL=… [WRITE=1]
	$(BIN)/python -m tests.console_conformance --url $(CONSOLE_URL) $(if $(WRITE),--write) --report conformance.json

.PHONY: bench-onboarding
bench-onboarding: $(READY)  ## Onboard ten accounts, ours against the modules there were before
	$(BIN)/python -m tests.bench.onboarding

.PHONY: bench-existing
bench-existing: $(READY)  ## Synchronise 1,000 and 10,000 packages, against a naive walk over the same ones
	$(BIN)/python -m tests.bench.existing_sync

.PHONY: bench-agent
bench-agent: $(READY)  ## Race the agent against a naive loop over one queue
	$(BIN)/python -m tests.bench.agent

.PHONY: pictures
pictures: $(READY) $(TOOLS_READY)  ## Take the documentation's pictures of the agent's status page anew
	PYTHONPATH=$(COLLECTIONS) $(BIN)/python -m tests.harness.status_pictures docs/images

.PHONY: clean
clean:  ## Remove everything that setup made
	rm -rf $(VENV) .ansible .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
