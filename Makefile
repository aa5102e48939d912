# Go and make are all that is needed. `make reproduce` runs the study at a size
# that two cores can afford, `make test` the tests.

export CGO_ENABLED = 0
GO      ?= go
PRESET  ?= quick
RUNS    ?= runs/reproduce
FUZZTIME ?= 20s
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
DSCONV  := bin/dsconv

.PHONY: build reproduce test test-kills test-noasm test-isa fuzz bench sizes generate clean help

## build: compile bin/dsconv, one static binary
build:
	@mkdir -p bin
	$(GO) build -trimpath -ldflags "-s -w -X dsconv/internal/cli.Version=$(VERSION)" -o $(DSCONV) ./cmd/dsconv

## reproduce: run the study and write runs/reproduce/report.html (PRESET=quick|day|paper)
reproduce: build
	$(DSCONV) reproduce --preset $(PRESET) --dir $(RUNS)

## test: vet and all tests, then what they measured
test:
	$(GO) vet ./...
	@mkdir -p bin && rm -f bin/figures.txt
	DSCONV_FIGURES=$(CURDIR)/bin/figures.txt $(GO) test -timeout 20m ./...
	@test ! -f bin/figures.txt || sort bin/figures.txt

## test-kills: 1,000 random kill -9 of a training process instead of 300
test-kills:
	$(GO) test -count=1 -v -run '^TestKill$$' -timeout 20m ./internal/runs -kills 1000

## test-noasm: the same tests on the plain Go kernels
test-noasm:
	$(GO) test -tags noasm -timeout 20m ./internal/kernels/... ./internal/graph/... ./internal/arch/... ./internal/train/...

## test-isa: the same tests on AVX2 code and on plain Go code, chosen at run time
test-isa:
	DSCONV_ISA=avx2 $(GO) test -count=1 ./internal/kernels/... ./internal/arch/... ./internal/train/...
	DSCONV_ISA=go $(GO) test -count=1 ./internal/kernels/... ./internal/arch/... ./internal/train/...

## fuzz: every fuzz target for FUZZTIME
fuzz:
	@for p in $$($(GO) list ./...); do for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
		echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p || exit 1; done; done

## bench: kernels and training steps against the machine's measured limits
bench: build
	$(DSCONV) bench kernels
	$(DSCONV) bench step --config configs/bench-27m.yaml
	$(DSCONV) bench step --config configs/bench-recall.yaml

## sizes: three steps of each configuration from 150M to 2B (half an hour, 20 GiB)
sizes: build
	$(GO) run ./scripts/sizes -dsconv $(DSCONV)

## generate: write the assembly again from its generators
generate:
	$(GO) generate ./internal/kernels/...

## clean: remove the binary; runs are kept
clean:
	rm -rf bin

## help: list the targets
help:
	@sed -n 's/^## //p' Makefile
