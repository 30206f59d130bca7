# Everything a newcomer needs: `make demo` and `make test`. A second run is quick.

SHELL := /bin/bash -eu -o pipefail
.DELETE_ON_ERROR:

CACHE := .cache
PYTHON := .venv/bin/python
DENY := $(CACHE)/tools/bin/cargo-deny
DENY_VERSION := 0.20.2
export PYO3_PYTHON := $(CURDIR)/$(PYTHON)
# The server that tests start.
export GATEKEEPER_SERVER ?= $(CURDIR)/target/debug/gatekeeper

RUST_SOURCES := $(shell find core server bindings-python/src bindings-node/src -name '*.rs' -o -name '*.sql') Cargo.toml Cargo.lock $(wildcard */Cargo.toml)
PYTHON_SOURCES := $(shell find bindings-python/python -name '*.py*' -not -path '*/__pycache__/*') pyproject.toml
NODE_SOURCES := $(shell find bindings-node/ts -type f) package.json tsconfig.json

PYTHON_BENCH := $(CACHE)/bench-venv/bin/python
BENCH_SOURCES := $(shell find bench/rust -name '*.rs' -o -name Cargo.toml)

.PHONY: help build gen demo test soak bench bench-quick bench-tools vectors lint clean tools test-tools

help:
	@echo "make build    an importable package in .venv and in this checkout's Node"
	@echo "make gen      the SDKs' types and services anew, from the table of operations"
	@echo "make demo     builds, installs as a user would, and shows what it does"
	@echo "make test     lint and every test, short forms"
	@echo "make soak     the long forms"
	@echo "make bench    what a verification costs here, beside its peers; writes bench/RESULTS.md and the README's table"
	@echo "make bench-quick  the same in small numbers, to see that all of it works; writes .cache/bench"
	@echo "make vectors  the language-neutral cases in all three languages"

tools:
	@scripts/check-tools

test-tools:
	@scripts/check-tools nginx caddy curl openssl

build: $(CACHE)/python-built $(CACHE)/node-built

$(CACHE)/python: pyproject.toml | tools
	@mkdir -p $(CACHE)
	python3 -m venv .venv
	$(PYTHON) -m pip install -q 'pip>=25.1'
	$(PYTHON) -m pip install -q --group dev --group matrix
	@touch $@

$(CACHE)/node: package-lock.json | tools
	@mkdir -p $(CACHE)
	npm install --no-audit --no-fund --loglevel=error
	@touch $@

$(CACHE)/python-built: $(CACHE)/python $(RUST_SOURCES) $(PYTHON_SOURCES)
	VIRTUAL_ENV=$(CURDIR)/.venv .venv/bin/maturin develop --release --quiet
	@touch $@

$(CACHE)/node-built: $(CACHE)/node $(RUST_SOURCES) $(NODE_SOURCES)
	npm run --silent build
	@touch $@

gen: | tools
	cargo run --quiet -p gatekeeper-gen

$(DENY): | tools
	cargo install cargo-deny --version $(DENY_VERSION) --locked --debug --quiet --root $(CACHE)/tools

demo: $(CACHE)/python $(CACHE)/node-built
	$(PYTHON) demo/demo.py

lint: build $(DENY)
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	$(DENY) --log-level error check bans licenses sources
	cargo run --quiet -p gatekeeper-gen -- --check
	cargo test --quiet -p gatekeeper-gen
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --quiet -p gatekeeper-native
	.venv/bin/ruff check --quiet
	.venv/bin/ruff format --check --quiet
	.venv/bin/mypy
	$(PYTHON) -m mypy.stubtest gatekeeper._native --mypy-config-file pyproject.toml
	npm run --silent lint

vectors: build
	cargo test --quiet -p gatekeeper-tests --test vectors
	$(PYTHON) -m pytest -q tests/python/test_vectors.py
	node --test tests/node/vectors.test.mjs

test: export GATEKEEPER_IDLE ?= 2000
test: lint test-tools
	cargo test --quiet
	cargo build --quiet -p gatekeeper-server
	$(PYTHON) -m pytest -q
	npm test --silent
	$(PYTHON) -m pytest -q tests/e2e
	$(PYTHON) -m pytest -q tests/http
	$(PYTHON) -m pytest -q tests/matrix

soak: export GATEKEEPER_KILLS ?= 1000
soak: export GATEKEEPER_SOAK ?= 10
soak: export GATEKEEPER_MATRIX ?= 50
soak: export PROPTEST_CASES ?= 20000
soak: export GATEKEEPER_SERVER_KILLS ?= 20
soak: build test-tools
	cargo test --release --quiet
	cargo build --quiet -p gatekeeper-server
	$(PYTHON) -m pytest -q
	npm test --silent
	$(PYTHON) -m pytest -q tests/e2e
	$(PYTHON) -m pytest -q tests/http
	$(PYTHON) -m pytest -q tests/matrix

bench: bench-tools build $(CACHE)/bench-python $(CACHE)/bench-node $(CACHE)/bench-rust
	$(PYTHON) -m bench.run

bench-quick: bench-tools build $(CACHE)/bench-python $(CACHE)/bench-node $(CACHE)/bench-rust
	$(PYTHON) -m bench.run --quick

bench-tools: | tools
	@python3 -m bench.redis_server
	@scripts/check-tools nginx wrk h2load

$(CACHE)/bench-python: pyproject.toml | tools
	@mkdir -p $(CACHE)
	python3 -m venv $(CACHE)/bench-venv
	$(PYTHON_BENCH) -m pip install -q 'pip>=25.1'
	$(PYTHON_BENCH) -m pip install -q --group bench
	@touch $@

$(CACHE)/bench-node: bench/node/package-lock.json | tools
	@mkdir -p $(CACHE)
	npm ci --prefix bench/node --no-audit --no-fund --loglevel=error
	@touch $@

$(CACHE)/bench-rust: $(RUST_SOURCES) $(BENCH_SOURCES)
	@mkdir -p $(CACHE)
	cargo build --release --quiet -p gatekeeper-bench -p gatekeeper-server
	@touch $@

clean:
	cargo clean
	rm -rf .venv node_modules bench/node/node_modules $(CACHE) bindings-node/dist bindings-node/native
