# make run    everything from a fresh clone to the dashboard on http://localhost:8501
# make test   everything from a fresh clone to the last test
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
PY := $(VENV)/bin/python
PORT ?= 8501
WORKERS ?= 2
HOST ?= localhost
# What pip does is shown to a person; a log gets its errors only.
PIP := $(PY) -m pip install --disable-pip-version-check $$(test -t 1 || echo -qq) -c constraints.txt

.PHONY: help run team test coverage lint types texts assets browser autoencoder pix2pixhd benchmark clean

help:
	@echo "make run          dashboard on http://localhost:$(PORT) (PORT=8600 moves it)"
	@echo "                  for others too: HOST=0.0.0.0 STUDIO_OPEN=1 STUDIO_HOSTS=what.they.type,192.168.1.5"
	@echo "make team         behind nginx with TLS, on PostgreSQL: .env and secrets/ as for compose.yaml"
	@echo "make test         ruff, mypy and every test, in two processes (WORKERS=4 takes more)"
	@echo "make coverage     the same with the share of lines that tests run"
	@echo "make lint, types  ruff alone, mypy alone"
	@echo "make texts        bring the catalogues of dashboard/locale up to date"
	@echo "make assets       fetch the model files that are not in git"
	@echo "make benchmark    speed on this machine"
	@echo "make clean        remove .venv and caches; data and weights stay"

run: $(VENV)/.installed
	@$(PY) -m core.assets || echo "Going on without it: what needs it will say so." >&2
	@exec $(PY) -m streamlit run dashboard/app.py --server.address $(HOST) --server.port $(PORT) \
		--server.showEmailPrompt false --browser.gatherUsageStats false

team: $(VENV)/.installed
	@$(PY) -m core.assets || echo "Going on without it: what needs it will say so." >&2
	@exec dashboard/deploy/start.sh

# A test keeps one core busy, so files of tests are spread over two processes, each with one thread, in the order of
# their folders: a browser and a server that the files of a folder share start once in each process.
test: lint types browser assets-for-tests
	@OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(PY) -m pytest --numprocesses $(WORKERS) --dist loadfile \
		--no-loadscope-reorder $(COVERAGE)

# The same with the share of lines that tests run, which takes half as long again. What servers and jobs run that
# tests start is not part of it.
coverage:
	@$(MAKE) test COVERAGE="--cov --cov-report="
	@echo "Lines covered: $$($(PY) -m coverage report --format=total) %"

lint: $(VENV)/.installed-dev
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

types: $(VENV)/.installed-dev
	@$(PY) -m mypy

texts: $(VENV)/.installed
	@$(PY) -m dashboard.shared.texts

assets: $(VENV)/.installed
	@$(PY) -m core.assets

# Where a model file or a browser cannot be had, the tests that need it say so; the rest runs.
.PHONY: assets-for-tests
assets-for-tests: $(VENV)/.installed
	@$(PY) -m core.assets || true

browser: $(VENV)/.installed-dev
	@$(PY) -m tests.browser || true

autoencoder pix2pixhd: $(VENV)/.installed
	@exec $(PY) -m core.training.$@ $(ARGS)

benchmark: $(VENV)/.installed-dev
	@$(PY) -m tests.benchmarks.pipeline_speed
	@$(PY) -m tests.benchmarks.curation_speed $(PHOTOS)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is written only after an install that ended well. One that was killed leaves .installing
# behind, and the next one starts from an empty environment instead of from half-unpacked packages.
$(VENV)/.installed: requirements.txt constraints.txt
	@is_ours='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'; \
	if [ -e $(VENV)/.installing ] || ! $(PY) -c "$$is_ours; import pip" 2>/dev/null; then \
		rm -rf $(VENV); \
		base=; \
		for name in $(PYTHON) python3.11 python3 python3.12 python3.13; do \
			if "$$name" -c "$$is_ours" 2>/dev/null; then base=$$name; break; fi; \
		done; \
		if [ -z "$$base" ]; then \
			echo "No Python 3.11, 3.12 or 3.13 found. Install python3.11, or name one: make run PYTHON=/path/to/python" >&2; \
			exit 1; \
		fi; \
		echo "Making $(VENV) with $$("$$base" --version)"; \
		"$$base" -m venv $(VENV) || { rm -rf $(VENV); \
			echo "$$base cannot make an environment; on Debian: apt-get install python3-venv" >&2; exit 1; }; \
	fi
	@echo "Installing requirements.txt (the first time this takes minutes)"
	@touch $(VENV)/.installing
	@$(PIP) -r requirements.txt || { rm -f $(VENV)/.installing; exit 1; }
	@$(PY) -c "import cv2" 2>/dev/null && $(PY) -c "import mediapipe.tasks.python.vision" 2>/dev/null || \
		echo "OpenCV or MediaPipe misses a system library; on Debian: apt-get install $(SYSTEM_LIBRARIES)" >&2
	@rm $(VENV)/.installing
	@touch $@

SYSTEM_LIBRARIES := libgl1 libegl1 libgles2 libglib2.0-0 libsm6 libxext6

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@echo "Installing requirements-dev.txt"
	@touch $(VENV)/.installing
	@$(PIP) -r requirements-dev.txt || { rm -f $(VENV)/.installing; exit 1; }
	@rm $(VENV)/.installing
	@touch $@
