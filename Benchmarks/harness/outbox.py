"""What an outbox costs beside the plain insert of the same rows.

python3 -m harness.outbox OUTBOX_BENCH ROUNDS
"""
import sys
import tempfile

from harness.measuring import Results, goal, in_turn, line, table

bench, rounds = sys.argv[1], int(sys.argv[2])
results = Results()


def ours(name, *arguments):
    def run():
        with tempfile.TemporaryDirectory(prefix="warren-bench.") as place:
            result = line(bench, *arguments, "--folder", place)
        if "handled" in result:
            assert result["handled"] == result["n"] and result["twice"] == 0, f"not each handled once: {result}"
        results.add(name, result)

    return run


in_turn([
    ours("plain insert", "plain"),
    ours("insert with event", "plain", "--with-event"),
    ours("commit, relay, handle", "cycle"),
    ours("commit, relay, handle with inbox", "cycle", "--inbox"),
    ours("latency", "latency"),
    ours("idle", "idle", "--seconds", "5"),
], rounds)

print(f"\nMedians of {rounds} alternating rounds (min–max).")
table(["100 writers, FULL", "per second", "CPU s per 100,000"], [
    [name, results.text(name, "per_s", 0), results.text(name, "cpu_s_per_100k")]
    for name in ["plain insert", "insert with event", "commit, relay, handle", "commit, relay, handle with inbox"]])
slower = 1 - results.ratio("insert with event", "plain insert", "per_s")
print(f"\nWhat the event takes from the insert's pace: {goal(slower * 100, 20, unit='%')}")
print("Commit, relay, handle: "
      + goal(results.median("commit, relay, handle", "per_s") / 1000, 10, at_least=True, unit="thousand a second"))
print(f"Latency at 100 a second: p50 {results.text('latency', 'p50_ms')} ms, p99 {results.text('latency', 'p99_ms')} ms")
print(f"A worker and a relay that have nothing to do: {results.text('idle', 'cpu_ms_per_s')} ms of CPU a second.")
