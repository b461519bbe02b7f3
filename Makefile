# `make run` serves Mayfly with a demo; `make test` runs every suite. Both install what they need.
.DEFAULT_GOAL := help
SHELL := /bin/bash
CARGO ?= cargo
RUN_DATA ?= target/run
RUN_LISTEN ?= 127.0.0.1:8080
# Trial data that tells countries only (docs/OPERATIONS.md); a real install sets its own file.
RUN_GEO ?= node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb

.PHONY: $(shell grep -oE '^[a-z-]+:' $(firstword $(MAKEFILE_LIST)) | tr -d ':')

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

# npm packages: the front end's tools, libduckdb, public data files. Pinned by package-lock.json.
node_modules/.installed: package.json package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

native: native/.ready
native/.ready: node_modules/.installed scripts/native.mjs
	node scripts/native.mjs
	@touch $@

setup: node_modules/.installed native ## fetch the packages that building needs

front: tracker/dist/mayfly.js dashboard/dist/index.html ## build tracker and dashboard
tracker/dist/mayfly.js: node_modules/.installed tracker/mayfly.js tracker/vitals.js tracker/build.mjs $(wildcard tracker/consent/*.js)
	node tracker/build.mjs
dashboard/dist/index.html: node_modules/.installed $(shell find dashboard -type f -not -path '*/dist/*' -not -path '*/node_modules/*' 2>/dev/null)
	npm run --silent build:dashboard

tools: ## install what browser, clock and proxy tests need from Debian's packages
	@bash scripts/tools.sh

clickhouse: ## a ClickHouse for tests, unless one is on the path; cached outside the clone
	@bash scripts/clickhouse.sh

bin: setup front ## the binary that tests use: release without LTO (target/ci/mayfly)
	$(CARGO) build --profile ci --locked

sabotaged: setup front ## a test build that can be told to break its promises, for the attacks (target/ci/mayfly-sabotaged)
	@PROFILE=ci bash scripts/sabotaged.sh

build: setup front ## the release binary, target/release/mayfly
	$(CARGO) build --release --locked
	@! grep -qa MAYFLY_SABOTAGE target/release/mayfly || { echo 'target/release/mayfly can be told to break its promises: build it without the feature `sabotage`'; exit 1; }

run: bin ## serve on the embedded store, with a demo site to click on
	@mkdir -p -m 700 $(RUN_DATA)
	target/ci/mayfly serve --listen $(RUN_LISTEN) --data $(RUN_DATA) --geo $(RUN_GEO) --demo $(RUN_FLAGS)

test: setup front tools clickhouse ## every suite, with seconds for each
	@bash scripts/test.sh

crash: bin ## 200 kills under load, kills at a sample of calls on files, and power losses
	CRASH_CYCLES=200 CRASH_STRIDE=8 $(CARGO) test --locked --profile ci --test it crash:: -- --nocapture --test-threads=1
places: bin ## kills at every call on a file, one life each (CRASH_FILES="/run/ /control": on some of them)
	CRASH_STRIDE=1 $(CARGO) test --locked --profile ci --test it crash::places::kills_at -- --nocapture

outage: bin ## the store away for long: 2,000 releases wait and catch up
	OUTAGE_TICKS=200 $(CARGO) test --locked --profile ci --test it outage:: -- --nocapture
diskfull: bin ## a small tmpfs that is really full (as root, for the mount)
	@set -e; disk=$$(mktemp -d); mount -t tmpfs -o size=24m,mode=0700 mayfly-small $$disk; \
	trap 'umount $$disk; rmdir $$disk' EXIT; \
	SMALL_DISK=$$disk $(CARGO) test --locked --profile ci --test it disk:: -- --nocapture
clocks: bin ## all time zones day by day, and servers whose clocks jump
	CLOCKS=1 $(CARGO) test --locked --profile ci --test it -- zones:: clocks:: --nocapture

rotation: sabotaged ## each site's own midnight in every time zone, under load: what is left a minute later
	ROTATION=1 MAYFLY_BIN=$(CURDIR)/target/ci/mayfly \
		$(CARGO) test --locked --profile ci --test it attacks::rotation -- --nocapture

image: sabotaged ## a small ext4 image: what a deleted journal leaves on the disk (as root, for the mount)
	@set -e; disk=$$(mktemp -d); truncate -s 128M $$disk/image; mkfs.ext4 -q -b 4096 $$disk/image; mkdir $$disk/mounted; \
	mount -o loop $$disk/image $$disk/mounted; trap 'umount $$disk/mounted; rm -rf $$disk' EXIT; \
	IMAGE_FILE=$$disk/image IMAGE_MOUNTED=$$disk/mounted MAYFLY_BIN=$(CURDIR)/target/ci/mayfly \
		$(CARGO) test --locked --profile ci --test it attacks::crashed -- --nocapture --test-threads=1

oracle: sabotaged ## 100,000 pairs of hits of visitors seen and unseen, dropped, objecting: does the time of the answer tell them apart?
	ORACLE_PAIRS=$(or $(ORACLE_PAIRS),100000) MAYFLY_BIN=$(CURDIR)/target/ci/mayfly \
		$(CARGO) test --locked --profile ci --test it attacks::oracle -- --nocapture

upgrade: bin ## restart on one socket under load, 20 times
	UPGRADES=20 $(CARGO) test --locked --profile ci --test it upgrade::nobody -- --nocapture

flood: bin ## floods of distinct values against their memory, and loads above capacity
	FLOOD=20000 OVERLOAD_SECONDS=20 MAYFLY_BIN=$(CURDIR)/target/ci/mayfly \
		$(CARGO) test --locked --profile ci --test it -- flood:: overload:: hostile::idle --nocapture --test-threads=1

stores: clickhouse setup ## thousands of random plans and reports, equal on both stores
	PLANS=5000 REPORTS=1000 $(CARGO) test --locked --profile ci --lib -- both_stores reports_are_the_same --nocapture

figures: sabotaged ## the shares that the documents name: told, alone, joined with and without the rules
	FIGURES=1 $(CARGO) test --locked --profile ci --test it attacks::figures -- --nocapture

bench: bench-core bench-http ## both benchmarks
bench-core: setup ## the counting core alone
	$(CARGO) bench --profile ci --bench core
bench-http: bin ## durable collection against a route that only reads the body
	@bash benches/http.sh

bench-hygiene: sabotaged ## what overwriting freed memory and emptied heads cost; FAULTS=answers_at_once: what answers in steps do
	@bash benches/faults.sh
bench-store: setup clickhouse ## a year of ten million page views in each store: rows, bytes, times of reports
	$(CARGO) bench --profile ci --bench reports
	MAYFLY_BENCH_STORE=clickhouse $(CARGO) bench --profile ci --bench reports
dashboard-figures: bin tools ## the overview in a browser on ten million page views: paint, shift, bytes, the server's times
	@MAYFLY_BIN=target/ci/mayfly node benches/dashboard.mjs
screenshots: bin tools ## a picture of every screen and state, light, dark and at 320 px, into target/screenshots
	@MAYFLY_BIN=target/ci/mayfly node scripts/screenshots.mjs
scale: setup ## the constants behind docs/SCALE.md, measured and held against the page
	SCALE=1 $(CARGO) test --locked --profile ci --test it scale:: -- --nocapture

fuzz: setup ## every fuzz target for FUZZ_SECONDS (600) each; needs a C++ compiler
	@FUZZ_SECONDS=$(or $(FUZZ_SECONDS),600) FUZZ_TARGETS="$(FUZZ_TARGETS)" bash scripts/fuzz.sh

soak: bin ## an hour of steady load over many midnights: memory, descriptors and threads stay level
	MAYFLY_BIN=target/ci/mayfly SOAK_SECONDS=$(or $(SOAK_SECONDS),3600) $(CARGO) test --locked --profile ci --test it soak:: -- --nocapture

data: setup ## copy the public data files again from their packages
	bash data/update.sh
