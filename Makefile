# Every target prepares .venv by itself, once; it is prepared again when pyproject.toml changes.
.DEFAULT_GOAL := help
JOBS ?= 2
BIN := .venv/bin
RUN := .venv/.ready-mlflow
DEV := .venv/.ready-dev
ALL := .venv/.ready-all
BENCH := .venv/.ready-bench

.PHONY: help demo test test-all lint format bench clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

demo: $(RUN) ## the tutorial's sweep: three trials of a scikit-learn script, watched live
	@$(BIN)/barrido job create -f examples/tutorial/sweep.yml --stream
	@echo "to use barrido and mlflow in this shell: . .venv/bin/activate"

test: $(DEV) ## the quick tests: a few minutes
	$(BIN)/pytest -n $(JOBS) -m "not slow"

test-all: $(ALL) ## every test, the slow ones too
	$(BIN)/pytest -n $(JOBS)

lint: $(DEV) ## format, lint, types, floors, house rules
	@status=0; for check in "ruff format --check ." "ruff check ." mypy lint-imports "python scripts/house_rules.py"; do \
		echo "$$check"; $(BIN)/$$check || status=1; \
	done; exit $$status

format: $(DEV) ## put the code into the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(BENCH) ## time barrido beside its yardsticks; nothing is judged
	@for script in benchmarks/*.py; do name=$$(basename "$$script" .py); echo "$$name"; \
		$(BIN)/python -m "benchmarks.$$name" || exit 1; done

clean: ## remove .venv and every cache; sweeps in .barrido stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN): pyproject.toml scripts/setup
	@scripts/setup mlflow,studio
	@touch $@

$(DEV): pyproject.toml scripts/setup
	@scripts/setup mlflow,studio,dev
	@touch $@ $(RUN)

$(ALL): pyproject.toml scripts/setup
	@scripts/setup azure,mlflow,ray,studio,dev
	@touch $@ $(DEV) $(RUN)

$(BENCH): pyproject.toml scripts/setup
	@scripts/setup azure,mlflow,ray,studio,dev,bench
	@touch $@ $(ALL) $(DEV) $(RUN)
