"""The embedded engine beside what SQLite itself allows on this disk.

python3 -m harness.sqlite SQLITE_BENCH SQLITE_LIMITS ROUNDS
"""
import json
import subprocess
import sys
import tempfile
import time

from harness.measuring import Results, in_turn, line, table

bench, limits, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
results = Results()


def folder():
    return tempfile.TemporaryDirectory(prefix="warren-bench.")


def ours(name, *arguments):
    def run():
        with folder() as place:
            result = line(bench, *arguments, "--dir", place)
        # With jobs that wait before these, others are under way when as many were handled.
        if "handled" in result and not result["waiting"]:
            assert result["handled"] == result["n"] and result["left"] == 0, f"not each handled once: {result}"
        results.add(name, result)

    return run


def limit(sync, batch):
    def run():
        with folder() as place:
            results.add(f"limit {sync} {batch}", line(limits, place, sync, batch, 2))

    return run


def across():
    """Latency between two processes."""
    with folder() as place:
        worker = subprocess.Popen(
            [bench, "latency", "--role", "work", "--dir", place], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        worker.stderr.readline()
        subprocess.run([bench, "latency", "--role", "publish", "--dir", place], check=True, timeout=120)
        out, _ = worker.communicate(timeout=60)
    results.add("latency, two processes", json.loads(out.splitlines()[-1]))


CYCLES = [
    ("limit FULL 100", None),
    ("100 publishers, 100 handlers", "limit FULL 100"),
    ("4 publishers of batches of 100", "limit FULL 100"),
    ("limit FULL 1", None),
    ("1 publisher, 100 handlers", "limit FULL 1"),
    ("limit NORMAL 100", None),
    ("100 publishers, NORMAL", "limit NORMAL 100"),
]

def debounced(name, delay, longest, expect):
    """10,000 publishes with one key from 8 processes."""
    def run():
        with folder() as place:
            command = [bench, "debounce", "--dir", place, "--delay", str(delay), "--longest", str(longest)]
            worker = subprocess.Popen(
                [*command, "--role", "work"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            worker.stderr.readline()
            publishers = [
                subprocess.Popen([*command, "--role", "publish", "--process", str(n)], stdout=subprocess.PIPE) for n in range(8)]
            times = [json.loads(publisher.communicate(timeout=240)[0].splitlines()[-1]) for publisher in publishers]
            time.sleep(delay + 2)
            out, _ = worker.communicate(timeout=60)
        result = json.loads(out.splitlines()[-1])
        begin, end = min(t["first"] for t in times), max(t["last"] for t in times)
        result["published_s"] = end - begin
        result["first_run_s"] = result.pop("first") - begin
        result["after_last_s"] = result.pop("last") - end
        # The last run has the last content: that of the last publish of one of the processes.
        assert result["left"] == 0 and result["number"] == 1249 and expect(result), result
        results.add(name, result)

    return run


in_turn([
    limit("FULL", 100),
    ours("100 publishers, 100 handlers", "cycle"),
    limit("FULL", 1),
    ours("1 publisher, 100 handlers", "cycle", "--publishers", "1", "--messages", "10000"),
    ours("4 publishers of batches of 100", "cycle", "--publishers", "4", "--batch", "100"),
    limit("NORMAL", 100),
    ours("100 publishers, NORMAL", "cycle", "--synchronous", "NORMAL"),
    ours("1,000,000 waiting", "cycle", "--waiting", "1000000"),
    ours("1,000 queues", "cycle", "--queues", "1000"),
    ours("latency, one process", "latency"),
    across,
    ours("idle", "idle", "--seconds", "5"),
    debounced("one key, put off by 2 s each time", 2, 240, lambda r: r["runs"] == 1),
    debounced("one key, 1.5 s after the first at the latest", 5, 1.5, lambda r: r["first_run_s"] < 2.5),
], rounds)

print(f"\nMedians of {rounds} alternating rounds (min–max).")
table(["full cycle, durable", "jobs/s", "of the limit", "CPU s per 100,000"], [
    [name, results.text(name, "per_s", 0), f"{results.ratio(name, base, 'per_s'):.2f}" if base else "1",
     results.text(name, "cpu_s_per_100k")] for name, base in CYCLES])
empty = "100 publishers, 100 handlers"
table(["full cycle beside other work", "jobs/s", "of an empty file's", "CPU s per 100,000"], [
    [name, results.text(name, "per_s", 0), f"{results.ratio(name, empty, 'per_s'):.2f}",
     results.text(name, "cpu_s_per_100k")] for name in [empty, "1,000,000 waiting", "1,000 queues"]])
table(["latency, 200 jobs a second", "p50 ms", "p99 ms", "max ms"], [
    [name, *(results.text(name, key) for key in ("p50_ms", "p99_ms", "max_ms"))]
    for name in ["latency, one process", "latency, two processes"]])
print(f"\nA worker that has nothing to do: {results.text('idle', 'cpu_ms_per_s')} ms of CPU a second.")
table(["10,000 publishes with one key from 8 processes, debounced", "runs of the handler", "first run after s", "last run after the last publish s"], [
    [name, *(results.text(name, key, digits) for key, digits in (("runs", 0), ("first_run_s", 2), ("after_last_s", 2)))]
    for name in results.rounds if name.startswith("one key")])
