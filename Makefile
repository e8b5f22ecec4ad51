# Every target installs what it needs, once: .venv follows requirements.lock.

EXP ?= momentum
PROFILE ?= digits
SEEDS ?=
MAX_TRIALS ?=
TRIALS ?=
SET ?=
CPUS ?=
GPUS ?=
ONLY ?=
SHARE ?= 1
INTERVAL ?=
STYLE ?=
PORT ?= 5000
SOAK_MINUTES ?= 20
RESULTS ?= results
CELL ?=
OUTPUT ?=
ARCHIVE ?=
CLUSTER ?=
WORKERS ?= 2
TO ?=
FROM ?=
ARTIFACTS ?=
DRY_RUN ?=
RUN ?=
RETRAIN ?=
MINUTES ?= 8
DEVICE ?= cuda
SMALL ?=
RAY ?=
ALL ?=
PHOTOGRAPHS ?=
ON ?=
WEIGHTS ?=
KIND ?=
PREFIX ?=
MODEL ?=
NAME ?=
IMAGE_SIZE ?=
MEAN ?=
STD ?=
HAVE ?=
FOR ?=
PACK ?=

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
FTLAB := $(BIN)/ftlab
# Another engine: make up COMPOSE="podman compose"
COMPOSE ?= docker compose
STACK := $(COMPOSE) --file docker/compose.yaml
UV := VIRTUAL_ENV='$(CURDIR)/.venv' $(BIN)/uv

COMPILE := pip compile --universal --generate-hashes --python-version 3.11 --no-header --no-emit-index-url --quiet

# A value in quotes for the shell, as it was typed: make reads none of it.
quoted = '$(subst ','\'',$(value $(1)))'
# What the shell exports counts too, and is said first.
EXPORTED := $(strip $(foreach name,EXP PROFILE SEEDS MAX_TRIALS TRIALS SET CPUS GPUS SHARE INTERVAL STYLE PORT RESULTS CELL OUTPUT ARCHIVE CLUSTER RETRAIN,$(if $(filter environment%,$(origin $(name))),$(if $(value $(name)),$(name)=$(call quoted,$(name))))))
$(if $(EXPORTED),$(info from the environment: $(EXPORTED)))

# The command line parts the settings: only it knows where one begins.
SETTINGS := $(if $(value SET),--set $(call quoted,SET))
FOLDER := $(if $(filter file,$(origin RESULTS)),,--results $(call quoted,RESULTS))
STUDY := $(EXP) --profile $(PROFILE) $(if $(SEEDS),--seeds $(SEEDS)) $(SETTINGS)
BOUND := $(if $(MAX_TRIALS),--max-trials $(MAX_TRIALS))
SIZE := $(if $(CPUS),--cpus $(CPUS)) $(if $(GPUS),--gpus $(GPUS))
# The driver of a sweep: this environment, or the container that is a node of the stack's cluster.
DRIVER := $(if $(CLUSTER),$(if $(filter compose,$(CLUSTER)),$(STACK) exec driver ftlab,$(error CLUSTER must be compose or empty, but got $(CLUSTER))),$(FTLAB))
INTERVALS := $(if $(INTERVAL),--interval $(INTERVAL))
PLACES := $(foreach place,$(value ON),--on '$(place)')
given = $(if $(value $(2)),$(1) $(call quoted,$(2)))
MADE_ELSEWHERE := $(call given,--weights,WEIGHTS) $(call given,--kind,KIND) $(call given,--prefix,PREFIX) $(call given,--model,MODEL) $(call given,--name,NAME) $(call given,--image-size,IMAGE_SIZE) $(call given,--mean,MEAN) $(call given,--std,STD)
STYLES := $(if $(STYLE),--style $(STYLE))
SHARING := $(if $(filter 0 no false,$(SHARE)),--no-share)

.DEFAULT_GOAL := help
.PHONY: help setup list plan sweep search table evaluate features explain verify bundle export-backbone doctor migrate import-journal train ui dashboard optuna-ui config schema up down logs test test-slow test-browser test-services test-peers soak check docs audit format bench gpu-day gpu-day-pack lock clean distclean

