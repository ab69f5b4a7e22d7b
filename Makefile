# Needs: a C compiler, OpenSSL's headers, Python >= 3.11 with venv; README names Debian's packages.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST_OPTIONS ?=

.PHONY: help install demo lint test test-fast bench profile asan clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## Set up .venv with the engine, its C core and what the tests need.

$(VENV)/.installed: pyproject.toml setup.py $(shell find csrc -name '*.[ch]' -o -name cffi_build.py)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@

demo: install ## Upload a real file of 256 MiB in parts, read it back, and compare.
	$(BIN)/python benchmarks/demo.py

lint: install ## Run the linters, the formatters' checks and the type checker.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	files=$$(git ls-files 'csrc/*.[ch]') && test -n "$$files" && $(BIN)/clang-format --dry-run --Werror $$files

test: lint ## Run lint and all tests, then what depends on the processor as on other processors.
	$(BIN)/python -m tests.system.clients.programs
	$(BIN)/python -m pytest -q -n auto --dist loadfile $(PYTEST_OPTIONS)
	$(BIN)/python -m tests.support.processor_classes

test-fast: install ## Run the tests that take no more than a few seconds each, on this processor alone.
	$(BIN)/python -m pytest -q -n auto --dist loadfile -m "not slow" $(PYTEST_OPTIONS)

bench: install ## Run all benchmarks.
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[bench]'
	$(BIN)/python -m pytest -q benchmarks --benchmark-enable --benchmark-only
	$(BIN)/python -m benchmarks

profile: install ## Show where the time of an upload and of a read goes, by function.
	$(BIN)/python -m benchmarks.profiled

asan: install ## Run the tests on a C core with AddressSanitizer and UndefinedBehaviorSanitizer, in a copy of the tree.
	rm -rf build/asan && mkdir -p build/asan
	git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t build/asan
	cd build/asan && ENGINE_SANITIZE=address,undefined $(CURDIR)/$(BIN)/python setup.py -q build_ext --inplace
	cd build/asan && LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
	    ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc $(CURDIR)/$(BIN)/python -m pytest -q tests

clean: ## Remove .venv and everything else that was built.
	rm -rf $(VENV) build dist *.egg-info .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis engine/*.so engine/_native.c
