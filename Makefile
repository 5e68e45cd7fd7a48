# make alone lists the targets. Each needs Go and nothing else; interop needs Node as well.

STATICCHECK_VERSION := v0.8.2
TEST_TIMEOUT        ?= 8m
# These wait for processes, servers and seconds most of their time: they begin first, and the others fill the cores meanwhile.
TEST_FIRST          := ./ingest/pbxsim/truth ./events/stream ./cmd/callbus
FUZZTIME            ?= 10s
BENCH               ?= .
TRUTH               ?= ./ingest/pbxsim/truth
TRUTH_ARGS          ?=
DEMO_ARGS           ?=
ENGINE              ?= docker

# A clone without tags or a tarball without history still builds: the binary then says what Go knows of it.
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)
LDFLAGS := -s -w $(if $(VERSION),-X main.version=$(VERSION))

.DEFAULT_GOAL := help
.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## build, and start callbus demo: simulated PBXs, no settings needed (DEMO_ARGS="--for 30s")
	bin/callbus demo $(DEMO_ARGS)

.PHONY: build
build: ## build bin/callbus, static, with its version in it
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/callbus ./cmd/callbus

.PHONY: test
test: ## go vet, and all tests under the race detector
	go test -race -vet=all -short -p 4 -timeout $(TEST_TIMEOUT) $(TEST_FIRST) ./...

.PHONY: test-long
test-long: ## the same, with all the random worlds, hours of calls and instants at which something is killed
	go test -race -vet=all -timeout 40m ./...

# go vet is part of make test, which has compiled all of it. With -race: what is compiled for staticcheck the tests need as well,
# and what the tools are made of, make build does.
.PHONY: lint
lint: ## gofmt, staticcheck, go.mod
	@unformatted=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go' | while read -r f; do [ -e "$$f" ] && echo "$$f"; done)); \
	  [ -z "$$unformatted" ] || { echo "gofmt -w would change:"; echo "$$unformatted"; exit 1; }
	CGO_ENABLED=0 GOBIN=$(CURDIR)/bin/tools go install -trimpath honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
	GOFLAGS=-race bin/tools/staticcheck ./...
	go mod tidy -diff

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME (10s)
	@set -e; for dir in $$(grep -rl --exclude-dir=node_modules --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
	  for target in $$(grep -h '^func Fuzz' $$dir/*_test.go | sed 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/'); do \
	    echo "$$dir $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$dir; \
	  done; done

.PHONY: truth
truth: ## score the real program against a simulated world's truth (TRUTH_ARGS)
	go run $(TRUTH) $(TRUTH_ARGS)

.PHONY: bench
bench: ## run the benchmarks that match BENCH
	go test -run '^$$' -bench '$(BENCH)' -benchmem ./...

.PHONY: interop
interop: build ## hold schemas, AsyncAPI document and a demo's events to other implementations (Node 20 or newer)
	cd schemas/interop && npm ci --no-audit --no-fund && node asyncapi.mjs && node examples.mjs && \
	  node demo.mjs ../../bin/callbus 'call.missed.>' 3 90 && node demo.mjs ../../bin/callbus 'call.>' 50 60 && \
	  node webhook.mjs ../../bin/callbus 30 60

.PHONY: deploy-check
deploy-check: build ## hold deploy/ to systemd, promtool, buildah, helm, and what Compose and GoReleaser read (Debian, root)
	deploy/check/install.sh bin/tools
	deploy/check/all.sh bin/tools

.PHONY: image
image: build ## build the image callbus with ENGINE (docker)
	rm -rf dist/image && deploy/image/context dist/image
	install -D -m 0755 bin/callbus dist/image/linux/$$(go env GOARCH)/callbus
	$(ENGINE) build -f deploy/image/Dockerfile --build-arg TARGETPLATFORM=linux/$$(go env GOARCH) -t callbus:latest dist/image

.PHONY: clean
clean: ## remove what was built
	rm -rf bin dist
