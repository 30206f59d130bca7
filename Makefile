# `make demo` and `make test` are all that a newcomer needs. Each does its own set-up; a second run is quick.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
# Cargo uses every core by itself, and tests that measure must not share the machine.
.NOTPARALLEL:

# build, demo and test use the profile dev, which compiles quickly; packages and measurements use release.
PROFILE ?= dev
TARGET := $(or $(CARGO_TARGET_DIR),target)
CACHE := .cache
PYTHON := .venv/bin/python
STEP := python3 scripts/step
DENY := $(CACHE)/tools/bin/cargo-deny
DENY_VERSION := 0.20.2
FUZZ := $(CACHE)/tools/bin/cargo-fuzz
FUZZ_VERSION := 0.13.2
FUZZ_SECONDS ?= 60

# The server that the tests start.
export GATEKEEPER_SERVER ?= $(abspath $(TARGET))/debug/gatekeeper

PYTHON_BENCH := $(CACHE)/bench-venv/bin/python
TYPESCRIPT := $(shell find bindings-node/ts -type f) tsconfig.json package.json

.PHONY: help build native gen demo check lint test test-rust test-python test-node test-http test-frameworks soak fuzz \
  bench bench-quick bench-setup vectors dist dist-build clean tools tools-test tools-bench tools-fuzz

help:
	@echo "make demo     build everything and show one limit shared by three languages"
	@echo "make test     lint and all tests in their short forms; its parts:"
	@echo "                test-rust test-python test-node test-http test-frameworks"
	@echo "make check    format, clippy and types: run it while you work"
	@echo "make lint     check, and the slower lints: words, licenses, documentation, packages"
	@echo "make build    an importable package for Python in .venv and for Node, and the server"
	@echo "make gen      generate the SDKs' types and services and the API documents from the table of operations"
	@echo "make vectors  the language-neutral test cases in all three languages"
	@echo "make soak     all tests in their long forms, and the fuzz targets"
	@echo "make fuzz     the fuzz targets of the core, a minute each"
	@echo "make bench    what a verification costs here, beside other packages; writes bench/RESULTS.md and what shows its figures"
	@echo "make bench-quick  a short run of the same, to check that it works; writes .cache/bench"
	@echo "make dist     the packages of a release in target/dist, each tested in a clean environment"
	@echo "make clean    remove everything that was built or installed in this checkout"

# ---- Required programs: checked before anything is built, and installed if that is allowed.

tools:
	@scripts/check-tools

tools-test: tools
	@scripts/check-tools nginx caddy curl jq openssl

tools-bench: tools
	@scripts/check-tools nginx curl wrk h2load

tools-fuzz: tools
	@scripts/check-tools g++

# ---- Set-up, once.

$(CACHE)/venv: | tools
	@mkdir -p $(CACHE)
	@$(STEP) "Making the virtual environment .venv" python3 -m venv .venv
	@touch $@

$(CACHE)/python: pyproject.toml $(CACHE)/venv
	@$(STEP) "Installing the Python tools in .venv" $(PYTHON) -m pip install -q 'pip>=25.1'
	@$(STEP) "Installing the Python packages of the tests in .venv" $(PYTHON) -m pip install -q --group dev --group matrix
	@touch $@

$(CACHE)/node: package-lock.json | tools
	@mkdir -p $(CACHE)
	@$(STEP) "Installing the npm packages in node_modules" npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# Generators of API clients, and Envoy: only for tests.
$(CACHE)/generators-python: pyproject.toml | tools
	@rm -rf $(CACHE)/generators
	@$(STEP) "Making a virtual environment for generators of clients and Envoy" python3 -m venv $(CACHE)/generators
	@$(STEP) "Installing the Python tools in it" $(CACHE)/generators/bin/python -m pip install -q 'pip>=25.1'
	@$(STEP) "Installing generators of clients and Envoy in it" $(CACHE)/generators/bin/python -m pip install -q --group generators
	@touch $@

