# `make help` lists what there is to run. Needs Python 3.11 or newer and make; everything else goes into .venv.

VENV := .venv
# The newest for which every package has wheels, then whatever else is there. PYTHON=... names another one.
PYTHONS := $(or $(PYTHON),python3.14 python3.13 python3.12 python3.11 python3 python)
# A stamp for each Python, so that another PYTHON makes .venv anew; without PYTHON the one that is there will do.
MADE := $(or $(if $(PYTHON),,$(firstword $(wildcard $(VENV)/made-*))),$(VENV)/made-with-$(subst /,_,$(or $(PYTHON),any)))
RUN := $(VENV)/bin/python -m
# Three workers on one Kafka and one Postgres: the tests wait as much as they compute, and three fill two cores.
WORKERS := -n 3 --dist worksteal
# A test starts a hundred processes of ours: where no bytecode is kept, each of them compiles all of it anew.
export PYTHONDONTWRITEBYTECODE :=
DENO := DENO_NO_UPDATE_CHECK=1 $(VENV)/bin/deno
CONSOLE := services/query/execledger_query/console/static
SOURCES := contracts services tests deploy
# Package indexes, and directories on somebody's machine. The brackets keep this line from finding itself.
STRANGERS := [p]ypi\.|[p]ythonhosted|[r]epo1?\.maven|[n]pmjs|/([h]ome|[r]oot|[U]sers|[b]uilds)/
STRANGERS := $(STRANGERS)|https?://[^/[:space:]]*([r]egistry|[m]irror|[p]roxy|[a]rtifact|[n]exus)
TREE := --exclude-dir=.git --exclude-dir=$(VENV) --exclude-dir='.*_cache' --exclude-dir=.hypothesis --exclude-dir='.execledger*'

.PHONY: help demo test check bench bench-query faults fuzz torture attack schema constraints clean
.DEFAULT_GOAL := help

help: ## this list
	@echo 'make TARGET; the targets are'
	@sed -n 's/^\([a-z-]*\):.*## /  \1	/p' Makefile | expand -t 16

demo: $(VENV)/local ## start everything on this machine, publish traffic, show what was recorded; KEEP=1 leaves it running
	@$(RUN) execledger.demo $(if $(KEEP),--keep)

test: $(VENV)/dev ## the tests, on a real Kafka and a real Postgres; ARGS="tests/unit -k decoding" chooses, ARGS=-n0 shows all
	@$(RUN) pytest $(WORKERS) $(ARGS)

check: $(VENV)/dev ## style, types, layers, generated files, nothing of a machine in the tree
	$(RUN) ruff check $(SOURCES)
	$(RUN) ruff format --check $(SOURCES)
	$(RUN) mypy $(SOURCES)
	$(VENV)/bin/lint-imports --no-cache
	$(RUN) execledger_contracts.schema --check
	$(RUN) execledger_query.openapi --check
	$(DENO) check --quiet $(CONSOLE)/main.js tests/console/unit
	$(DENO) lint --quiet $(CONSOLE) tests/console/unit
	$(DENO) fmt --quiet --check deno.json $(CONSOLE) tests/console/unit
	@! grep -n '://' constraints.txt || { echo 'make: constraints.txt names a host' >&2; exit 1; }
	@! grep -rnIE $(TREE) "$(STRANGERS)" . || { echo 'make: package indexes and directories of a machine stay out' >&2; exit 1; }

bench: $(VENV)/dev ## how fast and how big, as ratios measured in one run; ARGS=--quick takes a minute, ARGS=--help lists more
	@PYTHONPATH=tests $(RUN) bench $(ARGS)

bench-query: $(VENV)/dev ## the query service on a million executions; SIZE=10m for ten, ARGS=--quick for a look
	@PYTHONPATH=tests $(RUN) bench.query $(if $(SIZE),--size $(SIZE)) $(ARGS)

fuzz: $(VENV)/dev ## a million inputs to decoding, most of them bad; ARGS=-runs=N -seed=N
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[fuzz]'
	@PYTHONPATH=tests $(RUN) fuzz $(ARGS)

torture: $(VENV)/dev ## load, and every part killed and paused at random; MINUTES=10 SEED=1
	@PYTHONPATH=tests $(RUN) torture $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

attack: $(VENV)/dev ## bad neighbours on running services: what each costs the others, in five minutes; ARGS=words chooses
	@PYTHONPATH=tests $(RUN) attack $(ARGS)

faults: $(VENV)/dev ## plant each fault of tests/faults in a copy, and see its tests fail; ARGS="ledger" chooses by name
	@PYTHONPATH=tests $(RUN) faults $(ARGS)

schema: $(VENV)/dev ## write the generated files: schemas, AsyncAPI, samples, OpenAPI, types of the console
	$(RUN) execledger_contracts.schema
	$(RUN) execledger_query.openapi

constraints: ## resolve all dependencies but CrewAI's anew into constraints.txt; UV=... names the uv to use
	$(or $(UV),uv) pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --upgrade \
	    --extra client --extra dev --extra fuzz pyproject.toml --output-file constraints.txt
	@! grep -n '://' constraints.txt || { echo 'make: constraints.txt names a host' >&2; exit 1; }

clean: ## remove .venv and caches; the data of local stacks stay (see execledger down)
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis dist build
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

$(MADE):
	@for python in $(PYTHONS); do \
	    if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        echo "Making $(VENV) with $$("$$python" --version) ..."; \
	        "$$python" -m venv --clear $(VENV) && touch $(MADE); exit; \
	    fi; \
	done; \
	echo 'make: no Python 3.11 or newer with venv and ensurepip among: $(PYTHONS); install one, or name it: PYTHON=...' >&2; \
	exit 1

# One dot for each package. The whole output is shown only when pip fails, and is kept in any case.
define install
@echo 'Installing execledger[$(1)] into $(VENV); the first time it takes a few minutes, most of it downloads ...'
@{ $(VENV)/bin/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[$(1)]' 2>&1; echo "exit $$?"; } \
    | tee $(VENV)/install.log | while read -r line; do case $$line in Collecting*) printf .;; esac; done; echo
@tail -n 1 $(VENV)/install.log | grep -qx 'exit 0' || { cat $(VENV)/install.log >&2; exit 1; }
endef

$(VENV)/local: pyproject.toml constraints.txt $(MADE)
	$(call install,local)
	@touch $@

$(VENV)/dev: pyproject.toml constraints.txt $(MADE)
	$(call install,dev)
	@touch $(VENV)/local $@
