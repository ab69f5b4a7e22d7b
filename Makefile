# Needs: a C compiler, OpenSSL's headers, Python >= 3.11 with venv; README names Debian's packages.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST_OPTIONS ?=

.PHONY: install demo test test-fast lint asan bench clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml setup.py $(shell find csrc -name '*.[ch]' -o -name cffi_build.py)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@

# A real file of at least 200 MB goes in as a multipart upload, comes back, and is compared.
demo: install
	$(BIN)/python benchmarks/demo.py

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	files=$$(git ls-files 'csrc/*.[ch]') && test -n "$$files" && $(BIN)/clang-format --dry-run --Werror $$files

test: lint
	$(BIN)/python -m tests.system.clients.programs
	$(BIN)/python -m pytest -q -n auto --dist loadfile $(PYTEST_OPTIONS)
	$(BIN)/python -m tests.support.processor_classes

# Without those that take more than a few seconds, and on this processor alone.
test-fast: install
	$(BIN)/python -m pytest -q -n auto --dist loadfile -m "not slow" $(PYTEST_OPTIONS)

bench: install
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[bench]'
	$(BIN)/python -m pytest -q benchmarks --benchmark-enable --benchmark-only
	$(BIN)/python -m benchmarks

# The suite over a C core with AddressSanitizer and UndefinedBehaviorSanitizer, in a copy of the tree.
asan: install
	rm -rf build/asan && mkdir -p build/asan
	git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t build/asan
	cd build/asan && ENGINE_SANITIZE=address,undefined $(CURDIR)/$(BIN)/python setup.py -q build_ext --inplace
	cd build/asan && LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
	    ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc $(CURDIR)/$(BIN)/python -m pytest -q tests

clean:
	rm -rf $(VENV) build dist *.egg-info .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis engine/*.so engine/_native.c
