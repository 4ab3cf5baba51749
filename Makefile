# Every command of the project, one line each. `make` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help run test lint e2e bench bench-watermark bench-watermark-peers docs-pictures attack-watermark calibrate-watermark bench-labels bench-safety bench-credentials bench-tampering train-prompt train-pictures demo-pictures train-ngram evaluate-prompt clean

help:            ## list the commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## */\1\t/' | expand -t 18

$(VENV)/run.stamp: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the service into $(VENV) (first time: a few minutes) ..."
	@$(PIP) --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp
	@echo "installing the test tools into $(VENV) ..."
	@$(PIP) --editable '.[dev]'
	@touch $@

run: $(VENV)/run.stamp      ## start the service on http://127.0.0.1:8000 (ARGS="--port 9000" passes options)
	@$(BIN)/countermark serve $(ARGS)

test: $(VENV)/dev.stamp     ## run the tests (no server, no browser)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not e2e" -n auto --maxprocesses 4 --dist loadfile $(ARGS)

e2e: $(VENV)/dev.stamp      ## run the end-to-end tests (real server, openai client, exiftool, chromium where present)
	@$(BIN)/python -m pytest -m e2e $(ARGS)

lint: $(VENV)/dev.stamp     ## ruff, mypy strict, import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/dev.stamp    ## CPU time per stage of one generation and one verification
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.stage_times $(ARGS)

bench-watermark: $(VENV)/dev.stamp ## what the invisible watermark survives and costs (ARGS="--quick" or "--images DIR")
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.watermark $(ARGS)

bench-watermark-peers: $(VENV)/dev.stamp ## install the marks of others that bench-watermark compares with, into build/peers
	@$(PIP) --no-deps --upgrade --target build/peers --requirement tests/benchmarks/watermark/peers.txt

docs-pictures: $(VENV)/dev.stamp ## draw the pictures of docs/watermark.md again
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.watermark.illustrations $(ARGS)

attack-watermark: $(VENV)/dev.stamp ## what attacks achieve against the invisible watermark, half an hour (ARGS="--images DIR --out DIR")
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.watermark_security $(ARGS)

calibrate-watermark: $(VENV)/dev.stamp ## false alarms and honesty of the p-value (ARGS="--images DIR --searches 5000 --processes 2")
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.watermark_calibration $(ARGS)

bench-tampering: $(VENV)/dev.stamp ## flip 1,000 bytes of signed files in six formats: is every one noticed
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.tampering $(ARGS)

bench-labels: $(VENV)/dev.stamp ## how well comply reads visible labels (ARGS="--images DIR")
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.visible_labels $(ARGS)

bench-credentials: $(VENV)/dev.stamp ## do copies lead to their records, and nothing else (ARGS="--images DIR --registered N")
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.durable_credentials $(ARGS)

bench-safety: $(VENV)/dev.stamp ## every table about safety (DATA=folder of JSONL files, ARGS="--images DIR")
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.safety_tables --data "$(DATA)" $(ARGS)

train-prompt: $(VENV)/dev.stamp    ## retrain the prompt classifier, an hour or two (DATA=folder of JSONL files)
	@$(BIN)/python -m classifiers.training.train_encoder --data "$(DATA)" --out $(or $(OUT),classifiers/models/encoder) $(ARGS)

train-ngram: $(VENV)/dev.stamp     ## retrain the small n-gram classifier (DATA=folder of JSONL files)
	@$(BIN)/python -m classifiers.training.train_prompt --data "$(DATA)" --out $(or $(OUT),classifiers/models/ngram) $(ARGS)

train-pictures: $(VENV)/dev.stamp  ## train an image classifier on your folders (DATA=folder of class folders, OUT=model folder)
	@$(BIN)/python -m classifiers.training.train_pictures --data "$(DATA)" --out "$(OUT)" $(ARGS)

demo-pictures: $(VENV)/dev.stamp   ## train, quantise and judge an image classifier on pictures drawn here (OUT=folder)
	@$(BIN)/python -m classifiers.training.demonstrate_pictures --out "$(or $(OUT),out/demo-pictures)"

evaluate-prompt: $(VENV)/dev.stamp ## measure a prompt classifier (DATA=folder of JSONL files, OUT=folder, ARGS="--model ngram")
	@$(BIN)/python -m classifiers.training.evaluate_prompt --data "$(DATA)" --out "$(or $(OUT),evaluation)" $(ARGS)

clean:           ## remove the environment and caches (never the data directory)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache build *.egg-info