$(CACHE)/generators-node: tests/http/generators/package-lock.json | tools
	@mkdir -p $(CACHE)
	@$(STEP) "Installing generators of clients from npm" npm ci --prefix tests/http/generators --no-audit --no-fund --loglevel=error
	@touch $@

# ---- Build: one call of cargo builds the Python module, the Node addon, the server and the programs of the tests.

build: native $(CACHE)/editable bindings-node/dist/index.js

ifeq ($(PROFILE),release)
# Packages have only the features that they need, without those of the tests.
native: CARGO_BUILD := --release -p gatekeeper-python -p gatekeeper-node -p gatekeeper-server
native: BUILT := $(TARGET)/release
else
native: CARGO_BUILD :=
native: BUILT := $(TARGET)/debug
endif
native: $(CACHE)/node | tools
	@$(STEP) "Compiling with cargo (profile $(PROFILE))" cargo build --locked $(CARGO_BUILD)
	@node scripts/install-native.mjs "$(BUILT)"

$(CACHE)/editable: pyproject.toml Cargo.toml scripts/editable.py $(CACHE)/venv
	@$(STEP) "Installing this checkout in .venv" $(PYTHON) scripts/editable.py
	@touch $@

bindings-node/dist/index.js: $(TYPESCRIPT) bindings-node/native/binding.d.cts $(CACHE)/node
	@$(STEP) "Compiling TypeScript" npm run --silent build
	@touch $@

bindings-node/native/binding.d.cts: native ;

gen: | tools
	cargo run --quiet --bin gatekeeper-gen

# ---- Demo.

demo: build
	@$(PYTHON) demo/demo.py

# ---- Lint.

$(DENY): | tools
	@$(STEP) "Compiling cargo-deny, once" cargo install cargo-deny --version $(DENY_VERSION) --locked --debug --root $(CACHE)/tools

check: build $(CACHE)/python
	cargo fmt --all --check
	@$(STEP) "Checking with clippy" cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo run --quiet --bin gatekeeper-gen -- --check
	$(PYTHON) -m ruff check --quiet
	$(PYTHON) -m ruff format --check --quiet
	@$(STEP) "Checking types with mypy" $(PYTHON) -m mypy
	@$(STEP) "Checking types with tsc" npm run --silent check

lint: check $(DENY)
	@$(STEP) "Checking every combination of features of the core" bash -euc 'for features in "" remote schema internal; do \
	  cargo clippy --locked -p gatekeeper-native --lib --no-default-features --features "$$features" -- -D warnings; done'
	@$(STEP) "Checking words and the structure of the sources" $(PYTHON) scripts/lint_text.py
	@$(STEP) "Checking the arrows between modules" $(PYTHON) scripts/lint_modules.py
	@$(STEP) "Checking the spelling" .venv/bin/typos
	$(DENY) --log-level error check bans licenses sources
	@RUSTDOCFLAGS="-D warnings" $(STEP) "Building the documentation of the crate" cargo doc --locked --no-deps --lib
	@$(STEP) "Comparing the stub with the Python module" \
	  $(PYTHON) -m mypy.stubtest gatekeeper._native --mypy-config-file pyproject.toml
	@$(STEP) "Linting the npm package" npm run --silent lint
	@$(STEP) "Checking links, files and blocks of the documentation" \
	  $(PYTHON) -m pytest -q tests/e2e/test_docs.py tests/e2e/test_examples.py -k "test_docs or exception"

# ---- Tests. Each part also runs alone from a fresh clone.

vectors: build $(CACHE)/python
	@$(STEP) "Vectors in Rust" cargo test --quiet --test vectors
	$(PYTHON) -m pytest -q tests/python/test_vectors.py
	node --test tests/node/vectors.test.mjs

test: tools-test lint test-rust test-python test-node test-http test-frameworks

