# Every verb of the project; CI calls only these. `make help` lists them.
SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help setup demo web web-types test coverage lint bench bench-gateway chaos docs docs-check pins clean

VENV := .venv
BIN := $(VENV)/bin
# What the demo runs, and everything: each is installed when a verb needs it.
DEMO_READY := $(VENV)/.demo-ready
READY := $(VENV)/.ready
WEB_READY := web/node_modules/.ready
PYTHON = $(shell for p in python3.11 python3.12 python3; do "$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null && echo "$$p" && break; done)

# What the verbs take: make demo SECONDS=20 RATE=5000 SYMBOLS=50 QUOTES=1 FILE=trades.csv.gz FEED=play:session.ws.gz JSON=summary.json
DEMO := $(if $(SECONDS),--seconds $(SECONDS)) $(if $(RATE),--rate $(RATE)) $(if $(SYMBOLS),--symbols $(SYMBOLS)) \
	$(if $(QUOTES),--quotes) $(if $(FILE),--file $(FILE)) $(if $(FEED),--feed $(FEED)) $(if $(JSON),--json $(JSON))

# Each file that takes --json is run, one after the other, and adds its figures to the same file.
BENCHES = $(sort $(shell grep -l '"--json"' bench/*.py))
define run_benches
set -e; $(if $(BENCH_JSON),rm -f "$(BENCH_JSON)";) for file in $(1); do \
	echo "== $$file"; $(BIN)/python -m "$$(basename "$${file%.py}" | sed 's/^/bench./')" $(if $(BENCH_JSON),--json "$(BENCH_JSON)"); done
endef

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# $(call install,FILES,STAMPS): the pinned dependencies of FILES, one line each; the project itself; its kernels.
# The warning that is left out says only that folders here win over installed packages, as they should.
define install
@[ -n "$(PYTHON)" ] || { echo "make: no Python 3.11 or 3.12 found (python3.11, python3.12, python3): install one, e.g. apt install python3.11 python3.11-venv" >&2; exit 2; }
@[ -x $(BIN)/python ] || "$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); echo "make: $(PYTHON) can't make a virtual environment: install its venv package, e.g. apt install python3.11-venv" >&2; exit 2; }
@echo "installing into $(VENV) what $(1) pin"
@set -o pipefail; export PYTHONUNBUFFERED=1; $(BIN)/pip install --disable-pip-version-check --require-hashes $(addprefix -r ,$(1)) \
	| sed -un 's/^Collecting \([^ ]*\).*/  \1/p'
@PYTHONWARNINGS="ignore:Editable installation" $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
@$(BIN)/python -m processes.warm
@touch $(2)
endef

setup: $(READY) ## .venv with every pinned dependency; done once (make demo installs only what it needs)
$(READY): requirements/dev.txt pyproject.toml
	$(call install,requirements/dev.txt,$(DEMO_READY) $@)
$(DEMO_READY): requirements/build.txt requirements/local.txt requirements/gateway.txt pyproject.toml
	$(call install,requirements/build.txt requirements/local.txt requirements/gateway.txt,$@)

demo: $(DEMO_READY) ## trades through the whole system on this machine, with proof (SECONDS RATE SYMBOLS QUOTES FILE FEED JSON)
	$(BIN)/tapeflow demo $(DEMO)

web: $(WEB_READY) ## the dashboard from its sources into gateway/dashboard, checked and tested; needs Node 20 or newer
	cd web && npm run check && npm test && npm run build
$(WEB_READY): web/package.json web/package-lock.json
	@node -e 'process.exit(+(parseInt(process.versions.node) < 20))' 2>/dev/null && command -v npm >/dev/null || { echo "make: web/ is built with Node 20 or newer and its npm (node, npm on PATH): install them, e.g. from https://nodejs.org; only changes of web/ need it" >&2; exit 2; }
	cd web && npm ci --ignore-scripts --no-progress
	@touch $@

# None of the short tests takes a minute: one that hangs fails after five, and says where.
HANGS_END := -o faulthandler_timeout=300 -o faulthandler_exit_on_timeout=true
test: setup ## the tests, in two processes; ALL=1: also what takes long (kills, outages, browsers); ARGS="-k bars" chooses among all
	$(BIN)/pytest -n 2 --no-loadscope-reorder $(if $(ALL)$(ARGS),,-m "not thorough" $(HANGS_END)) $(ARGS)

coverage: setup ## what each module's own tests run of it; less than all of core, kernels or schemas fails (PACKAGES="core flows")
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m tests.mirror_coverage $(PACKAGES)

lint: setup ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup ## throughput and latency against a bare consumer (BENCH_JSON=FILE writes the figures)
	@$(call run_benches,$(filter-out bench/gateway_%,$(BENCHES)))

bench-gateway: setup ## fan-out, idle connections and REST against a bare server (BENCH_JSON=FILE)
	@$(call run_benches,$(filter bench/gateway_%,$(BENCHES)))

.PHONY: bench-peers
bench-peers: setup ## beside Flink, Kafka Streams, Centrifugo and others, in the same minutes (PEERS="flink ws" ROUNDS TRADES BENCH_JSON=FILE)
	@$(BIN)/python -m bench.peers $(PEERS) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(TRADES),--trades $(TRADES)) $(if $(BENCH_JSON),--json "$(BENCH_JSON)")

.PHONY: mutants
mutants: setup ## wrong figures put into a copy of the source one by one: each must fail a test (ONLY="name file …")
	$(BIN)/python -m tests.mutants $(if $(ONLY),--only $(ONLY))

chaos: setup ## kill everything at random and compare with the oracle (ROUNDS=5 for a short one, SEED=N to repeat one)
	$(BIN)/python -m tests.chaos $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED))

