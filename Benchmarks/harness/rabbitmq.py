"""The whole of Warren on RabbitMQ, beside a bare pair of rabbitmq-c and beside other job systems, on one broker.

python3 -m harness.rabbitmq FOLDER_OF_PEERS RABBITMQ_BENCH AMQP_BENCH ROUNDS [CASE …]
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from harness.broker import Broker
from harness.jobs import Jobs
from harness.measuring import Results, goal, in_turn, line, table
from harness.memory import Watch

peers, ours, amqp, rounds = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
chosen = sys.argv[5:] or ["cycle", "workers", "enqueue", "delays", "outage"]
COUNT = int(os.environ.get("COUNT", 100_000))
JOBS = max(COUNT // 5, 500)
ONE_BY_ONE = max(COUNT // 20, 200)
OUTAGE, RATE = int(os.environ.get("OUTAGE", 60)), 500
NOTED_SIDEKIQ = 7.5  # CPU seconds for 100,000 jobs, measured earlier on the same kind of machine
DRAMATIQ = ["bench-dramatiq", "bench-dramatiq.DQ", "bench-dramatiq.XQ"]
QUEUES = ["bench", "bench.dlq", "warren.suspect.bench", "bench-celery", *DRAMATIQ]
results = Results()


def clean():
    for queue in QUEUES:
        subprocess.run([amqp, "delete", str(broker.port), queue], check=True)


def depth(queue="bench"):
    out = subprocess.run([amqp, "depth", str(broker.port), queue], check=True, stdout=subprocess.PIPE).stdout
    return int(out)


def bench(*arguments, traced=False, timeout=300):
    return line(ours, *arguments, "--broker", broker.url, *(["--traced"] if traced else []), timeout=timeout)


def add(case, result):
    assert result.get("handled", result["n"]) == result["n"], f"{case}: not all were handled: {result}"
    results.add(case, result)


# ---- the full cycle


def pair():
    clean()
    subprocess.run([amqp, "reset", str(broker.port), "bench"], check=True)
    add("pair", line(peers / "rabbitmq_c", "pair", broker.port, "bench", COUNT, 0, 100, 128))
    assert depth() == 0, "the pair left something behind"


def cycle(name, traced):
    def run():
        clean()
        add(name, bench("cycle", "--messages", COUNT, traced=traced))
        assert depth() == 0, "a settled job came back"

    return run


def two_processes():
    clean()
    arguments = ["--messages", str(COUNT), "--broker", broker.url]
    bench("enqueue", "--messages", 1)
    subprocess.run([amqp, "purge", str(broker.port), "bench"], check=True)
    worker = subprocess.Popen([ours, "work", *arguments], stdout=subprocess.PIPE)
    time.sleep(1)
    published = line(ours, "enqueue", *arguments)
    handled = json.loads(worker.communicate(timeout=120)[0].splitlines()[-1])
    secs = handled["end"] - published["begin"]
    cpu = published["cpu_s_per_100k"] + handled["cpu_s_per_100k"]
    add("two processes", {**handled, "secs": secs, "per_s": COUNT / secs, "cpu_s_per_100k": cpu})


# ---- workers alone


def ours_draining(name, traced):
    def run():
        clean()
        bench("enqueue", "--messages", JOBS, traced=traced)
        add(name, bench("work", "--messages", JOBS, traced=traced))
        assert depth() == 0, "a settled job came back"

    return run


def peer_draining(system):
    def run():
        clean()
        jobs.enqueue(system, JOBS)
        add(system, jobs.drain(system, JOBS))

    return run


def sidekiq():
    if result := jobs.sidekiq(JOBS):
        add("sidekiq", result)


# ---- enqueueing alone


def enqueueing(name, tasks, count):
    def run():
        clean()
        add(name, bench("enqueue", "--messages", count, "--publishers", tasks))

    return run


def dramatiq_confirmed():
    clean()
    add("dramatiq one", jobs.enqueue("dramatiq", ONE_BY_ONE, confirms=True))


# ---- delays and outages


def delays():
    clean()
    results.add("delays", bench("delays", "--messages", COUNT, timeout=600))


def outage(kind, begin, end):
    """The broker goes away for a minute; the application goes on publishing."""

    def run():
        clean()
        with tempfile.TemporaryDirectory(prefix="warren-bench.") as folder:
            stored, handled = f"{folder}/stored", f"{folder}/handled"
            common = ["--broker", broker.url, "--log"]
            publisher = subprocess.Popen(
                [ours, "steady", "--rate", str(RATE), "--seconds", str(OUTAGE + 40), *common, stored],
                stdout=subprocess.PIPE)
            worker = subprocess.Popen([ours, "serve", *common, handled], stdout=subprocess.PIPE)
            time.sleep(10)
            with Watch(publisher.pid) as publishing, Watch(worker.pid) as working:
                time.sleep(2)
                calm = publishing.peak, working.peak
                begin()
                time.sleep(OUTAGE)
                end()
                out = json.loads(publisher.communicate(timeout=120)[0])
                while depth():
                    time.sleep(0.2)
                time.sleep(1)
            worker.send_signal(signal.SIGTERM)
            done = json.loads(worker.communicate(timeout=60)[0])
            assert publisher.returncode == 0 and worker.returncode == 0, "a process failed"
            lost = set(pathlib.Path(stored).read_text().split()) - set(pathlib.Path(handled).read_text().split())
        results.add(kind, {
            **out, **done, "lost": len(lost), "publisher_mb": publishing.peak, "worker_mb": working.peak,
            "publisher_grown": publishing.peak - calm[0], "worker_grown": working.peak - calm[1]})

    return run


# What is measured, and how many jobs a second it should reach beside the pair.
CYCLES = {
    "cycle": ("ours, one process", 0.75), "traced cycle": ("ours, one process, traced", 0.65),
    "two processes": ("ours, two processes", 0.75)}
DRAINS = {"drain": "ours", "traced drain": "ours, traced"}
PEERS = {"celery": 8, "dramatiq": 8, "sidekiq": 3}
CASES = {
    "cycle": [pair, cycle("cycle", False), cycle("traced cycle", True), two_processes],
    "workers": [
        ours_draining("drain", False), ours_draining("traced drain", True), peer_draining("celery"),
        peer_draining("dramatiq"), sidekiq],
    "enqueue": [
        enqueueing("enqueue 100", 100, COUNT), enqueueing("enqueue 1", 1, ONE_BY_ONE), dramatiq_confirmed],
}


def print_cycle():
    table(["enqueue → handle → settle, 100 in flight", "jobs/s", "CPU s per 100,000", "beside the pair"], [
        ["rabbitmq-c, publish-confirm and consume-ack", results.text("pair", "per_s", 0),
         results.text("pair", "cpu_s_per_100k"), "1"]] + [
        [name, results.text(case, "per_s", 0), results.text(case, "cpu_s_per_100k"),
         goal(results.ratio(case, "pair", "per_s"), least, at_least=True)] for case, (name, least) in CYCLES.items()])


def print_workers():
    def cpu(case):
        return results.median(case, "cpu_s_per_100k") / 10 if case in results else NOTED_SIDEKIQ / 10

    table(["a worker that drains a queue", "jobs/s", "CPU s for 10,000"] + list(PEERS), [
        [name, results.text(case, "per_s", 0), f"{cpu(case):.3f}",
         *(goal(cpu(case) / cpu(peer), 1 / part) for peer, part in PEERS.items())] for case, name in DRAINS.items()] + [
        [peer, results.text(peer, "per_s", 0) if peer in results else "noted earlier", f"{cpu(peer):.2f}", "", "", ""]
        for peer in PEERS])


def print_enqueue():
    def row(name, case, limit):
        ratio = results.ratio(case, "dramatiq one", "per_s")
        return [name, results.text(case, "per_s", 0), results.text(case, "cpu_s_per_100k"),
                goal(ratio, limit, at_least=True) if limit else "1"]

    table(["enqueue with confirms", "jobs/s", "CPU s per 100,000", "beside Dramatiq"], [
        row("Dramatiq, one at a time", "dramatiq one", None), row("ours, one at a time", "enqueue 1", 1),
        row("ours, 100 tasks awaiting each", "enqueue 100", 10)])


def print_delays():
    head = [f"{COUNT:,} jobs due in 1–60 s", "late p50 ms", "late p99 ms", "max ms", "earliest ms", "early", "lost",
            "repeats", "refused, tried again", "enqueued/s"]
    (result,) = results.rounds["delays"]
    counts = [str(result[key]) for key in ("early", "lost", "repeats", "refused")]
    table(head, [[
        "ours", f"{result['p50_ms']:.0f}", goal(result["p99_ms"], 250, unit="ms"), f"{result['max_ms']:.0f}",
        f"{result['earliest_ms']:.1f}", *counts, f"{result['enqueue_per_s']:,.0f}"]])


def print_outage():
    head = [f"{RATE} jobs a second through {OUTAGE} s of", "stored", "refused", "longest call", "stored and lost",
            "repeats", "publisher", "worker"]
    table(head, [[
        kind, f"{result['stored']:,} of {result['n']:,}",
        ", ".join(f"{code} {count:,}" for code, count in sorted(result["failed"].items())) or "none",
        f"{result['longest_ms'] / 1000:.1f} s", str(result["lost"]), str(result["repeats"]),
        f"+{result['publisher_grown']:.0f} MB to {result['publisher_mb']:.0f}",
        f"+{result['worker_grown']:.0f} MB to {result['worker_mb']:.0f}"]
        for kind in ("frozen", "killed") for result in results.rounds[kind]])


PRINTS = {"cycle": print_cycle, "workers": print_workers, "enqueue": print_enqueue, "delays": print_delays,
          "outage": print_outage}

with Broker() as broker:
    jobs = Jobs(peers, broker.url)
    in_turn([case for group in chosen for case in CASES.get(group, [])], rounds)
    if "delays" in chosen:
        delays()
    if "outage" in chosen:
        outage("frozen", broker.pause, broker.resume)()
        outage("killed", broker.kill, broker.restart)()
    print(f"\nRabbitMQ {broker.version}, one node, quorum queues, {COUNT:,} jobs a run. "
          f"Medians of {rounds} alternating rounds (min–max).")
    for group in chosen:
        PRINTS[group]()
