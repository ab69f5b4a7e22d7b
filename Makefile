# Needs: a C compiler, OpenSSL's headers, Python >= 3.11 with venv. Debian: apt-get install -y gcc libssl-dev make python3-dev python3-venv
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: install demo test lint asan bench clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml setup.py $(shell find csrc -name '*.[ch]' -o -name cffi_build.py)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@

# A real file of at least 200 MB goes in as a multipart upload, comes back, and is compared.
demo: install
	$(BIN)/python benchmarks/demo.py

test: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q

bench: install
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[bench]'
	$(BIN)/python -m pytest -q benchmarks --benchmark-enable --benchmark-only

# The suite over a C core built with AddressSanitizer and UndefinedBehaviorSanitizer, in a directory of its own.
asan: install
	ENGINE_SANITIZE=address,undefined $(BIN)/python setup.py -q build_ext --build-temp build/asan-temp --build-lib build/asan
	cp -r engine build/asan/ && rm -f build/asan/engine/_native.abi3.so && \
	ENGINE_SANITIZE=address,undefined $(BIN)/python setup.py -q build_ext --force --build-temp build/asan-temp --build-lib build/asan

clean:
	rm -rf $(VENV) build dist *.egg-info .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis engine/*.so engine/_native.c
