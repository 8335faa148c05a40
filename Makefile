# Everything happens in .venv, from hash-pinned locks. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
COMPILE := pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-header --no-emit-index-url
# What the Action installs only where its inputs say so: a lock for each extra.
EXTRAS := sigstore s3 gcs azure
FOR_DEV := -c requirements/runtime.txt -c requirements/sigstore.txt -c requirements/s3.txt
FOR_SERVERS := --extra dev --extra gcs --extra azure -c requirements/dev.txt -c requirements/gcs.txt -c requirements/azure.txt
FOR_GIT_LFS := $(subst 3.10,3.12,$(COMPILE))
INSTALL = $(UV) pip install --quiet --python $(BIN)/python --require-hashes --no-build
WORKERS ?= auto
# .venv belongs to one interpreter and one folder. Prints which, or says why this interpreter will not do.
IDENTITY = import os, sys; \
	sys.version_info >= (3, 10) or sys.exit("Python 3.10 or newer is needed, $(PYTHON) is " + sys.version.split()[0] + \
	". Next: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"); \
	print(sys.version.split()[0], sys.base_prefix, os.getcwd())

# uv uses the interpreter it is given, and trusts the certificates the machine trusts (a company's proxy has its own).
export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS ?= $(if $(wildcard /etc/ssl/certs/ca-certificates.crt),true,false)

.DEFAULT_GOAL := help
.PHONY: help demo test e2e lfs reflinks servers exhaustive situations screenshots drawings record fuzz bench ratios check coverage audit advisories mutation fix lint workflows types layers locks lock package release clean FORCE

help: ## list the targets
	@grep -E '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 13

demo: $(VENV)/.dev ## the whole job on an embedded GitHub: no token, no network but the package registry
	$(BIN)/python -m tests.demo

test: $(VENV)/.dev ## the tests, but for the thorough ones
	$(BIN)/pytest --numprocesses=$(WORKERS)

e2e: $(VENV)/.dev ## every workflow, run by a real runner; the other targets run a few of them
	$(BIN)/pytest --numprocesses=$(WORKERS) -m e2e tests/e2e

# git-lfs comes as a package for where there is none.
GIT_LFS := build/git-lfs
$(GIT_LFS)/.installed: $(VENV)/.bootstrap requirements/git-lfs.txt
	$(UV) pip install --quiet --python $(BIN)/python --python-version 3.12 --require-hashes --no-build \
	--target $(GIT_LFS) -r requirements/git-lfs.txt
	@touch $@
WITH_GIT_LFS = PATH="$$PATH:$(CURDIR)/$(GIT_LFS)/git_lfs/bin"

lfs: $(VENV)/.dev $(GIT_LFS)/.installed ## what git-lfs itself pushes and fetches
	$(WITH_GIT_LFS) $(BIN)/pytest --numprocesses=$(WORKERS) -m 'git_lfs and not servers' tests/action/test_lfs_client.py

REFLINKS ?=
reflinks: $(VENV)/.dev ## private copies that share their blocks, in a folder of btrfs or XFS: REFLINKS=/mnt/folder
	@[ -d "$(REFLINKS)" ] || { echo "reflinks: nothing is run without a folder on a file system with reflinks." \
	"Next: make reflinks REFLINKS=FOLDER" >&2; exit 1; }
	$(BIN)/pytest -m reflinks --basetemp=$(REFLINKS)/promotebot-tests tests/artifact/test_reflinks.py

# Real servers, an environment of their own, with all that .venv has, and the libraries of the other buckets.
SERVERS := build/servers
$(SERVERS)/.installed: $(VENV)/.bootstrap requirements/servers.txt requirements/azurite/package-lock.json
	@command -v npm >/dev/null || { echo "servers: nothing is run without npm, which brings a server of Azure's blobs." \
	"Next: install Node.js (https://nodejs.org), then make servers" >&2; exit 1; }
	$(UV) venv --quiet --clear --python $(BIN)/python $(SERVERS)
	$(UV) pip install --quiet --python $(SERVERS)/bin/python --require-hashes --no-build -r requirements/servers.txt \
	-r requirements/bootstrap.txt
	$(UV) pip install --quiet --python $(SERVERS)/bin/python --no-deps --no-build-isolation --editable .
	cp requirements/azurite/package.json requirements/azurite/package-lock.json $(SERVERS)
	npm ci --prefix $(SERVERS) --silent --ignore-scripts --no-audit --no-fund
	@touch $@

servers: $(SERVERS)/.installed $(GIT_LFS)/.installed ## real servers of Git LFS, of Google's buckets and of Azure's blobs
	$(WITH_GIT_LFS) AZURITE=$(CURDIR)/$(SERVERS)/node_modules/azurite $(SERVERS)/bin/pytest --numprocesses=$(WORKERS) \
	-m servers tests/action/test_lfs_client.py tests/git/test_giftless.py tests/storage/test_emulators.py

exhaustive: $(VENV)/.dev ## every case, and every example of a property, of what the tests take samples of
	$(BIN)/pytest --numprocesses=$(WORKERS) -m 'exhaustive or hypothesis' --hypothesis-profile=exhaustive \
	-o faulthandler_timeout=3600

