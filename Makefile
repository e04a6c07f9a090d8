# Each command builds what it needs the first time. What they do is written in Python, in local/, tools/ and cli/.
SHELL := /bin/sh
.DEFAULT_GOAL := help
export PHOTOS SETTINGS FORCE NEW_KEY KEY
ARGS ?=
# What is imported is compiled once and kept: nothing in .venv is compiled when it is installed.
unexport PYTHONDONTWRITEBYTECODE

PYTHON := .venv/bin/python
# What talks to a real account.
ACCOUNT = PYTHONPATH=cli/src$${PYTHONPATH:+:$$PYTHONPATH} $(PYTHON) -m dropcut_cli.account
# No package's code sees a person's access to AWS, or their API key, but where a command uses it.
ALONE = env $(patsubst %,-u %,$(filter-out AWS_PORT,$(filter AWS_% DROPCUT_API_KEY,$(.VARIABLES))))
.NOTPARALLEL:
.PHONY: help demo up down test quick check lock audit events bench deploy destroy redrive forget ready

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F '|' '{ printf "%-16s %s\n", $$1, $$2 }'

demo: ready ## Cut out samples/ on this machine and show them in out/index.html (PHOTOS=folder, SETTINGS="name=value ...")
	@$(subst -u DROPCUT_API_KEY,,$(ALONE)) $(PYTHON) -m local demo

up: ready ## Leave the whole system running on this machine; .local/stack.json tells how to reach it (SETTINGS=...)
	@$(subst -u DROPCUT_API_KEY,,$(ALONE)) $(PYTHON) -m local up

down: ready ## End what `make up` started
	@$(ALONE) $(PYTHON) -m local down

test: ready ## Run all tests, those on the deployed stacks included (about six minutes on two cores)
	@$(ALONE) $(PYTHON) -m pytest -n 4

quick: ready ## Run the tests that take seconds
	@$(ALONE) $(PYTHON) -m pytest -q -n 2 -m "not slow and not end_to_end"

check: ready ## Check style, types, plain sentences, locks, the events' schemas
	@$(ALONE) $(PYTHON) -m tools check

lock: ready ## Lock the packages anew, with hashes, from requirements.txt and functions/requirements.txt
	@$(ALONE) $(PYTHON) -m tools lock

audit: ready ## Ask for known vulnerabilities of the locked packages; says so where none can be asked
	@$(ALONE) $(PYTHON) -m tools audit

events: ready ## Write the events' JSON Schemas in docs/events anew, from the functions' types
	@$(ALONE) $(PYTHON) -m tools events

bench: ready ## Measure speed, memory and cost against a baseline in the same run
	@$(ALONE) $(PYTHON) -m bench

deploy: ready ## Deploy to your AWS account and put the API key in its secret (SETTINGS=...)
	@$(ACCOUNT) deploy

destroy: ready ## Remove the deployment from your AWS account; buckets that hold objects stay (SETTINGS=..., FORCE=yes)
	@$(ACCOUNT) destroy

redrive: ready ## Show the dead letters of your deployment, or send them back to their stages (SETTINGS=..., ARGS="--send")
	@$(ACCOUNT).operate redrive $(ARGS)

forget: ready ## Show what is kept of a photo, or remove it (KEY=its name, SETTINGS=..., ARGS="--yes --photo")
	@$(ACCOUNT).operate forget $(ARGS)

# .venv is made by the first of these that is new enough; one that can bring pip along goes before one that cannot.
ready:
	@for needs in ensurepip sys; do for name in python3.13 python3.12 python3.11 python3; do \
		if $$name -c "import sys, $$needs; sys.exit(sys.version_info < (3, 11))" 2>/dev/null; then \
			exec $$name tools/install.py; fi; done; done; \
	echo "Python 3.11 or newer is needed, and none was found. On Debian or Ubuntu: sudo apt-get install python3 python3-venv" >&2; exit 1
