# The commands of press2; `make` alone lists them.
SHELL := /bin/bash
PYTHON := .venv/bin/python
PYTEST := $(PYTHON) -m pytest
COMPILE := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --annotation-style line

.PHONY: help setup run test cover check fix voices bench-turn bench-calls bench-engine bench-queue bench-replay bench-offer bench-webhook bench-storm bench-staffing bench-speech bench-reports bench-erasure lock clean

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

setup: ## install what runs press2 and what tests it
	@deploy/setup.sh tests

run: ## install what is missing, then start everything; Ctrl-C stops it
	@deploy/setup.sh
	@exec $(PYTHON) app.py run

test: ## install what is missing, check, then run every test: fast ones first
	@deploy/setup.sh tests
	@$(MAKE) --no-print-directory check
	$(PYTEST) -q -n auto --maxprocesses 4 --dist loadfile -m "not postgres and not asterisk and not browser"
	$(PYTEST) -q -m postgres
	$(PYTEST) -q -rR --reruns 1 -m "asterisk and not browser"
	$(PYTEST) -q -rR --reruns 2 -m browser

cover: ## branch coverage of the fast tests, in var/coverage
	$(PYTEST) -q -m "not asterisk and not browser" --cov --cov-report=html:var/coverage --cov-report=term

check: ## style, types, layers, flows
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(PYTHON) app.py check

fix: ## mend what can be mended by a tool
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

voices: ## install the RHVoice voices
	@deploy/install-voices.sh

bench-turn: ## key to next prompt, ours against native dialplan (minutes)
	@deploy/setup.sh tests
	$(PYTHON) -m bench.turn

bench-calls: ## 20 calls a second for a minute: readings, and callers whose supply is out (minutes)
	@deploy/setup.sh tests
	$(PYTHON) -m bench.calls

bench-engine: ## steps a second of the engine, sessions a second of the workers
	@deploy/setup.sh
	$(PYTHON) -m bench.engine

bench-replay: ## a day and a storm through our queue and through a model of app_queue (minutes)
	@deploy/setup.sh tests
	$(PYTHON) -m bench.replay

bench-offer: ## operator free to his telephone ringing, ours against Queue() (minutes)
	@deploy/setup.sh tests
	$(PYTHON) -m bench.offer

bench-webhook: ## Twilio's webhooks: turns a second, a thousand calls at once (minutes)
	@deploy/setup.sh tests
	$(PYTHON) -m bench.webhook

bench-storm: ## 600 callers in ten minutes against twelve operators, on simulated time
	@deploy/setup.sh tests
	$(PYTHON) -m bench.storm

bench-staffing: ## a day of 3,000 calls lived again, a forecast from a year of visits (a minute)
	@deploy/setup.sh tests
	$(PYTHON) -m bench.staffing

bench-speech: ## answers by speech: right, false, how soon, how many; MODELS="uk=DIR ru=DIR" RECORDINGS=DIR (minutes)
	@deploy/setup.sh tests
	$(PYTHON) -m bench.speech $(if $(MODELS),--models "$(MODELS)") $(if $(RECORDINGS),--recordings "$(RECORDINGS)")

bench-reports: ## every report over a year of three million calls in SQLite (minutes)
	@deploy/setup.sh
	$(PYTHON) -m bench.reports

bench-erasure: ## erasing a customer and deleting by age among a million calls in SQLite (minutes)
	@deploy/setup.sh
	$(PYTHON) -m bench.erasure

bench-queue: ## cycles a second of the queue, in memory and in Redis
	@deploy/setup.sh
	$(PYTHON) -m bench.queue

lock: ## pin what requirements.txt and requirements-dev.txt bring along
	$(PYTHON) -m pip install --quiet uv==0.13.9
	$(COMPILE) -o requirements.lock requirements.txt
	$(COMPILE) -o requirements-dev.lock -c requirements.lock requirements.txt requirements-dev.txt

clean: ## remove what tools and runs made; the store and the environment stay
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* var/log var/sounds var/redis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