test-rust test-python test-node test-http test-frameworks: export GATEKEEPER_IDLE ?= 2000
# Debian installs nginx in a folder that is only in root's PATH.
test-http: export PATH := $(PATH):/usr/sbin

test-rust: tools-test
	@$(STEP) "Tests in Rust" cargo test --locked $(CARGO_TEST)

test-python: tools-test build $(CACHE)/python
	@$(STEP) "Tests in Python" $(PYTHON) -m pytest -q

test-node: tools-test build
	@$(STEP) "Tests in Node" npm test --silent

test-http: tools-test build $(CACHE)/python $(CACHE)/generators-python $(CACHE)/generators-node
	@$(STEP) "Tests of the command line, the documentation, and all languages at once" $(PYTHON) -m pytest -q tests/e2e
	@$(STEP) "Tests of the server, of gateways before it, and of generated clients" $(PYTHON) -m pytest -q tests/http

test-frameworks: tools-test build $(CACHE)/python
	@$(STEP) "Tests under gunicorn, uvicorn, Celery, multiprocessing and cluster" $(PYTHON) -m pytest -q tests/matrix

soak: export GATEKEEPER_KILLS ?= 1000
soak: export GATEKEEPER_SOAK ?= 10
soak: export GATEKEEPER_MATRIX ?= 50
soak: export PROPTEST_CASES ?= 20000
soak: export GATEKEEPER_SERVER_KILLS ?= 20
soak:
	$(MAKE) PROFILE=release CARGO_TEST=--release GATEKEEPER_SERVER="$(abspath $(TARGET))/release/gatekeeper" \
	  test-rust test-python test-node test-http test-frameworks fuzz

# ---- Fuzzing: without a sanitizer, because the targets reach no unsafe code; so the stable toolchain is enough. It begins
# with the inputs in core/fuzz/corpus; what it finds is kept in .cache/fuzz.

FUZZ_FLAGS := --fuzz-dir core/fuzz --sanitizer none --target-dir "$(abspath $(TARGET))/fuzz"

$(FUZZ): | tools
	@$(STEP) "Compiling cargo-fuzz, once" cargo install cargo-fuzz --version $(FUZZ_VERSION) --locked --debug --root $(CACHE)/tools

fuzz: export PATH := $(abspath $(CACHE))/tools/bin:$(PATH)
fuzz: tools-fuzz $(FUZZ)
	@$(STEP) "Compiling the fuzz targets" cargo fuzz build $(FUZZ_FLAGS)
	@for target in $$(cargo fuzz list --fuzz-dir core/fuzz); do \
	  mkdir -p "$(CACHE)/fuzz/$$target"; \
	  $(STEP) "Fuzzing $$target for $(FUZZ_SECONDS) s" cargo fuzz run $(FUZZ_FLAGS) $$target "$(CACHE)/fuzz/$$target" \
	    "core/fuzz/corpus/$$target" -- -max_total_time=$(FUZZ_SECONDS) -timeout=10 -verbosity=0 -print_final_stats=1 \
	    | grep -vE '" # Uses: |ecommended dictionary'; done

# ---- Measurements.

bench: bench-setup
	$(PYTHON) -m bench.run

bench-quick: bench-setup
	$(PYTHON) -m bench.run --quick

bench-setup: tools-bench $(CACHE)/python $(CACHE)/bench-python $(CACHE)/bench-node
	@python3 -m bench.redis_server
	$(MAKE) PROFILE=release build
	@$(STEP) "Compiling the benchmarks" cargo build --release -p gatekeeper-bench -p gatekeeper-server

$(CACHE)/bench-python: pyproject.toml | tools
	@mkdir -p $(CACHE)
	@$(STEP) "Making a virtual environment for the peers" python3 -m venv $(CACHE)/bench-venv
	@$(STEP) "Installing the Python tools in it" $(PYTHON_BENCH) -m pip install -q 'pip>=25.1'
	@$(STEP) "Installing the peers in it" $(PYTHON_BENCH) -m pip install -q --group bench
	@touch $@