# The groups of `make help`, and their targets in order.
HELP := start: setup doctor list plan sweep search train \
	look: table evaluate features explain verify ui dashboard optuna-ui config \
	share: bundle export-backbone import-journal migrate \
	team: up logs down \
	develop: check test test-slow test-browser test-services test-peers bench soak docs gpu-day gpu-day-pack format schema \
	lock audit clean distclean

# Words of the targets' comments, in lines of 80 characters.
define PRINT_HELP
/^[a-z-]+:.*## / { target = $$0; sub(/:.*/, "", target); text = $$0; sub(/^[^#]*## /, "", text); said[target] = text }
END {
  number = split(help, names, " ")
  for (i = 1; i <= number; i++) {
    if (names[i] ~ /:$$/) { sub(/:$$/, "", names[i]); printf "%s%s\n", (i > 1 ? "\n" : ""), toupper(names[i]); continue }
    line = sprintf("  make %-16s", names[i])
    length_of = split(said[names[i]], words, " ")
    for (j = 1; j <= length_of; j++) {
      if (length(line) + length(words[j]) >= 80) { print line; line = sprintf("%23s", "") }
      line = line " " words[j]
    }
    print line
  }
}
endef
export PRINT_HELP

help:  ## List the targets and variables
	@awk -v help='$(HELP)' "$$PRINT_HELP" $(firstword $(MAKEFILE_LIST))
	@echo
	@echo '  EXP=momentum PROFILE=digits SEEDS=3 CPUS=2 GPUS=0 SET="method.queue_size=2048 train.epochs=50"'

