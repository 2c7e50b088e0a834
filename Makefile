# The two commands of a fresh clone are `make run` and `make check`. Both need
# Go and make alone, and no network once the modules are there.

GO       ?= go
DEMO     := build/demo
RATEMILL := build/ratemill
CATALOG  := fixtures/catalogs/marketing.yaml
# The demo's span: what `ratemill generate` writes by default.
FROM     := 2018-05-16
TO       := 2018-06-16
# Race tests need a C compiler; CI has one and insists.
RACE     := $(if $(or $(CI),$(shell command -v gcc || command -v clang)),-race)

# Everything is built one way, -trimpath as the product is, so that tests, tools
# and program share what is compiled: two ways compile every library twice.
# -vet=off: go test vets again what the target vet vets whole.
export GOFLAGS := -trimpath -vet=off $(GOFLAGS)

.PHONY: build run check format vet staticcheck s3server test trial race fuzz demo late check-duckdb bench rewrite clean

build:
	@mkdir -p build
	$(GO) build -o $(RATEMILL) ./cmd/ratemill

## run: make a month of sample exports, bill it night by night, say where to look
run: build
	@rm -rf $(DEMO)
	$(RATEMILL) generate --exports $(DEMO)/exports
	$(RATEMILL) backfill --exports $(DEMO)/exports --output $(DEMO)/output --catalog $(CATALOG) --from $(FROM) --to $(TO) --first-night
	@echo
	@echo "Exports are under $(DEMO)/exports, what came of them under $(DEMO)/output."
	@echo "Next: the SQL in README.md, or $(RATEMILL) --help."

## check: everything that CI runs, but the DuckDB check
check: format vet staticcheck test race fuzz demo late

format:
	@bad=$$(gofmt -l cmd pipeline rating readers writers fixtures deploy); test -z "$$bad" || { echo "not gofmt-clean:"; echo "$$bad"; exit 1; }

vet:
	$(GO) vet ./...
	cd fixtures/s3server && $(GO) vet ./...
	cd deploy && $(GO) vet ./...

staticcheck:
	$(GO) tool staticcheck ./...

# The S3 server of the tests, from a module of its own. Without it tests would
# skip what they prove of S3; a check must not.
s3server:
	@mkdir -p build
	cd fixtures/s3server && $(GO) build -o ../../build/s3server .

# -count=1: tests read files that the test cache does not know of.
test: s3server
	$(GO) test -count=1 ./...
	cd deploy && $(GO) test -count=1 ./...

## trial: try the manifests on an API server of Kubernetes, which is built first (half an hour, once); no part of check
trial:
	test -x build/kubernetes/kubectl || deploy/trial/build.sh build/kubernetes
	cd deploy && RATEMILL_KUBERNETES=../build/kubernetes $(GO) test -count=1 -v -run TestTrial .

# Where goroutines meet: the phases, the store, and readers used by several at once.
race: s3server
ifneq ($(RACE),)
	$(GO) test -count=1 -short -race -timeout 15m ./pipeline/... ./readers ./writers
else
	@echo "no C compiler: race tests left out"
endif

# So many inputs, some ten seconds each: a time that ends while an input is tried
# is told as a failure by go test now and then (context deadline exceeded).
fuzz:
	$(GO) test -run '^$$' -fuzz '^FuzzParquet$$' -fuzztime 30000x -fuzzminimizetime 10x ./readers
	$(GO) test -run '^$$' -fuzz '^FuzzCSV$$' -fuzztime 50000x -fuzzminimizetime 10x ./readers
	$(GO) test -run '^$$' -fuzz '^FuzzNDJSON$$' -fuzztime 35000x -fuzzminimizetime 10x ./readers
	$(GO) test -run '^$$' -fuzz '^FuzzJSON$$' -fuzztime 35000x -fuzzminimizetime 10x ./readers
	$(GO) test -run '^$$' -fuzz '^FuzzArrow$$' -fuzztime 20000x -fuzzminimizetime 10x ./readers
	$(GO) test -run '^$$' -fuzz '^FuzzFlat$$' -fuzztime 1000x -fuzzminimizetime 10x ./writers
	$(GO) test -run '^$$' -fuzz '^FuzzLists$$' -fuzztime 300x -fuzzminimizetime 10x ./writers
	$(GO) test -run '^$$' -fuzz '^FuzzParse$$' -fuzztime 120000x -fuzzminimizetime 10x ./rating/catalog

