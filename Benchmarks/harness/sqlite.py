"""The embedded engine beside what SQLite itself allows on this disk.

python3 -m harness.sqlite SQLITE_BENCH SQLITE_LIMITS ROUNDS
"""
import subprocess
import sys
import tempfile

from harness.measuring import Results, in_turn, last, line, table

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
    results.add("latency, two processes", last(out))


CYCLES = [
    ("limit FULL 100", None),
    ("100 publishers, 100 handlers", "limit FULL 100"),
    ("4 publishers of batches of 100", "limit FULL 100"),
    ("limit FULL 1", None),
    ("1 publisher, 100 handlers", "limit FULL 1"),
    ("limit NORMAL 100", None),
    ("100 publishers, NORMAL", "limit NORMAL 100"),
]


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