setup: $(STAMP)  ## Install everything into .venv

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("ftlab needs Python 3.11 to 3.13, but $(PYTHON) is " + sys.version.split()[0]) if not (3, 11) <= sys.version_info[:2] <= (3, 13) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(sed -n 's/^\(uv==[^ ]*\).*/\1/p' requirements.lock)"
	@echo "Installing the $$(grep -c '^[a-z0-9]' requirements.lock) packages of requirements.lock and ftlab into .venv, once;" \
		"on Linux, where torch brings CUDA, they take 7 GB of disk."
	@quiet=$$(test -t 2 || echo --quiet); $(UV) pip sync $$quiet --compile-bytecode requirements.lock
	@$(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

list: $(STAMP)  ## List experiments, searches and profiles: question, state at PROFILE, time
	@$(FTLAB) list --profile $(PROFILE) $(FOLDER)

plan: $(STAMP)  ## List what a sweep would train, resume and reuse, and its cost
	@$(FTLAB) plan $(STUDY) $(BOUND) $(SIZE) $(SHARING)

sweep: $(if $(CLUSTER),,$(STAMP))  ## Train what the table still lacks, record it, write the table; CLUSTER=compose: on the stack of `make up`
	@$(DRIVER) sweep $(STUDY) $(BOUND) $(SIZE) $(SHARING) $(INTERVALS) $(FOLDER)

evaluate: $(STAMP)  ## Judge kept backbones on other images, training nothing: make evaluate EXP=components ON="digits folder:/data/cub"; WEIGHTS=FILE judges weights made elsewhere beside them
	@$(FTLAB) evaluate $(STUDY) $(SIZE) $(FOLDER) $(PLACES) $(MADE_ELSEWHERE) $(if $(filter-out 0 no false,$(DRY_RUN)),--dry-run) $(if $(filter 1 yes true,$(RETRAIN)),--retrain)

features: $(STAMP)  ## Write frozen features and labels as Parquet: make features RUN=<key> ON=digits, or WEIGHTS=FILE
	@$(FTLAB) features $(if $(value RUN),$(call quoted,RUN)) $(if $(value WEIGHTS),--profile $(PROFILE) $(SETTINGS)) $(PLACES) $(MADE_ELSEWHERE) $(if $(value OUTPUT),--output $(call quoted,OUTPUT))

table: $(STAMP)  ## Rebuild the table from the tracking store; STYLE=wide or full: table.tex for two columns or an appendix
	@$(FTLAB) table $(STUDY) $(BOUND) $(INTERVALS) $(STYLES) $(FOLDER)

explain: $(STAMP)  ## Print what is behind a cell: make explain RESULTS=results/momentum/digits CELL=0.99
	@$(FTLAB) explain $(call quoted,RESULTS) $(if $(CELL),--cell $(call quoted,CELL))

verify: $(STAMP)  ## Recompute tables from the tracking store; fail where a file differs
	@$(FTLAB) verify $(call quoted,RESULTS)

bundle: $(STAMP)  ## Write one folder with a table and everything behind it; ARCHIVE=zip packs it
	@$(FTLAB) bundle $(EXP) --profile $(PROFILE) $(SETTINGS) $(FOLDER) $(if $(OUTPUT),--output $(call quoted,OUTPUT)) $(if $(ARCHIVE),--archive $(ARCHIVE))

doctor: $(STAMP)  ## Check versions, device, disks, data of PROFILE, tracking store and Ray; name a cure for each fault
	@$(FTLAB) doctor --profile $(PROFILE)

migrate: $(STAMP)  ## Copy the SQLite history to another store: make migrate TO=http://HOST:5000; DRY_RUN=1 only says what
	@$(FTLAB) migrate --to '$(TO)' $(if $(ARTIFACTS),--artifacts $(ARTIFACTS)) $(if $(filter-out 0 no false,$(DRY_RUN)),--dry-run)

import-journal: $(STAMP)  ## Bring in what another FTLAB_HOME recorded, e.g. on a node without a network: make import-journal FROM=folder
	@$(FTLAB) import-journal $(call quoted,FROM)

export-backbone: $(STAMP)  ## Write a trained backbone: make export-backbone RUN=<key> TO=torchvision|timm|detectron2
	@$(FTLAB) export-backbone '$(RUN)' --to '$(TO)' $(if $(OUTPUT),--output $(OUTPUT)) $(if $(filter 1 yes true,$(RETRAIN)),--retrain)

search: $(STAMP)  ## Look for the best settings: make search EXP=search_ft TRIALS=40
	@$(FTLAB) search $(EXP) --profile $(PROFILE) $(if $(TRIALS),--trials $(TRIALS)) $(SETTINGS) $(SIZE) $(FOLDER)

train: $(STAMP)  ## Train one trial of PROFILE in this process
	@$(FTLAB) train --profile $(PROFILE) $(SETTINGS)

ui: $(STAMP)  ## Browse every run in MLflow, on 127.0.0.1
	@$(FTLAB) ui $(EXP) --port $(PORT)

dashboard: $(STAMP)  ## Explore tables, runs and score statistics, on 127.0.0.1
	@$(FTLAB) dashboard --port $(if $(filter-out 5000,$(PORT)),$(PORT),8050)

optuna-ui: $(STAMP)  ## Browse a search in optuna-dashboard, on 127.0.0.1
	@$(FTLAB) optuna-ui $(if $(filter-out momentum,$(EXP)),$(EXP)) --port $(if $(filter-out 5000,$(PORT)),$(PORT),8080)

config: $(STAMP)  ## Print the resolved settings of every cell
	@$(FTLAB) config $(STUDY)

schema: $(STAMP)  ## Write the JSON schemas that editors complete YAML with
	@$(FTLAB) schema

# The image is tagged with the commit, and from there the runs that are trained in it.
up: export FTLAB_COMMIT ?= $(shell git describe --always --dirty --abbrev=40 2> /dev/null)
up: docker/.env  ## Start the stack of docker/compose.yaml, see docs/tutorials/team.md; WORKERS=4 scales it
	@mkdir -p results
	@[ "$$(id -u)" != 0 ] || chown "$$(sed -n 's/^FTLAB_UID=//p' docker/.env)" results  # a container never runs as root
	$(STACK) up --detach --build --scale ray-worker=$(WORKERS)

down:  ## Stop the stack; what it stored stays
	$(STACK) down

logs:  ## Follow what the stack says
	$(STACK) logs --follow --tail 100

docker/.env:
	@docker/make_env.sh

# Tests start many processes, which compile nothing anew even where the surroundings keep Python from storing bytecode.
test test-slow test-browser test-services test-peers: export PYTHONDONTWRITEBYTECODE =

test: $(STAMP)  ## Run the tests
	$(BIN)/pytest -q -n auto --maxprocesses 8 --dist loadfile -m "not slow and not browser and not services"

test-slow: $(STAMP)  ## Run the slow tests: faults with real processes
	$(BIN)/pytest -q -m "slow and not services"

test-browser: $(STAMP)  ## Run the tests that drive a browser (Chromium)
	$(BIN)/pytest -q -m "browser and not slow" tests/browser

test-services: $(STAMP)  ## Run the tests with real servers: PostgreSQL, MLflow, Ray, Prometheus
	$(BIN)/pytest -q -m services tests/integration/services

soak: $(STAMP)  ## Sweep on and on while servers restart and the disk fills: SOAK_MINUTES=20
	PYTHONPATH=tests/integration/services:tests/benchmarks $(BIN)/python tests/soak/soak.py --minutes $(SOAK_MINUTES)

check: $(STAMP)  ## Lint, types, layers, spelling
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(STAMP)  ## Build the site into site/; warnings are errors, and nothing is fetched
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet docs site
	@echo site/index.html

audit: $(STAMP)  ## Look up known vulnerabilities of what the locks install
	@$(BIN)/python .ci/audit.py requirements.lock docker/requirements.lock

format: $(STAMP)  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The peers that benchmarks run beside ftlab; nothing else needs them.
PEERS := .venv/.peers
$(PEERS): $(STAMP) tests/benchmarks/requirements.lock
	$(UV) pip install --quiet --no-deps -r tests/benchmarks/requirements.lock
	@touch $@

test-peers: $(PEERS)  ## Compare the methods with those of the benchmarks' peers
	$(BIN)/pytest -q -m peers tests/peers

bench: $(PEERS)  ## Run the benchmarks, or ONLY=<name>
	@for script in $(if $(ONLY),tests/benchmarks/$(ONLY).py,$(filter-out tests/benchmarks/_%,$(wildcard tests/benchmarks/*.py))); do $(BIN)/python $$script || exit 1; done

# A GPU machine without a network has no .venv: there its own Python serves, and .gpu-day/ holds what that lacks.
ANY_PYTHON := $(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON))
yes = $(filter 1 yes true,$(1))

gpu-day:  ## Test, measure and train on one GPU in MINUTES=8; RAY=1 runs a sweep there; DEVICE=cpu SMALL=1 tries it
	@$(ANY_PYTHON) tests/gpu_day/gpu_day.py $(if $(PACK),--unpack $(PACK),--minutes $(MINUTES) --device $(DEVICE) $(if $(OUTPUT),--output $(OUTPUT)) $(if $(call yes,$(SMALL)),--small) $(if $(call yes,$(RAY)),--ray))

gpu-day-pack: $(PEERS)  ## Prepare .gpu-day/ for a machine without a network: PHOTOGRAPHS=archive; ALL=1 with Ray and MLflow
	@PYTHONPATH=tests/gpu_day $(BIN)/python tests/gpu_day/pack.py $(if $(PHOTOGRAPHS),--photographs '$(PHOTOGRAPHS)') $(if $(HAVE),--have '$(HAVE)') $(if $(FOR),--python '$(FOR)') $(if $(call yes,$(ALL)),--all)

lock: $(STAMP)  ## Resolve requirements.lock anew from pyproject.toml, and the locks of images and of benchmarks beside it
	$(UV) $(COMPILE) pyproject.toml --extra dev --extra docs --extra server -o requirements.lock
	$(UV) $(COMPILE) pyproject.toml --extra server --extra cluster --extra lars -c requirements.lock -o docker/requirements.lock
	$(UV) $(COMPILE) tests/benchmarks/requirements.in -c requirements.lock -o tests/benchmarks/requirements.lock

clean:  ## Remove caches and results; recorded trials stay
	rm -rf results site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find platform dashboards tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean  ## Remove also the environment and every recorded trial
	rm -rf .venv .ftlab