# The demo twice: the second time every night is published already. Then all of
# it is proven from its files.
demo: run
	$(RATEMILL) backfill --exports $(DEMO)/exports --output $(DEMO)/output --catalog $(CATALOG) --from $(FROM) --to $(TO) >/dev/null
	$(RATEMILL) verify --output $(DEMO)/output

# A small company whose exports of one day come a week late, and are rerated.
LATE     := build/late
LATE_RUN := --exports $(LATE)/exports --output $(LATE)/output --catalog $(CATALOG)
late: build
	@rm -rf $(LATE)
	$(RATEMILL) generate --exports $(LATE)/exports --from 2018-05-16 --to 2018-05-25 --accounts 200 --rows 20000
	@mkdir $(LATE)/withheld && mv $(LATE)/exports/sms/date=2018-05-18 $(LATE)/withheld/sms && mv $(LATE)/exports/seats/date=2018-05-18 $(LATE)/withheld/seats
	$(RATEMILL) backfill $(LATE_RUN) --from 2018-05-16 --to 2018-05-23 --first-night >/dev/null
	@mv $(LATE)/withheld/sms $(LATE)/exports/sms/date=2018-05-18 && mv $(LATE)/withheld/seats $(LATE)/exports/seats/date=2018-05-18
	$(RATEMILL) rerate $(LATE_RUN) --from 2018-05-18 --to 2018-05-23 >/dev/null
	$(RATEMILL) backfill $(LATE_RUN) --from 2018-05-24 --to 2018-05-25 >/dev/null
	$(RATEMILL) verify --output $(LATE)/output

## check-duckdb: read the demos' output as analysts do (needs Node.js and npm)
check-duckdb: build
	@test -d $(DEMO)/output/runs || $(MAKE) run
	@test -d $(LATE)/output/runs || $(MAKE) late
	cd fixtures/duckdb && npm ci --no-audit --no-fund
	node fixtures/duckdb/check.mjs $(DEMO)/output
	node fixtures/duckdb/check.mjs $(LATE)/output
	node fixtures/duckdb/analysis.mjs $(RATEMILL) $(DEMO)/output $(LATE)/output
	node fixtures/duckdb/check.mjs build/analysis/money
	node fixtures/duckdb/check.mjs build/analysis/teams

## bench: measure against DuckDB on the same files (needs Node.js and npm): docs/performance.md
# ROWS=2M for quick work, 100M on request; ONLY='distinct|night' for some lines;
# MORE=1 for other shapes, formats and settings.
ROWS     ?= 20M
PAIRS    ?= 3
ONLY     ?=
bench: build
	@test -d fixtures/duckdb/node_modules || (cd fixtures/duckdb && npm ci --no-audit --no-fund)
	$(GO) build -o build/bench-tool ./fixtures/bench
	build/bench-tool -rows $(ROWS) -pairs $(PAIRS) -only '$(ONLY)' $(if $(MORE),-more)

## rewrite: rewrite the goldens; read the diff before you commit it
rewrite:
	$(GO) test ./rating -run TestPolicy -rewrite
	$(GO) test ./rating/catalog -rewrite
	$(GO) test ./writers -rewrite
	$(GO) test ./writers/report -rewrite
	$(GO) test ./cmd/ratemill -run 'TestSchemaFile|TestPrintSamples' -rewrite
	$(GO) test ./pipeline -run TestOperationsOfANight -rewrite

clean:
	rm -rf build