situations: $(VENV)/.dev ## write what people read in every situation anew, into tests/said/situations
	APPROVE=1 $(BIN)/pytest --numprocesses=$(WORKERS) tests/comments/test_situations.py

# Both need Chromium and Node.js, and say so; neither is part of `check`.
SHOTS ?=
screenshots: $(VENV)/.dev ## draw the situations into build/screenshots (SHOTS=--docs: those of docs/screenshots)
	@$(BIN)/python -m tests.screenshots $(SHOTS)

drawings: $(VENV)/.dev ## whether Mermaid draws what it should, whatever people wrote
	@$(BIN)/python -m tests.screenshots.drawings

# Asked first, so that nothing is installed for a recording that cannot be made.
record: ## record the answers in tests/github from the real service (GITHUB_TOKEN, RECORD_REPOSITORY)
	@[ -n "$$GITHUB_TOKEN" ] && [ -n "$$RECORD_REPOSITORY" ] || { echo "record: nothing is recorded without GITHUB_TOKEN" \
	"and RECORD_REPOSITORY=OWNER/NAME. Next: see Recorded answers in CONTRIBUTING.md" >&2; exit 1; }
	@$(MAKE) --no-print-directory $(VENV)/.dev
	$(BIN)/pytest tests/github/test_replay.py --record-mode=rewrite

FUZZ_SECONDS ?= 300
fuzz: $(VENV)/.dev ## look for inputs that crash the readers, FUZZ_SECONDS each (Python 3.11 and newer)
	@for target in comment registry manifest policy safetensors gguf bundle onnx signature npy; do mkdir -p build/fuzz/$$target \
	&& $(BIN)/python tests/fuzz/fuzz.py $$target -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=4096 \
	-artifact_prefix=build/fuzz/ build/fuzz/$$target tests/fuzz/seeds/$$target || exit 1; done

# The programs that promotebot is measured beside. One of them comes as source alone, so the build backend is there first.
PEERS := build/peers
$(PEERS)/.installed: $(VENV)/.bootstrap requirements/bootstrap.txt benchmarks/requirements.txt
	$(UV) venv --quiet --clear --python $(BIN)/python $(PEERS)
	$(UV) pip install --quiet --python $(PEERS)/bin/python --require-hashes --no-build -r requirements/bootstrap.txt
	$(UV) pip install --quiet --python $(PEERS)/bin/python --require-hashes --no-build-isolation -r benchmarks/requirements.txt
	@touch $@

# A bucket is measured with the library of S3, which is an extra; .dev has it.
bench: $(VENV)/.dev $(PEERS)/.installed ## measure everything and write BENCHMARKS.md (half an hour)
	$(BIN)/python benchmarks/bench.py

ratios: $(VENV)/.dev ## whether a smaller run is as fast as the committed one, in multiples
	$(BIN)/python benchmarks/bench.py --check

check: lint types layers locks advisories package coverage ## what CI runs, in a job for each: all but the rest of e2e, lfs and servers

coverage: $(VENV)/.dev
	$(BIN)/pytest --numprocesses=$(WORKERS) --thorough --cov --cov-report=term:skip-covered --cov-fail-under=90
	$(BIN)/coverage report --include='bot/promotebot/promotion/*,bot/promotebot/registry/*' --omit='bot/promotebot/registry/store.py,bot/promotebot/registry/files.py' --fail-under=100

mutation: $(VENV)/.dev ## change core and gate in every small way and see whether their own tests notice (an hour)
	ln -sfn bot src && trap 'rm src' EXIT && $(BIN)/mutmut run
	@$(BIN)/mutmut export-cicd-stats >/dev/null && cat mutants/mutmut-cicd-stats.json

# As a release is made; the packages that it needs come from the lock, and nothing else of this folder is on the way.
CLEAN := build/clean
package: $(VENV)/.dev ## build sdist and wheel, install the wheel into an environment of its own, and use it there
	rm -rf build/dist $(CLEAN)
	$(UV) build --quiet --no-build-isolation --python $(BIN)/python --out-dir build/dist .
	$(UV) venv --quiet --python $(BIN)/python $(CLEAN)
	$(UV) pip install --quiet --python $(CLEAN)/bin/python --require-hashes --no-build -r requirements/runtime.txt
	$(UV) pip install --quiet --python $(CLEAN)/bin/python --no-deps --no-index build/dist/*.whl
	$(CLEAN)/bin/python -I tests/project/installed.py build/dist/*.whl build/dist/*.tar.gz

release: package ## whether TAG=vX.Y.Z can be released: its version, its changelog, its files; publishes nothing
	@$(BIN)/python tests/project/release.py "$(TAG)" >build/notes.md
	$(UV) publish --dry-run --trusted-publishing never --token none build/dist/*.whl build/dist/*.tar.gz

AUDIT = $(BIN)/python tests/project/audit.py
audit: $(VENV)/.dev ## whether a locked dependency is known to be vulnerable
	@$(AUDIT)

# Without anybody to ask (no network), nothing is known, and that is said; only what is known to be vulnerable fails here.
advisories: $(VENV)/.dev
	@$(AUDIT) || [ $$? -eq 4 ]

lint: workflows
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

# Without other linters that may be on PATH, so that the answer is the same everywhere.
workflows: $(VENV)/.dev
	$(BIN)/actionlint -shellcheck= -pyflakes=
	@if $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then set -ex; \
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml; \
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-actions action.yml tests/e2e/stand_ins/*/action.yml; \
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml; \
	$(BIN)/zizmor --quiet --offline --persona pedantic .; \
	else echo "workflows: only actionlint looked at them; check-jsonschema and zizmor need Python 3.11 or newer"; fi

