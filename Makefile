# `make help` lists the targets. Everything but `browser`, `bench` with peers and
# `vuln` needs only Go.

GO        ?= go
TEMPL     := $(GO) tool templ
PACKAGES  := ./...
FUZZTIME  ?= 30s

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: demo
demo: ## look at the program with an invented history
	$(GO) run ./cmd/archiver demo

.PHONY: test
test: ## run every test
	@command -v chromium chromium-browser google-chrome >/dev/null 2>&1 || echo "*** Chromium is not installed: the browser tests are skipped (or fail, with CI set). Get it with: apt-get install chromium ***"
	$(GO) test $(PACKAGES)

.PHONY: short
short: ## run the tests without a browser and without crashes
	$(GO) test -short $(PACKAGES)

.PHONY: crash
crash: ## kill a capturing process 200 times
	ARCHIVER_LONG=1 $(GO) test -timeout 30m -run TestCrash -count 1 ./cmd/archiver

.PHONY: long
long: ## run the tests at their full figures (100,000 sequences, 200 days, 200 crashes)
	ARCHIVER_LONG=1 $(GO) test -timeout 60m $(PACKAGES)

.PHONY: race
race: ## run the short tests under the race detector
	$(GO) test -short -race ./internal/archive/... ./internal/capture/... ./internal/ucwa/... ./internal/store/... ./internal/index/... ./web/...

.PHONY: browser
browser: ## run the browser tests; fail without Chromium
	CI=true $(GO) test -run TestBrowser -v ./cmd/archiver

.PHONY: fuzz
fuzz: ## fuzz every parser for FUZZTIME
	@set -e; for f in $$(grep -rlE '^func Fuzz' --include='*_test.go' .); do \
		for name in $$(grep -oE '^func Fuzz[A-Za-z]+' $$f | cut -c6-); do \
			echo "$$name in $$(dirname $$f)"; \
			$(GO) test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$(dirname $$f); \
		done; done

.PHONY: bench
bench: ## print the measured ratios (docs/benchmarks.md)
	$(GO) test -run '^$$' -bench . -benchtime 3x -timeout 60m ./internal/... ./web/... ./cmd/...

.PHONY: generate
generate: ## make the generated code anew
	$(TEMPL) generate -include-version=false
	$(GO) test ./internal/query -run TestDocument -update

.PHONY: fmt
fmt: ## format
	gofmt -w $$(git ls-files '*.go' ':!*_templ.go')
	$(TEMPL) fmt .

.PHONY: lint
lint: ## check format, vet, staticcheck and the module files
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "run make fmt: $$unformatted"; exit 1; }
	$(TEMPL) fmt -fail . > /dev/null
	$(GO) vet $(PACKAGES)
	$(GO) tool staticcheck $(PACKAGES)
	$(GO) mod tidy -diff
	$(GO) mod verify

.PHONY: check
check: ## all that must hold before a commit, but for the tests
	$(TEMPL) generate -include-version=false
	git diff --exit-code -- '*_templ.go'
	$(MAKE) lint

.PHONY: vuln
vuln: ## look for known vulnerabilities (needs the network)
	$(GO) run golang.org/x/vuln/cmd/govulncheck@latest $(PACKAGES)
