# Every task of this repository; `make help` lists them. What is up to date is not done again.

SHELL := /bin/sh
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
# Evaluated where it is used, so that the other targets do not search.
NEWEST = $(shell tools/newest_python.sh)
IS_NEWEST = $(filter $(lastword $(shell $(PYTHON) -V)),$(lastword $(shell $(NEWEST) -V)))

DEFAULT_ENV := .venv
NEWEST_ENV := .venv-newest
RUN := $(DEFAULT_ENV)/bin/python -m

REQUIREMENTS := tests/requirements.txt
MATURIN := maturin>=1.9.4,<2
FUZZ := crates/wire/fuzz
FUZZ_RUNS ?= 10000000
FUZZ_TARGETS ?= head chunked response proxy forwarded websocket http2
# The crate forbids unsafe code, so what a sanitizer could find is in its dependencies; "address"
# looks for that too, at a fifth of the speed.
FUZZ_SANITIZER ?= none
RUST := Cargo.toml Cargo.lock pyproject.toml \
	$(shell find crates -name target -prune -o \( -name '*.rs' -o -name Cargo.toml \) -print)

# h2spec, which judges servers of HTTP/2; made where there is Go, else its tests are skipped.
JUDGES = $(if $(shell command -v go),.tools/h2spec)

# Clients of other languages, where there is what they need; else their tests are skipped.
GO_CLIENT = $(if $(shell command -v go),.tools/go-client)
NODE_MODULES := tests/clients/node/node_modules/.package-lock.json
NODE_CLIENTS = $(if $(shell command -v npm),$(NODE_MODULES))

CHECKED := python tests examples tools $(wildcard bench)
TYPED := python tests examples/hello_asgi.py examples/hello_wsgi.py tools

# ---- What people call

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

.PHONY: serve
serve: $(DEFAULT_ENV)/.core-release ## Serve examples/hello_asgi.py, on port 8000 if it is free (or PORT=…)
	@exec $(RUN) tricorn hello_asgi:app --app-dir examples \
		--port $${PORT:-$$($(DEFAULT_ENV)/bin/python tools/free_port.py)}

.PHONY: test
test: test-rust test-default test-newest ## Run every test, on the default and on the newest Python

.PHONY: test-rust
test-rust: require ## Run the Rust tests of the crates that need no Python
	cargo test --quiet --package tricorn-wire --package tricorn-http2 --package tricorn-net --package tricorn-baton

.PHONY: test-default
test-default: $(DEFAULT_ENV)/.core-quick $(JUDGES) ## Run the tests on the default Python (T="…" for pytest)
	PROCESS_TESTS=$(if $(T)$(IS_NEWEST),,first) $(RUN) pytest $(T)

.PHONY: test-newest
test-newest: require ## Run the tests on the newest Python of the machine, if it is another one
	@if [ "$(IS_NEWEST)" ]; then \
		echo "the newest Python is the default one, and tested as that"; \
	else \
		$(MAKE) $(NEWEST_ENV)/.core-quick $(JUDGES) && set -x && \
			PROCESS_TESTS=$(if $(T),,second) $(NEWEST_ENV)/bin/python -m pytest $(T); \
	fi

.PHONY: hostile
hostile: $(NEWEST_ENV)/.core-release ## Measure a normal client's p99 while hostile clients are at work
	MEASURE_HOSTILE=1 $(NEWEST_ENV)/bin/python -m pytest -s tests/hostile/test_latency_under_attack.py

.PHONY: soak
soak: $(NEWEST_ENV)/.core-release ## Reload, upgrade, recycle, scale and kill under load, 5 minutes; only kills may cost
	$(NEWEST_ENV)/bin/python -m pytest tests/soak --ignore tests/soak/test_faults.py $(T)

.PHONY: soak-faults
soak-faults: $(NEWEST_ENV)/.core-release ## Random faults under load, 10 minutes (SOAK_MINUTES, SOAK_SEED); nothing may be left
	$(NEWEST_ENV)/bin/python -m pytest -s tests/soak/test_faults.py $(T)

