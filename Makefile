# `make` lists the targets. What a machine lacks is fetched by scripts/setup,
# once, into .cache/; each target asks for what it needs.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

# A shell that is no login shell often lacks rustup's folder.
ifeq ($(filter $(HOME)/.cargo/bin,$(subst :, ,$(PATH))),)
export PATH := $(HOME)/.cargo/bin:$(PATH)
endif
export PORTCULLIS_DIST := $(CURDIR)/dist

INTEGRATION := -p portcullis-integration-tests
NODE_TESTS := --target wasm32-unknown-unknown -p portcullis-shared --features jose,encoding --lib
WITH_ENVOY = ENVOY_BIN=$$(scripts/setup envoy-path) && export ENVOY_BIN &&
WITH_CLICKHOUSE = CHDB=$$(scripts/setup clickhouse-path) && PORTCULLIS_PYTHON=$$(cat "$$CHDB/python") && \
  export PYTHONPATH="$$CHDB" PORTCULLIS_PYTHON &&

.PHONY: help
help: ## List the targets.
	@echo "Portcullis: make TARGET"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Fetch what this machine lacks for the targets below; they also do so themselves.
	@for part in native wasm wasm-bindgen envoy redis lint; do scripts/setup $$part; done
	@echo "== setup: all is there"

.PHONY: build
build: ## Build dist/<filter>.wasm and its config schema for each filter.
	@scripts/setup native
	@scripts/setup wasm
	@echo "== build: the filters, into dist/"
	@scripts/build

.PHONY: demo
demo: build ## Start a real Envoy with the filters in front of a small upstream (DEMO_ARGS="...").
	@scripts/setup envoy
	@scripts/setup redis
	@$(WITH_ENVOY) cargo run --quiet $(INTEGRATION) --bin demo -- $(DEMO_ARGS)

.PHONY: test
test: lint test-unit test-integration check-wasm ## Run lint and every test below but those of test-long.
	@echo "== all passed"

.PHONY: test-long
test-long: test-wasm test-flood test-clickhouse ## Run what takes longer than it tells most days; CI does.

.PHONY: test-unit
test-unit: ## Run the native tests of shared, adaptor, filters and tools.
	@scripts/setup native
	@echo "== test-unit: native"
	@cargo test --quiet --workspace --exclude portcullis-integration-tests --features portcullis-shared/jose,portcullis-shared/encoding

.PHONY: test-wasm
test-wasm: ## Run the tests of shared as WebAssembly, under Node.
	@scripts/setup native
	@scripts/setup wasm-bindgen
	@echo "== test-wasm: shared under Node"
	@scripts/wasm-cargo test --quiet --no-run $(NODE_TESTS)
	@scripts/wasm-cargo test $(NODE_TESTS) # its runner knows no --quiet

.PHONY: test-integration
test-integration: build ## Run the filters in a real Envoy, with real traffic.
	@scripts/setup envoy
	@scripts/setup redis
	@echo "== test-integration: with $$(scripts/setup envoy-path)"
	@$(WITH_ENVOY) cargo test --quiet $(INTEGRATION)

.PHONY: openapi
openapi: ## Turn an OpenAPI document into schema_check's configuration (FILE=... CONFIG=... OUT=... OPENAPI_ARGS="--envoy --slim").
	@[ -n "$(FILE)" ] || { echo "make openapi FILE=openapi.yaml" >&2; exit 2; }
	@scripts/setup native >&2
	@out=$$(mktemp) && trap 'rm -f "$$out"' EXIT && \
	  cargo run --quiet -p portcullis-tools -- openapi "$(FILE)" $(if $(CONFIG),--config "$(CONFIG)") $(OPENAPI_ARGS) >"$$out" && \
	  if [ -n "$(OUT)" ]; then cat "$$out" >"$(OUT)" && echo "== openapi: $(OUT)"; else cat "$$out"; fi

.PHONY: check-wasm
check-wasm: build ## Hold imports, exports and size of each filter against budgets.json.
	@echo "== check-wasm: dist/ against budgets.json"
	@cargo run --quiet -p portcullis-tools -- check-wasm dist budgets.json

.PHONY: test-clickhouse
test-clickhouse: build ## Feed audit events to a real ClickHouse (fetches 190 MB once).
	@scripts/setup envoy
	@scripts/setup clickhouse
	@echo "== test-clickhouse"
	@$(WITH_ENVOY) $(WITH_CLICKHOUSE) cargo test --quiet $(INTEGRATION) --test clickhouse -- --ignored

.PHONY: test-flood
test-flood: build ## Flood ratelimit with a million made-up clients (test does it with 100,000).
	@scripts/setup envoy
	@echo "== test-flood"
	@$(WITH_ENVOY) cargo test --quiet $(INTEGRATION) --test ratelimit -- --ignored

.PHONY: bench
bench: build ## Measure what the filters cost in a real Envoy (BENCH_ARGS="...").
	@scripts/setup envoy
	@scripts/setup redis
	@scripts/setup bench
	@scripts/wasm-cargo build --quiet --release -p sdk_noop # the yardstick: never in dist/
	@$(WITH_ENVOY) cargo run --quiet $(INTEGRATION) --bin bench -- $(BENCH_ARGS)

.PHONY: lint
lint: ## Check format, clippy (native and wasm), shell scripts and YAML.
	@scripts/setup native
	@scripts/setup wasm
	@scripts/setup lint
	@echo "== lint"
	@scripts/lint

.PHONY: clean
clean: ## Remove what was built.
	rm -rf target dist

.PHONY: distclean
distclean: clean ## Remove what was fetched and set up, too.
	rm -rf .cache
