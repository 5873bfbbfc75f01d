# Everything on a fresh machine: `make demo`, `make test`. Windows: see README.md.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help demo doctor run test chaos check format docs train-starter clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Atelier needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(READY)

demo: $(READY) ## Play with the bot in a simulated Discord, in your browser
	$(BIN)/atelier demo

doctor: $(READY) ## Check this machine and print the bot's invite link
	$(BIN)/atelier doctor

run: $(READY) ## Start the bot on Discord (needs DISCORD_TOKEN in .env)
	$(BIN)/atelier run

test: $(READY) ## Run all tests
	$(BIN)/python -m pytest

chaos: $(READY) ## Kill the bot 50 times while 200 pictures are asked for, and count what became of them
	$(BIN)/python -m tests.chaos --kills 50 --jobs 200 --seed 1

check: $(READY) ## Format, lint, types, layers, then all tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test

format: $(READY) ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(READY) ## Write the generated parts of README.md and .env.example anew
	$(BIN)/python -m docs.generate

train-starter: $(READY) ## Train the built-in model anew (hours on a CPU; can be stopped and taken up again)
	$(BIN)/python -m training.train

clean: ## Remove the virtual environment and all caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
