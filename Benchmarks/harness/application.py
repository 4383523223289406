"""What an application needs around its messages, beside the goals that were set for it.

python3 -m harness.application APPLICATION_BENCH SQLITE_BENCH PYTHON_OF_THE_PEERS ROUNDS [CASE…]
"""
import pathlib
import subprocess
import sys
import tempfile

from harness.debounce import debounced
from harness.measuring import Results, goal, in_turn, last, line, table

application, sqlite, python = sys.argv[1:4]
rounds, chosen = int(sys.argv[4]), sys.argv[5:]
QUEUES = pathlib.Path(__file__).resolve().parents[1] / "Peers/sqlite/queues.py"
PEERS = ["huey", "litequeue", "persist-queue"]
EXTRAS = ["breaker", "tracing", "unsampled", "metrics", "compression", "all"]
JOBS, DRAINED, PEER_JOBS = 100_000, 1_000_000, 3_000
results = Results()


def folder():
    return tempfile.TemporaryDirectory(prefix="warren-bench.")


def run(name, check, *command):
    """A case that keeps what a command prints, after `check` has looked at it."""
    def case():
        with folder() as place:
            result = line(*command, "--dir", place)
        assert check(result), f"not as it must be: {result}"
        results.add(name, result)

    return case


def once(result):
    """Each message was handled once, and none is left."""
    return result["handled"] == result["n"] and result.get("twice", 0) == 0 and result["left"] == 0


# MARK: The outbox

def in_order(result):
    return once(result) and result["published"] == result["n"] and result["out_of_order"] == 0


def rows(events):
    """All were written, durably (2 is `FULL`)."""
    return lambda result: (
        result["synchronous"] == 2 and result["bookings"] == result["n"] and result["events"] == (result["n"] if events else 0))


def outbox():
    alone = ["--alone", "--messages", "10000"]
    # Pairs of which the one is measured by the other take more rounds than what has a figure by itself.
    in_turn([
        run("insert, grouped", rows(False), application, "insert"),
        run("insert with event, grouped", rows(True), application, "insert", "--with-event"),
        run("insert, alone", rows(False), application, "insert", *alone),
        run("insert with event, alone", rows(True), application, "insert", "--with-event", *alone),
    ], rounds + 4)
    in_turn([
        run("commit, relay, handle", in_order, application, "cycle"),
        run("commit, relay, handle with inbox", in_order, application, "cycle", "--inbox"),
    ], rounds)
    table(["100 writers", "per second", "CPU s per 100,000", ""], [
        [name, results.text(name, "per_s", 0), results.text(name, "cpu_s_per_100k"), remark] for name, remark in [
            ("insert, grouped", ""),
            ("insert with event, grouped", slower("insert, grouped", "insert with event, grouped", 20)),
            ("insert, alone", ""),
            ("insert with event, alone", slower("insert, alone", "insert with event, alone", 20)),
            ("commit, relay, handle", pace("commit, relay, handle")),
            ("commit, relay, handle with inbox", ""),
        ]])


def slower(without, with_it, limit):
    """Which part of the pace something takes."""
    return goal((1 - results.paired(with_it, without, "per_s")) * 100, limit, unit="% slower")


def pace(name):
    return goal(results.median(name, "per_s") / 1000, 10, at_least=True, unit="thousand a second")


# MARK: An application that has little or nothing to do