$(CACHE)/bench-node: bench/node/package-lock.json | tools
	@mkdir -p $(CACHE)
	@$(STEP) "Installing the peers from npm" npm ci --prefix bench/node --no-audit --no-fund --loglevel=error
	@touch $@

# ---- Packages.

# zig compiles and links for the oldest glibc that Rust supports, regardless of this machine's. `make dist-build` with
# another TRIPLE builds packages that cannot be tried here.
TRIPLE ?= $(shell rustc -vV | sed -n 's/^host: //p')
GLIBC := 2.17
DIST := $(TARGET)/dist
RELEASED := $(TARGET)/$(TRIPLE)/release
ifneq (,$(findstring linux-gnu,$(TRIPLE)))
MATURIN := --zig --compatibility manylinux2014
COMPILE := zigbuild --target $(TRIPLE).$(GLIBC)
else ifneq (,$(findstring linux-musl,$(TRIPLE)))
MATURIN := --zig --compatibility musllinux_1_2
COMPILE := zigbuild --target $(TRIPLE)
else
COMPILE := build --target $(TRIPLE)
endif
LIBRARY := libgatekeeper_node.$(if $(findstring apple,$(TRIPLE)),dylib,so)

$(CACHE)/dist: pyproject.toml $(CACHE)/python
	@$(STEP) "Installing zig and auditwheel in .venv" $(PYTHON) -m pip install -q --group dist
	@touch $@

dist: dist-build
	@$(STEP) "Building the sdist" $(PYTHON) -m maturin sdist --out "$(DIST)"
	@$(STEP) "Packing the npm tarballs" node scripts/pack-npm.mjs "$(DIST)" "$(DIST)"/addons/*.node
	@$(STEP) "Packaging the crate" cargo package --locked --no-verify -p gatekeeper-native
	@cp "$(TARGET)"/package/gatekeeper-native-*.crate "$(DIST)"
	@ls -l "$(DIST)"
	@# A download is at most 8 MiB.
	@! find "$(DIST)" '(' -name '*.whl' -o -name '*.tgz' ')' -size +8M | grep .
	$(if $(findstring linux-gnu,$(TRIPLE)),$(PYTHON) scripts/check_glibc.py $(GLIBC) "$(DIST)"/*.whl "$(DIST)"/*.tgz "$(DIST)/gatekeeper")
	@$(STEP) "Using each of them in a clean environment" $(PYTHON) -m pytest -q tests/dist
	@$(STEP) "Compiling the demo's program in Rust" cargo build --locked --bin demo
	$(PYTHON) demo/demo.py "$(DIST)"

dist-build: export PATH := $(abspath .venv/bin):$(PATH)
dist-build: build $(CACHE)/dist
	@rm -rf "$(DIST)" && mkdir -p "$(DIST)/addons"
	export CARGO_ZIGBUILD_ZIG_PATH="$$($(PYTHON) -c 'import ziglang; print(ziglang.__path__[0])')/zig"; \
	$(STEP) "Building the wheel" maturin build --release --locked --target $(TRIPLE) $(MATURIN) --out "$(DIST)" && \
	$(STEP) "Compiling the addon and the server" cargo $(COMPILE) --release --locked -p gatekeeper-node -p gatekeeper-server
	@cp "$(RELEASED)/gatekeeper" "$(DIST)"
	@cp "$(RELEASED)/$(LIBRARY)" "$(DIST)/addons/gatekeeper.$$(node --input-type=module -e \
	  "import { parseTriple } from '@napi-rs/cli'; console.log(parseTriple('$(TRIPLE)').platformArchABI)").node"

clean:
	cargo clean
	rm -rf .venv node_modules bench/node/node_modules tests/http/generators/node_modules $(CACHE) bindings-node/dist bindings-node/native
	rm -f bindings-python/python/gatekeeper/_native.*.so