.PHONY: flow
flow: $(DEFAULT_ENV)/.core-quick ## Download over HTTP/2 to windows of all sizes, an hour; bytes move within 1 s (T="-k iterated")
	FLOW_TRIES=$${FLOW_TRIES:-50} FLOW_PROGRESS=1 FLOW_LARGE=$${FLOW_LARGE:-52428800} \
		$(RUN) pytest tests/http2/test_flow_matrix.py $(T)

.PHONY: clients
clients: $(DEFAULT_ENV)/.core-quick $(GO_CLIENT) $(NODE_CLIENTS) ## Serve clients that others wrote, of Python, Go and Node, with large bodies
	CLIENTS_FULL=1 $(RUN) pytest tests/clients $(T)

.PHONY: autobahn
autobahn: $(NEWEST_ENV)/.core-release ## Run Autobahn's suite, plain and over TLS, half an hour each (T="wss 1.* 2.*" for some)
	$(NEWEST_ENV)/bin/python -m tests.websocket.autobahn $(T)

.PHONY: lint
lint: lint-python lint-rust ## Check style, types, the stub and the Rust code

.PHONY: lint-python
lint-python: $(DEFAULT_ENV)/.core-quick ## Check the Python code: ruff, mypy, stubtest
	$(RUN) ruff check $(CHECKED)
	$(RUN) ruff format --check $(CHECKED)
	$(RUN) mypy $(TYPED)
	$(if $(wildcard bench/*.py),cd bench && ../$(RUN) mypy --strict .)
	$(RUN) mypy.stubtest tricorn._core

.PHONY: lint-rust
lint-rust: require ## Check the Rust code: rustfmt, clippy
	cargo fmt --all --check
	cargo clippy --quiet --workspace --all-targets -- -D warnings
	cargo fmt --manifest-path $(FUZZ)/Cargo.toml --check
	cargo clippy --quiet --manifest-path $(FUZZ)/Cargo.toml --no-default-features -- -D warnings

.PHONY: format
format: $(DEFAULT_ENV)/.ready ## Put the code in its standard form
	$(RUN) ruff check --fix-only --quiet $(CHECKED)
	$(RUN) ruff format --quiet $(CHECKED)
	cargo fmt --all
	cargo fmt --manifest-path $(FUZZ)/Cargo.toml

.PHONY: model
model: require ## Check every interleaving of the baton's threads with loom
	RUSTFLAGS="--cfg loom" cargo test --package tricorn-baton --release --test loom \
		--target-dir target/loom

.PHONY: fuzz
fuzz: require ## Fuzz the parsers, FUZZ_RUNS=10000000 inputs for each of FUZZ_TARGETS (nightly Rust)
	@cargo fuzz --version >/dev/null 2>&1 || cargo install --quiet cargo-fuzz
	$(PYTHON) -m tests.contract.fuzz_seeds $(FUZZ)/corpus
	@mkdir -p $(FUZZ)/target
	@set -e; cd $(FUZZ); for target in $(FUZZ_TARGETS); do \
		log=target/$$target.log; \
		echo "fuzzing $$target, $(FUZZ_RUNS) inputs ($(FUZZ)/$$log)"; \
		nice -n 19 cargo +nightly fuzz run --fuzz-dir . --sanitizer $(FUZZ_SANITIZER) $$target -- \
			-runs=$(FUZZ_RUNS) -max_len=4096 -len_control=100 -fork=0 -dict=http.dict \
			-print_final_stats=1 >$$log 2>&1 || { tail -n 40 $$log; exit 1; }; \
		grep -E '^(Done|stat::(number_of_executed|average_exec))' $$log; \
	done

.PHONY: bench
bench: $(NEWEST_ENV)/.core-release ## Measure against the rivals; the report goes to bench/results/
	$(NEWEST_ENV)/bin/python bench/run.py $(B)

.PHONY: bench-quick
bench-quick: $(NEWEST_ENV)/.core-release ## One short round of each benchmark, as a smoke test
	$(NEWEST_ENV)/bin/python bench/run.py --quick $(B)

.PHONY: bench-processes
bench-processes: $(NEWEST_ENV)/.core-release ## Measure workers, reloads and the supervisor; the report goes to bench/results/
	$(NEWEST_ENV)/bin/python bench/processes.py $(B)

.PHONY: docs
docs: $(DEFAULT_ENV)/.core-quick ## Write the pages of docs/ that are made from the code
	$(RUN) tricorn.config.reference > docs/reference/settings.md.new
	mv docs/reference/settings.md.new docs/reference/settings.md
	$(RUN) tricorn.supervisor.reference > docs/reference/signals.md.new
	mv docs/reference/signals.md.new docs/reference/signals.md

.PHONY: dist
dist: $(DEFAULT_ENV)/.ready ## Make the sdist, and from it the wheel, in dist/
	rm -rf dist
	$(RUN) maturin sdist --out dist
	$(RUN) pip wheel --no-deps --wheel-dir dist dist/tricorn-*.tar.gz
	@ls -l dist

.PHONY: clean
clean: ## Remove everything that was made
	rm -rf target dist $(DEFAULT_ENV) $(NEWEST_ENV) .rivals .tools .pytest_cache .mypy_cache .ruff_cache
	rm -rf tests/clients/node/node_modules
	rm -rf crates/wire/fuzz/target crates/wire/fuzz/corpus crates/wire/fuzz/artifacts
	rm -f python/tricorn/_core.*.so
	find python tests examples bench tools -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# ---- What they need

.PHONY: require
require:
	@tools/require.sh $(PYTHON)

# --clear: what a requirement of yesterday installed must not hide that today's is missing.
$(DEFAULT_ENV)/.ready: $(REQUIREMENTS) | require
	$(PYTHON) -m venv --clear $(DEFAULT_ENV)
	$(DEFAULT_ENV)/bin/python -m pip install --quiet '$(MATURIN)' --requirement $(REQUIREMENTS)
	@touch $@

$(NEWEST_ENV)/.ready: $(REQUIREMENTS) | require
	$(NEWEST) -m venv --clear $(NEWEST_ENV)
	$(NEWEST_ENV)/bin/python -m pip install --quiet '$(MATURIN)' --requirement $(REQUIREMENTS)
	@touch $@

.tools/h2spec: tools/h2spec/go.mod tools/h2spec/go.sum
	cd tools/h2spec && go build -o $(CURDIR)/$@ github.com/summerwind/h2spec/cmd/h2spec
	@touch $@

.tools/go-client: $(wildcard tests/clients/go/*)
	cd tests/clients/go && go build -o $(CURDIR)/$@ .
	@touch $@

$(NODE_MODULES): tests/clients/node/package-lock.json
	cd tests/clients/node && npm ci --no-audit --no-fund
	@touch $@

# The extension module as it was last built for an environment. Both profiles put it in the same
# place, so only the stamp of the last one stays. Each environment has a target directory of its
# own, since PyO3 is built anew whenever the Python changes; who builds once for each does better with
# one for all (BUILD_DIR).
define install
	@rm -f $(@D)/.core-*
	@echo "make: building the core for $*; about 3 minutes on two processors the first time, less later" >&2
	VIRTUAL_ENV=$(CURDIR)/$* CARGO_TARGET_DIR=$(or $(BUILD_DIR),target/for$*) \
		$*/bin/python -m maturin develop $$([ -t 2 ] || echo --quiet) --profile $(subst .core-,,$(@F))
	@touch $@
endef

%/.core-quick: %/.ready $(RUST)
	$(install)

%/.core-release: %/.ready $(RUST)
	$(install)