def across(name, relays):
    """From one process to another; the relay is in one of them."""
    def case():
        with folder() as place:
            def command(role):
                return [application, "latency", "--role", role, "--dir", place] + ["--relays"] * (role == relays)

            worker = subprocess.Popen(command("work"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            worker.stderr.readline()
            subprocess.run(command("publish"), check=True, timeout=120)
            result = last(worker.communicate(timeout=60)[0])
        assert all_came(result), result
        results.add(name, result)

    return case


def all_came(result):
    return result["handled"] == result["tickets"] == 1000 and result["twice"] == result["left"] == 0


def latency():
    in_turn([
        run("one process", all_came, application, "latency", "--relays"),
        across("two processes, the publisher relays", "publish"),
        across("two processes, the worker relays", "work"),
    ], rounds)
    table(["publish → handler, 100 a second", "p50 ms", "p99 ms", "max ms", "p50", "p99"], [
        [name, *(results.text(name, key) for key in ("p50_ms", "p99_ms", "max_ms")),
         goal(results.median(name, "p50_ms"), 2 * factor, unit="ms"), goal(results.median(name, "p99_ms"), 10 * factor, unit="ms")]
        for name, factor in [("one process", 1), ("two processes, the publisher relays", 2), ("two processes, the worker relays", 2)]])


def idle():
    in_turn([run("idle", lambda _: True, application, "idle")], rounds)
    table(["outbox, inbox, schedules and breaker on, nothing to do", "% of a core", ""], [
        ["worker", results.text("idle", "percent"), goal(results.median("idle", "percent"), 0.5, unit="%")]])


# MARK: The embedded engine

def memory():
    def case():
        with folder() as place:
            line(sqlite, "fill", "--dir", place, "--messages", DRAINED)
            result = line(sqlite, "drain", "--dir", place, "--messages", DRAINED)
        assert once(result), result
        results.add("drain", result)

    in_turn([case], rounds)
    table([f"a worker that drains {DRAINED:,} jobs", "MB"], [
        [name, results.text("drain", key, 1)] for name, key in [
            ("at 10 %", "mb_at_10"), ("at 100 %", "mb_at_100"), ("the most", "mb_most")]])
    growth = results.median("drain", "mb_at_100") - results.median("drain", "mb_at_10")
    print(f"\nThe most: {goal(results.median('drain', 'mb_most'), 100, unit='MB')}. From 10 % to 100 %: {growth:+.1f} MB.")


def peers():
    def peer(name):
        def case():
            with folder() as place:
                result = line(python, QUEUES, name, f"{place}/queue.db", PEER_JOBS)
            assert once(result), result
            results.add(name, result)

        return case

    ours = [run("100 publishers, 100 handlers", once, sqlite, "cycle", "--messages", JOBS),
            run("1 publisher", once, sqlite, "cycle", "--publishers", 1, "--messages", PEER_JOBS)]
    in_turn([*ours, *map(peer, PEERS)], rounds)
    best = max(PEERS, key=lambda name: results.median(name, "per_s"))
    ratio = results.ratio("100 publishers, 100 handlers", best, "per_s")
    table(["full cycle, FULL", "jobs/s", "CPU s per 100,000", "beside the fastest of the others"], [
        [name, results.text(name, "per_s", 0), results.text(name, "cpu_s_per_100k"),
         goal(ratio, 10, at_least=True) if name.startswith("100") else f"{results.ratio(name, best, 'per_s'):.2f} ×"]
        for name in ["100 publishers, 100 handlers", "1 publisher", *PEERS]])


def options():
    def pair(extra):
        def check(wanted):
            return lambda result: once(result) and (result["records"] >= result["n"]) == wanted

        return [
            run(f"without {extra}", check(False), sqlite, "cycle"),
            run(f"with {extra}", check(extra in ("tracing", "unsampled", "metrics", "all")), sqlite, "cycle", "--extra", extra)]

    in_turn([case for extra in EXTRAS for case in pair(extra)], rounds + 4)
    table(["", "without: jobs/s", "with", "", "without: CPU s per 100,000", "with", ""], [
        [extra, *(text for key, digits in (("per_s", 0), ("cpu_s_per_100k", 2)) for text in (
            results.text(f"without {extra}", key, digits), results.text(f"with {extra}", key, digits),
            slower(f"without {extra}", f"with {extra}", 10) if key == "per_s"
            else f"{results.paired(f'with {extra}', f'without {extra}', key):.2f} ×"))]
        for extra in EXTRAS])


def debounce():
    whole, longest = "put off by 2 s each time", "1.5 s after the first at the latest"
    in_turn([
        debounced(results, whole, sqlite, 2, 240, lambda result: result["runs"] == 1),
        debounced(results, longest, sqlite, 5, 1.5, lambda result: result["first_run_s"] < 2.5),
    ], rounds)
    table(["10,000 publishes with one key from 8 processes", "runs", "first run after s", "last run after the last publish s"], [
        [name, *(results.text(name, key, digits) for key, digits in (("runs", 0), ("first_run_s", 2), ("after_last_s", 2)))]
        for name in (whole, longest)])


CASES = {case.__name__: case for case in (outbox, latency, idle, memory, peers, options, debounce)}
if unknown := set(chosen) - set(CASES):
    sys.exit(f"no case {', '.join(sorted(unknown))}: there are {', '.join(CASES)}")
print(f"Medians of {rounds} alternating rounds (min–max).")
for name in chosen or CASES:
    CASES[name]()
