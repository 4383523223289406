#!/usr/bin/env python3
"""Runs the embedded engine and the limits of SQLite in alternating rounds and prints medians and ratios.

run.py SQLITE_BENCH SQLITE_LIMITS ROUNDS
"""
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict

bench, limits, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
results = defaultdict(list)


def line(*command):
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=300).stdout
    return json.loads(out.splitlines()[-1])


def ours(name, *arguments):
    folder = tempfile.mkdtemp(prefix="warren-bench.")
    result = line(bench, *arguments, "--dir", folder)
    if "handled" in result:
        assert result["handled"] == result["n"] and result["left"] == 0, f"not each handled once: {result}"
    results[name].append(result)
    shutil.rmtree(folder)


def limit(sync, batch):
    folder = tempfile.mkdtemp(prefix="warren-bench.")
    results[f"limit {sync} {batch}"].append(line(limits, folder, sync, str(batch), "2"))
    shutil.rmtree(folder)


def across():
    """Latency between two processes."""
    folder = tempfile.mkdtemp(prefix="warren-bench.")
    worker = subprocess.Popen(
        [bench, "latency", "--role", "work", "--dir", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    worker.stderr.readline()
    subprocess.run([bench, "latency", "--role", "publish", "--dir", folder], check=True, timeout=120)
    out, _ = worker.communicate(timeout=60)
    results["latency, two processes"].append(json.loads(out.splitlines()[-1]))
    shutil.rmtree(folder)


for _ in range(rounds):
    limit("FULL", 100)
    ours("100 publishers, 100 handlers", "cycle")
    limit("FULL", 1)
    ours("1 publisher, 100 handlers", "cycle", "--publishers", "1", "--messages", "10000")
    ours("4 publishers of batches of 100", "cycle", "--publishers", "4", "--batch", "100")
    limit("NORMAL", 100)
    ours("100 publishers, NORMAL", "cycle", "--synchronous", "NORMAL")
    ours("latency, one process", "latency")
    across()
    ours("idle", "idle", "--seconds", "5")


def median(name, key):
    values = [result[key] for result in results[name]]
    low, high = min(values), max(values)
    return statistics.median(values), f"{statistics.median(values):,.2f} ({low:,.2f}–{high:,.2f})"


print(f"Medians of {rounds} alternating rounds (min–max).\n")
print("| full cycle, durable | jobs/s | of the limit | CPU s per 100,000 |\n|---|---|---|---|")
for name, base in [
    ("limit FULL 100", None),
    ("100 publishers, 100 handlers", "limit FULL 100"),
    ("4 publishers of batches of 100", "limit FULL 100"),
    ("limit FULL 1", None),
    ("1 publisher, 100 handlers", "limit FULL 1"),
    ("limit NORMAL 100", None),
    ("100 publishers, NORMAL", "limit NORMAL 100"),
]:
    ratio = f"{median(name, 'per_s')[0] / median(base, 'per_s')[0]:.2f}" if base else "1"
    print(f"| {name} | {median(name, 'per_s')[1]} | {ratio} | {median(name, 'cpu_s_per_100k')[1]} |")
print("\n| latency, 200 jobs a second | p50 ms | p99 ms | max ms |\n|---|---|---|---|")
for name in ["latency, one process", "latency, two processes"]:
    print(f"| {name} | {median(name, 'p50_ms')[1]} | {median(name, 'p99_ms')[1]} | {median(name, 'max_ms')[1]} |")
print(f"\nA worker that has nothing to do: {median('idle', 'cpu_ms_per_s')[1]} ms of CPU a second.")
