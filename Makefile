# One command for everything, the same for a person and for CI. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help doors fuzz-http install demo console-demo worker test test-matrix faults bench bench-quick bench-publish check format lock reference clients contract docs clean \
	built-docs broker-programs browser-programs client-programs console-pictures test-browser postgres-programs load-programs bench-programs typescript-programs

ARGS ?=

# Without its cache of bytecode, each start of a program compiles the whole source again.
unexport PYTHONDONTWRITEBYTECODE

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1|/p' Makefile | while IFS='|' read -r name text; do printf '  make %-13s %s\n' "$$name" "$$text"; done

install: ## make .venv with the pinned dependencies (PYTHON=... chooses the Python)
	@scripts/install

demo: install ## show the whole system on a private RabbitMQ, then stop it (ARGS="--help" for its options)
	@scripts/ensure-broker TASKMANAGER_AMQP_URL
	@.venv/bin/taskmanager demo $(ARGS)

console-demo: install ## run a small system with failures and the console, on a private RabbitMQ, until Ctrl-C (ARGS="--help")
	@scripts/ensure-broker
	@.venv/bin/python -m scripts.console_demo $(ARGS)

worker: install ## run a worker on the broker that TASKMANAGER_AMQP_URL names (ARGS="--help" for its options)
	@.venv/bin/taskmanager worker $(ARGS)

test: install broker-programs postgres-programs load-programs client-programs typescript-programs ## run all tests, four files at a time, on a real RabbitMQ and PostgreSQL (ARGS="-n 0 -k name")
	@.venv/bin/python -m pytest --numprocesses=4 --dist=loadfile --no-loadscope-reorder --ignore=tests/browser $(ARGS)

test-browser: install broker-programs browser-programs built-docs ## run the tests of the console and of the built documentation in a real Chromium (ARGS="-k name")
	@.venv/bin/python -m pytest tests/browser $(ARGS)

fuzz-http: install broker-programs ## send random requests, by the OpenAPI document, to both forms of the gateway (ARGS="--examples 200")
	@scripts/install fuzz
	@.venv/bin/python -m scripts.fuzz_http $(ARGS)

console-pictures: install broker-programs browser-programs ## take the pictures of the console for docs/pictures/console
	@PYTHONPATH=tests:. .venv/bin/python -m scripts.console_pictures $(ARGS)

test-matrix: install broker-programs postgres-programs load-programs ## run the tests of broker, client and worker on RabbitMQ 3.10, 4.0 and 4.3 (ARGS="--on 4.3 -k name"; root, Linux)
	@scripts/test-matrix $(ARGS)

doors: install broker-programs typescript-programs ## send 10,000 cases through six doors, and compare answers and rows (ARGS="--cases 300 --seed 7")
	@PYTHONPATH=tests:taskmanager/clients/python:. .venv/bin/python -m support.doors $(ARGS)

faults: install broker-programs postgres-programs ## inject faults under load and judge the result, in about half an hour (ARGS="--short", "--list")
	@.venv/bin/python -m faults $(ARGS)

bench: bench-programs ## measure this system and its peers side by side, in about 40 minutes (ARGS="--list", "--only CASE", "--help")
	@PYTHONPATH=benchmarks .venv/bin/python -m bench $(ARGS)

bench-quick: bench-programs ## run every case of the benchmark once with little load, to see that it works
	@PYTHONPATH=benchmarks .venv/bin/python -m bench --quick --output .run/bench-quick.json $(ARGS)

bench-publish: install ## put tables and pictures of the last `make bench` into docs/ (ARGS=FILE.json for another run)
	@PYTHONPATH=benchmarks .venv/bin/python -m bench --publish $(or $(ARGS),.run/bench.json)

check: install ## format, lint, types, import contracts, what breaks callers; nothing is written
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache
	@.venv/bin/taskmanager docs diff taskmanager/contract.json

format: install ## format the code and fix what the linter can fix
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format .

lock: ## write the lock files from pyproject.toml (ARGS=--upgrade for new versions)
	@scripts/lock $(ARGS)

clients: install typescript-programs ## generate the typed clients of the Task Manager, taskmanager/clients
	@.venv/bin/taskmanager clients python --output taskmanager/clients/python/taskmanager_client.py
	@.venv/bin/taskmanager clients typescript --output taskmanager/clients/typescript
	@cd taskmanager/clients/typescript && node_modules/.bin/openapi-typescript openapi.json --default-non-nullable=false --output schema.ts
	@.venv/bin/leveret clients python support.unusual_app:app --app-dir tests --output tests/support/unusual_client.py

contract: install ## write taskmanager/contract.json, unless callers of the former one break; to break them, remove it first
	@if [ -e taskmanager/contract.json ]; then .venv/bin/taskmanager docs diff taskmanager/contract.json; fi
	@.venv/bin/taskmanager docs contract --output taskmanager/contract.json

reference: install ## write docs/reference from the docstrings
	@.venv/bin/python -m scripts.reference

docs: ## build the site of the documentation in English and Russian, and check its links (ARGS=--serve to look at it)
	@scripts/install docs
	@.venv-docs/bin/python -m scripts.docs $(ARGS)

clean: ## remove the files that these commands made
	@rm -rf examples/clients/node_modules taskmanager/clients/typescript/node_modules .venv .venv-bench .venv-docs .venv-fuzz .run build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis
	@find . -name .git -prune -o -type d \( -name __pycache__ -o -name .ruff_cache \) -prune -exec rm -rf {} +
	@echo "Not removed: databases (taskmanager.db*), the local secret (taskmanager.secret), packages installed by apt-get."

browser-programs:
	@scripts/ensure-browser

built-docs:
	@scripts/install docs
	@.venv-docs/bin/python -m scripts.docs

broker-programs: install
	@scripts/ensure-broker

postgres-programs: install
	@scripts/ensure-postgres

client-programs:
	@scripts/ensure-clients

load-programs:
	@scripts/ensure-librabbitmq

bench-programs: install broker-programs postgres-programs load-programs
	@scripts/ensure-peers

typescript-programs:
	@scripts/ensure-typescript
