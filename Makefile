# Each target installs the Debian packages it misses (root or sudo), then does its work.
SHELL := bash
.DEFAULT_GOAL := help
# Both flags together save 7 % of the agent's CPU per query. The checks of exclusive access that the
# first leaves out are on in the debug build, which the tests run.
BUILD_RELEASE := swift build -c release --static-swift-stdlib \
  -Xswiftc -enforce-exclusivity=unchecked -Xswiftc -cross-module-optimization
SWIFT_FILES = $(shell git ls-files '*.swift' | grep -v -E '\.(pb|grpc)\.swift$$')

.PHONY: help demo up test unit integration faults compat fuzz fuzz-sql bench-sql build release format lint bench clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: ## The whole way once, on a private cluster: ends with the audit table, leaves nothing running
	@scripts/install-dependencies.sh demo
	@$(MAKE) --no-print-directory release
	@deploy/demo/demo.sh

up: ## The demo's servers, left running until Ctrl-C; prints what to type
	@scripts/install-dependencies.sh demo
	@$(MAKE) --no-print-directory release
	@deploy/demo/demo.sh --stay

# The real programs are tested one suite at a time, and the gateway apart from what keeps the processors busy:
# some of those tests measure how soon a thing is done, and some how much memory their process takes.
test: ## Everything: unit, vectors, random walks, and integration with the real binaries
	@scripts/install-dependencies.sh test
	swift build --build-tests
	swift test --skip-build --skip IntegrationTests --skip SessionEngineTests --skip ParserMemoryTests
	swift test --skip-build --filter SessionEngineTests --skip BackpressureTests
	swift test --skip-build --filter BackpressureTests
	swift test --skip-build --filter ParserMemoryTests
	swift test --skip-build --no-parallel --filter IntegrationTests
	python3 Tests/Faults/faults.py --binaries .build/debug --short

unit: ## Without the integration tests
	@scripts/install-dependencies.sh test
	swift build --build-tests
	swift test --skip-build --skip IntegrationTests --skip SessionEngineTests --skip ParserMemoryTests
	swift test --skip-build --filter SessionEngineTests --skip BackpressureTests
	swift test --skip-build --filter BackpressureTests
	swift test --skip-build --filter ParserMemoryTests

integration: ## Only the tests that run the real binaries
	@scripts/install-dependencies.sh test
	swift build --build-tests
	swift test --skip-build --no-parallel --filter IntegrationTests

# SALLYPORT_BIN names a folder with binaries to try instead of a release build; ARGS goes to compat.py.
compat: ## Real PostgreSQL clients, direct and through the agent (docs/compatibility.md)
	@scripts/install-dependencies.sh compat
	@[ -n "$(SALLYPORT_BIN)" ] || $(MAKE) --no-print-directory release
	@$(MAKE) --no-print-directory .build/compat-venv/requirements.txt
	.build/compat-venv/bin/python Tests/Compat/compat.py $(ARGS)

.build/compat-venv/requirements.txt: Tests/Compat/requirements.txt
	python3 -m venv --clear .build/compat-venv
	.build/compat-venv/bin/pip install --quiet --disable-pip-version-check --requirement $<
	cp $< $@

# SALLYPORT_BIN as for compat; ARGS goes to faults.py: --only, --rounds, --seed, --short.
faults: ## Kills, power cuts, restored and cloned disks, lost calls, tampering (docs/testing.md)
	@scripts/install-dependencies.sh test
	@[ -n "$(SALLYPORT_BIN)" ] || $(MAKE) --no-print-directory release
	python3 Tests/Faults/faults.py --binaries $(or $(SALLYPORT_BIN),.build/release) $(ARGS)

# SALLYPORT_BIN as for compat; ARGS goes to fuzz.py.
fuzz: ## Random messages, direct and through the agent, the same bytes? (docs/testing.md)
	@scripts/install-dependencies.sh fuzz
	@[ -n "$(SALLYPORT_BIN)" ] || $(MAKE) --no-print-directory release
	python3 Tests/Fuzz/fuzz.py $(ARGS)

# ARGS: how many texts, and the seed.
fuzz-sql: ## A million mutated statements for their analysis (docs/testing.md)
	@scripts/install-dependencies.sh build
	swift build -c release --product sql-fuzz
	.build/release/sql-fuzz $(or $(ARGS),1000000 42) Tests/Corpus

bench-sql: ## What the analysis of a statement costs beside its raw parse (docs/performance.md)
	@scripts/install-dependencies.sh build
	swift build -c release --product analysis-measure
	.build/release/analysis-measure

build: ## Debug build
	@scripts/install-dependencies.sh build
	swift build

release: ## Release build, the Swift runtime linked in
	@scripts/install-dependencies.sh build
	$(BUILD_RELEASE) --product sallyport
	$(BUILD_RELEASE) --product sallyport-agent
	$(BUILD_RELEASE) --product sallyport-control

format: ## Format all Swift sources in place
	swift format --in-place --parallel $(SWIFT_FILES)

lint: ## Fail where the format is off
	swift format lint --strict --parallel $(SWIFT_FILES)

bench: ## Direct, haproxy, pgbouncer and Sallyport side by side (docs/performance.md)
	@scripts/install-dependencies.sh bench
	@$(MAKE) --no-print-directory release
	python3 bench/bench.py

clean: ## Remove build products
	rm -rf .build .build-*