.PHONY: drill
drill: setup ## lose one part after the other, each mended by documented commands (LOSE=Redis); upgrade from FROM=COMMIT; WHOLE=1: all on secured servers
	$(BIN)/python -m tests.drill$(if $(WHOLE),.whole)$(if $(FROM),.upgrade $(FROM)) $(if $(LOSE),--lose "$(LOSE)")
	$(if $(WHOLE),$(BIN)/pytest -q -s -m thorough tests/drill/test_alarms.py)

.PHONY: soak
soak: setup ## the demo for hours, watched for memory, files, lag and disk that grow (HOURS=24 RATE=1000 SYMBOLS=50)
	$(BIN)/python -m tests.soak $(if $(HOURS),--hours $(HOURS)) $(if $(RATE),--rate $(RATE)) $(if $(SYMBOLS),--symbols $(SYMBOLS))

docs: $(DEMO_READY) ## write the generated table of docs/settings.md anew
	@sed '/^| variable /,$$d' docs/settings.md > docs/settings.md.new
	@$(BIN)/python -c 'from runtime.settings.whole import describe_settings; print(describe_settings(), end="")' >> docs/settings.md.new
	@mv docs/settings.md.new docs/settings.md

docs-check: setup ## every link, generated page and metric of the docs against the source
	$(BIN)/pytest -q tests/unit/test_docs.py tests/unit/test_docker.py tests/unit/runtime/settings/test_whole.py

web-types: setup ## write web/client/src/generated anew, from the gateway's own documents
	$(BIN)/python -m web.generate_types

pins: setup ## compile requirements/*.txt anew from *.in (UPGRADE=1 takes newer versions)
	cd requirements && export CUSTOM_COMPILE_COMMAND="make pins" PIP_FIND_LINKS= && \
	compile="../$(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-build-isolation --no-emit-index-url --no-emit-find-links --no-emit-options --annotation-style=line" && \
	$$compile $(if $(UPGRADE),--upgrade) dev.in -o dev.txt && \
	for part in run local gateway tracing build; do $$compile $$part.in -c dev.txt -o $$part.txt || exit 1; done && \
	$$compile $(if $(UPGRADE),--upgrade) sbom.in -o sbom.txt && \
	for peer in ../bench/peers/quix ../bench/peers/pathway; do $$compile $(if $(UPGRADE),--upgrade) $$peer/requirements.in -o $$peer/requirements.txt || exit 1; done

# Its own environment: it has a schema validator and more that nothing else here needs.
SBOM_READY := build/sbom-venv/.ready
.PHONY: sbom
sbom: $(SBOM_READY) ## what the image's Python holds, as build/sbom.json (CycloneDX), from its pins
	PYTHONWARNINGS=ignore build/sbom-venv/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --of JSON -o build/sbom.json requirements/gateway.txt
$(SBOM_READY): requirements/sbom.txt
	@[ -n "$(PYTHON)" ] || { echo "make: no Python 3.11 or 3.12 found (python3.11, python3.12, python3): install one, e.g. apt install python3.11 python3.11-venv" >&2; exit 2; }
	"$(PYTHON)" -m venv build/sbom-venv && build/sbom-venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/sbom.txt
	@touch $@

clean: ## remove what the verbs made, .venv included
	rm -rf $(VENV) web/node_modules .data .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
