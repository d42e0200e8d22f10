# Compileo: what people and CI run. `make` lists the targets.

GO      ?= go
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# -race needs a C compiler; without one the tests run all the same, and say so.
CC_FOUND := $(shell command -v $${CC:-cc} gcc clang 2>/dev/null | head -1)
RACE     := $(if $(CC_FOUND),-race)

.PHONY: help build demo test lint mutants conformance bench prove clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the program, dist/compileo
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o dist/compileo ./infra/local

demo: build ## make a dataset of the documentation of this project's own libraries
	@mkdir -p .demo
	@./dist/compileo generate $$($(GO) list -deps -f '{{with .Module}}{{if not .Main}}{{.Dir}}{{end}}{{end}}' ./... | sort -u) \
		-o .demo/dataset.jsonl --data .demo/data --exclude 'LICENSE*' --exclude 'CHANGELOG*' --exclude testdata --exclude '*.txt' --exclude '*.html'

test: ## run the tests
	@$(if $(RACE),:,echo "no C compiler found: the tests run without the race detector")
	$(GO) test $(RACE) -shuffle=on -timeout 10m ./...
	$(GO) test -run 'TestSimulation|TestReplay' ./internal/pipeline -schedules 500

lint: ## format, vet, staticcheck, dead code, module file, arm64 build of every function
	@test -z "$$($(GO) tool gofumpt -l .)" || { $(GO) tool gofumpt -l .; echo "run: go tool gofumpt -w ."; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	@out=$$($(GO) tool deadcode -test ./...); test -z "$$out" || { echo "$$out"; exit 1; }
	$(GO) mod tidy -diff
	@mkdir -p dist/functions
	GOOS=linux GOARCH=arm64 CGO_ENABLED=0 $(GO) build -tags lambda.norpc -trimpath -ldflags '-s -w' -o dist/functions/ ./functions/...

mutants: ## break the protocol's rules one at a time: the simulation must notice
	$(GO) test -count=1 -run TestMutants -v ./internal/pipeline -mutants

conformance: ## hold the AWS adapters and the functions against emulators (installs them under .tools)
	.ci/conformance

bench: ## measure: throughput, efficiency, memory, pages, near-duplicates
	$(GO) test -run '^$$' -bench . -benchtime 2s ./internal/... ./infra/local

prove: mutants conformance ## the full-size proofs (long)
	$(GO) test -count=1 -timeout 60m -run 'TestSimulation|TestReplay' ./internal/pipeline -schedules 10000
	$(GO) test -count=1 -run TestLinearizable ./internal/idempotency -histories 200 -calls 1000

clean: ## remove what was built, installed and made
	rm -rf dist .demo .tools .aws-sam
