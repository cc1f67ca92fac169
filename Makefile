# Everything for this project from a clean clone; it needs git, make and a Python of 3.11 or newer.

VENV := .venv
PY := $(VENV)/bin/python
# Two for each processor: many tests wait for launchd's own pauses.
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) '*' 2)
PIP := $(PY) -m pip --disable-pip-version-check --quiet --quiet
# Outside ruff's and mypy's own search: a script without a suffix, and a library that users copy.
TEMPLATE_PYTHON := template-repo/lib/retry.py template-repo/jobs/report/run
# All but the simulator, which is for machines without launchd: typed as on a Mac too, where os and signal have less.
ON_A_MAC := $(filter-out jobsync/simulator/,$(filter-out %__pycache__/,$(wildcard jobsync/*.py jobsync/*/)))

# Measured: with it, each of the thousands of processes that the tests start compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv demo test coverage test-mac trust bench lint format dist clean tools schemas dist-test transcript recording

help:  ## Show these lines
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# An interpreter that is gone (upgraded, other machine) leaves links that lead nowhere: then the directory is made anew.
$(VENV)/.package: pyproject.toml
	@$(PY) -c '' 2>/dev/null || { python=$$(.ci/find-python) && "$$python" -m venv --clear $(VENV); }
	@$(PIP) install --editable .
	@touch $@

# pip knows dependency groups since 25.1; an older Python brings an older pip.
$(VENV)/.dev: $(VENV)/.package
	@$(PIP) install 'pip>=25.1'
	@$(PIP) install --group dev
	@touch $@

venv: $(VENV)/.dev  ## Make .venv: the package, editable, and all that its development needs

demo: $(VENV)/.package  ## Watch a pull install, update and remove jobs in a throwaway home (SCHEDULER=name picks one)
	@$(VENV)/bin/jobsync demo $(if $(SCHEDULER),--scheduler $(SCHEDULER))

tools: $(VENV)/.package
	@.ci/install-bun
	@.ci/install-launchd-client
	@.ci/install-newer-git

test: lint tools  ## Lint, then run all tests
	@$(PY) -m compileall -q jobsync
	$(PY) -m pytest -n $(WORKERS) --dist=worksteal
	@echo "make test: lint and tests are fine"

# Apart from `test`: measured, every process of ours starts coverage too, and the run takes twice as long.
coverage: $(VENV)/.dev tools  ## Run all tests with branch coverage, which must reach 95 %
	@$(PY) -m coverage erase
	$(PY) -m coverage run -m pytest -n $(WORKERS)
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report --fail-under=95

test-mac: $(VENV)/.dev  ## On a Mac: hold the simulator's conformance tests against its own launchd
	$(PY) -m pytest tests/simulator --launchctl=/bin/launchctl

# Shards are spread over the processors; what each did is added up at the end.
trust: $(VENV)/.dev tools  ## Play every campaign in full: 1000 random sequences, every kill, disk fault, seeded bug, dawdler, git; fuzz
	@figures=$$(mktemp) && trap 'rm -f "$$figures"' EXIT && \
	TRUST_SEQUENCES=1000 TRUST_KILLS=all TRUST_SEEDS=all TRUST_DAWDLING=all TRUST_FIGURES="$$figures" \
		TRUST_GIT=all TRUST_FUZZ=120 TRUST_OUTPUT_MB=1024 $(PY) -m pytest tests/trust tests/contract tests/git \
		tests/e2e/test_prek.py tests/runs/test_supervision.py -n $(WORKERS) --dist=worksteal \
		-o faulthandler_timeout=3600 -rP --show-capture=stdout --durations=25 && \
	$(PY) -m tests.trust.figures "$$figures" && \
	echo "make trust: every promise held"

bench: $(VENV)/.dev  ## Measure speed beside the peers' (ARGS="hook --jobs 100" picks, ARGS=--write fills docs/speed.md)
	@$(PY) -m benchmarks $(ARGS)

lint: $(VENV)/.dev  ## Check format, style, types, shell scripts and pre-commit's files
	$(PY) -m ruff format --check --quiet . $(TEMPLATE_PYTHON)
	$(PY) -m ruff check --quiet . $(TEMPLATE_PYTHON)
	$(PY) -m mypy
	$(PY) -m mypy --no-error-summary --platform darwin --cache-dir .mypy_cache/darwin --follow-imports silent $(ON_A_MAC)
	MYPYPATH=template-repo/lib $(PY) -m mypy --no-error-summary $(TEMPLATE_PYTHON)
	.ci/shell-files | xargs -0 $(VENV)/bin/shellcheck --external-sources --source-path=SCRIPTDIR
	$(PY) -m pre_commit validate-manifest .pre-commit-hooks.yaml
	$(PY) -m pre_commit validate-config .pre-commit-config.yaml template-repo/.pre-commit-config.yaml

format: $(VENV)/.dev  ## Rewrite the Python files as lint wants them
	$(PY) -m ruff format . $(TEMPLATE_PYTHON)
	$(PY) -m ruff check --fix . $(TEMPLATE_PYTHON)

dist: $(VENV)/.dev  ## Build wheel and source distribution into dist/
	$(PY) -m build

dist-test: $(VENV)/.dev  ## Try the built wheel as users get it: pip on every Python, pipx, uv, pre-commit, pip-audit
	@.ci/dist-test

transcript: $(VENV)/.dev  ## Play the move of a grown home into a repository, and print it
	@$(PY) -m tests.migration

recording: $(VENV)/.dev  ## Play the demo and write what it says as docs/demo.svg
	@$(PY) -m tests.docs.recording

schemas: $(VENV)/.package  ## Write the template's JSON schemas anew, after a change of keys or of their docs
	@$(VENV)/bin/jobsync schema --write template-repo/schemas

clean:  ## Remove whatever the other targets made
	rm -rf $(VENV) .tools .bench build dist htmlcov .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
