# Two commands do all the set-up: `make demo` and `make test`. Both install the system packages that they miss.

# One build folder for the root package, Examples and Benchmarks: the machine builds each dependency once.
SCRATCH ?= $(CURDIR)/.build
SEED ?= 1
MESSAGES ?= 10000
VERSIONS ?= 3.10
VERSION ?= 3.10
SECONDS ?= 30
MINUTES ?= 20
TIMES ?= 20
LOAD ?= 4
export SCRATCH TIMES FILTER LIMIT BROKER
# For this target only: beside busy loops all other tests would take twice as long.
test-repeat: export LOAD := $(LOAD)

.PHONY: help demo test test-repeat review-cases test-amqp test-rabbitmq test-brokers sanitize fuzz bench bench-amqp
.PHONY: bench-application bench-rabbitmq bench-costs crash-test kill-test first-day systems chaos soak-amqp dashboard-test monitoring format lint docs setup

## Shows this list.
help:
	@awk '/^## / { text = text "\n    " substr($$0, 4); next } \
	  text && match($$0, /^[a-z-]+:/) { printf "make %s%s\n", substr($$0, 1, RLENGTH - 1), text } { text = "" }' Makefile

## Starts event-booking with a visit in which every step is checked, and stays up; ONCE=1 ends after the visit. RABBITMQ=4.0 does it
## on a RabbitMQ; SYSTEM=bookspace, movie-booking, tutorgo or backstage starts another one.
demo: setup
	scripts/demo $(SYSTEM)

## Builds everything and runs all tests.
test: setup
	scripts/test

## Runs the tests that need no broker again and again, beside busy loops: TIMES=20 LOAD=4. FILTER='^WarrenTests' takes some;
## BROKER=3.10 runs those that need one instead, three times.
test-repeat: setup
ifdef BROKER
	scripts/rabbitmq install $(BROKER)
	scripts/test-on-brokers --times $(if $(filter-out file,$(origin TIMES)),$(TIMES),3) client engine $(BROKER)
else
	scripts/test-repeat
endif

## Prints what each finding of the reviews is tested by, and runs those tests; BROKER=3.10 those that need a broker, too.
review-cases: setup
	scripts/review-cases

## Runs the tests of the AMQP client on real brokers; VERSIONS="3.10 4.0 4.3" chooses which.
test-amqp: setup
	scripts/rabbitmq install $(VERSIONS)
	scripts/test-on-brokers client $(VERSIONS)

## Runs the suite of the RabbitMQ engine on real brokers; VERSIONS="3.10 4.0 4.3" chooses which, CLUSTER=1 takes three nodes.
test-rabbitmq: setup
	scripts/rabbitmq install $(VERSIONS)
	scripts/test-on-brokers engine $(if $(CLUSTER),--cluster) $(VERSIONS)

## Tries scripts/rabbitmq on real brokers; VERSIONS="3.10 4.0 4.3", CLUSTER=1 with clusters of three.
test-brokers: setup
	scripts/rabbitmq install $(VERSIONS)
	cd scripts && VERSIONS="$(VERSIONS)" CLUSTER=$(CLUSTER) python3 -B -m unittest -v brokers.live

## Runs the tests of the AMQP client and of the runtime under Thread Sanitizer and Address Sanitizer.
sanitize: setup
	scripts/sanitize

## Feeds damaged bytes to the decoders, each for so many seconds. SECONDS=30.
fuzz: setup
	Fuzz/run.sh $(SECONDS)

## Measures the embedded engine, side by side with SQLite's own limit. ROUNDS=3.
bench: setup
	scripts/bench sqlite

## Measures what an application needs around its messages, outbox and inbox first, side by side with other queues on SQLite. ROUNDS=3.
bench-application: setup
	scripts/bench application

## Measures the AMQP client on a real broker, side by side with rabbitmq-c and Go's client. ROUNDS=3.
bench-amqp: setup
	scripts/bench amqp

## Measures Warren on a real broker, side by side with rabbitmq-c, Celery, Dramatiq and Sidekiq. ROUNDS=3.
bench-rabbitmq: setup
	scripts/bench rabbitmq

## Counts instructions and allocations of the AMQP client for a message, and fails if they have grown.
bench-costs: setup
	scripts/bench costs

## Does what the guide for newcomers says: builds and runs its packages, on SQLite and on RabbitMQ 4.0.
first-day: setup
	scripts/rabbitmq install 4.0
	scripts/first-day 4.0

## Starts the example systems and prints a line for each requirement; BROKER=sqlite or rabbitmq:4.0, SYSTEM=movie-booking.
systems: setup
	$(if $(filter rabbitmq%,$(BROKER)),scripts/rabbitmq install $(or $(word 2,$(subst :, ,$(BROKER))),4.0))
	scripts/install-peers mail
	scripts/build . --product warren
	scripts/build Examples
	python3 scripts/systems $(SYSTEM)

## Kills, stops and puts to sleep publishers and workers while 10,000 messages pass, on a disk that fills; then balances the books.
crash-test: setup
	scripts/crash-test $(SEED) $(MESSAGES)

## Kills an application with outbox, inbox and steps before its writes, again and again on the same files: SEED=1 KILLS=200. Then balances the books.
kill-test: setup
	scripts/crash-test steps $(or $(SEED),1) $(or $(KILLS),200)

## Breaks a RabbitMQ cluster of three in every way that heals while messages pass, then balances the books; VERSION=4.3, SEED=n. HOSTILE=1: does what neighbours and administrators do instead.
chaos: setup
	scripts/chaos $(SEED) $(VERSION)

## Runs the AMQP client for long beside a proxy that cuts its connections: MINUTES=20 SEED=1. Memory, waiters and messages must add up.
soak-amqp: setup
	scripts/soak-amqp $(MINUTES) $(SEED) $(VERSION)

## Looks at every page of the dashboard with a headless browser and does everything on them: BROKER=sqlite, sqlite:FILE, rabbitmq:4.0 or amqp://…; pictures go to OUT.
dashboard-test: setup
	scripts/build . --product warren-dashboard-stage
	scripts/dashboard-test $(if $(BROKER),--broker '$(BROKER)') $(if $(OUT),--out $(OUT))

## Checks the alert rules and the queries of the Grafana dashboard with Prometheus's promtool.
monitoring:
	scripts/monitoring

## Formats all Swift code.
format:
	swift format -i --recursive $(wildcard Sources Tests Examples Benchmarks Snippets Fuzz) Package.swift

## Fails on code that `make format` would change or that breaks a rule.
lint:
	scripts/lint

## Builds the documentation into .build/documentation.
docs: setup
	scripts/docs

setup:
	@scripts/setup