types: $(VENV)/.dev
	$(BIN)/mypy

layers: $(VENV)/.dev
	$(BIN)/lint-imports

fix: $(VENV)/.dev ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The locks must be what the resolver makes of pyproject.toml today, with the pins they already hold.
locks: $(VENV)/.dev
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && cp requirements/*.txt "$$scratch" \
	&& $(UV) $(COMPILE) requirements/bootstrap.in -o "$$scratch/bootstrap.txt" >/dev/null \
	&& $(UV) $(COMPILE) pyproject.toml -o "$$scratch/runtime.txt" >/dev/null \
	&& for extra in $(EXTRAS); do $(UV) $(COMPILE) pyproject.toml --extra $$extra -c requirements/runtime.txt \
	-o "$$scratch/$$extra.txt" >/dev/null || exit 1; done \
	&& $(UV) $(COMPILE) pyproject.toml --extra dev $(FOR_DEV) -o "$$scratch/dev.txt" >/dev/null \
	&& $(UV) $(COMPILE) requirements/release.in -o "$$scratch/release.txt" >/dev/null \
	&& $(UV) $(COMPILE) pyproject.toml requirements/servers.in $(FOR_SERVERS) -o "$$scratch/servers.txt" >/dev/null \
	&& $(UV) $(FOR_GIT_LFS) requirements/git-lfs.in -o "$$scratch/git-lfs.txt" >/dev/null \
	&& cp benchmarks/requirements.txt "$$scratch/benchmarks.txt" \
	&& $(UV) $(COMPILE) benchmarks/requirements.in -o "$$scratch/benchmarks.txt" >/dev/null \
	|| { echo "locks: the resolver gave no answer, so nothing was compared. Next: see its message above" >&2; exit 1; }; \
	for lock in bootstrap runtime $(EXTRAS) dev release servers git-lfs; do diff -u "requirements/$$lock.txt" "$$scratch/$$lock.txt" \
	|| { echo "locks: requirements/$$lock.txt does not follow from pyproject.toml. Next: make lock" >&2; exit 1; }; done; \
	diff -u benchmarks/requirements.txt "$$scratch/benchmarks.txt" \
	|| { echo "locks: benchmarks/requirements.txt does not follow from what stands beside it. Next: make lock" >&2; exit 1; }

lock: $(VENV)/.bootstrap ## resolve the locks again (UPGRADE=--upgrade takes newer versions)
	$(UV) $(COMPILE) $(UPGRADE) requirements/bootstrap.in -o requirements/bootstrap.txt >/dev/null
	$(UV) $(COMPILE) $(UPGRADE) pyproject.toml -o requirements/runtime.txt >/dev/null
	for extra in $(EXTRAS); do $(UV) $(COMPILE) $(UPGRADE) pyproject.toml --extra $$extra -c requirements/runtime.txt \
	-o requirements/$$extra.txt >/dev/null || exit 1; done
	$(UV) $(COMPILE) $(UPGRADE) pyproject.toml --extra dev $(FOR_DEV) -o requirements/dev.txt >/dev/null
	$(UV) $(COMPILE) $(UPGRADE) requirements/release.in -o requirements/release.txt >/dev/null
	$(UV) $(COMPILE) $(UPGRADE) pyproject.toml requirements/servers.in $(FOR_SERVERS) -o requirements/servers.txt >/dev/null
	$(UV) $(FOR_GIT_LFS) $(UPGRADE) requirements/git-lfs.in -o requirements/git-lfs.txt >/dev/null
	$(UV) $(COMPILE) $(UPGRADE) benchmarks/requirements.in -o benchmarks/requirements.txt >/dev/null

clean: ## remove .venv and everything built
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage mutants

$(VENV)/.python: FORCE
	@identity="$$($(PYTHON) -c '$(IDENTITY)')" && { [ "$$identity" = "$$(cat $@ 2>/dev/null)" ] \
	|| { echo "$(PYTHON) -m venv $(VENV)" && $(PYTHON) -m venv --clear $(VENV) && echo "$$identity" >$@; }; }

$(VENV)/.bootstrap: $(VENV)/.python requirements/bootstrap.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
	-r requirements/bootstrap.txt
	@touch $@

$(VENV)/.runtime: $(VENV)/.bootstrap requirements/runtime.txt pyproject.toml
	$(INSTALL) -r requirements/runtime.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	$(INSTALL) -r requirements/dev.txt
	@touch $@
