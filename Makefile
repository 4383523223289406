# Two commands do all the set-up: `make demo` and `make test`. Both install the system packages that they miss.

# One build folder for the root package, Examples and Benchmarks: the machine builds each dependency once.
SCRATCH ?= $(CURDIR)/.build
SEED ?= 1
MESSAGES ?= 10000
export SCRATCH

.PHONY: demo test bench crash-test format lint docs setup

## Shows the main job on the embedded engine; ONCE=1 ends after the scripted visit.
demo: setup
	scripts/demo

## Builds everything and runs all tests.
test: setup
	scripts/test

## Measures, side by side with peers. WHAT=sqlite (the default) chooses what.
bench: setup
	scripts/bench

## Kills publishers, workers and the command line while 10,000 messages pass, then balances the books.
crash-test: setup
	scripts/crash-test $(SEED) $(MESSAGES)

## Formats all Swift code.
format:
	swift format -i --recursive $(wildcard Sources Tests Examples/Sources Examples/Tests Benchmarks/Sources Snippets) Package.swift

## Fails on code that `make format` would change or that breaks a rule.
lint:
	scripts/lint

## Builds the documentation into .build/documentation.
docs: setup
	scripts/docs

setup:
	@scripts/setup
