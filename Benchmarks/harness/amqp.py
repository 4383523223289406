"""The AMQP client beside rabbitmq-c, Go's amqp091 and the floor, on one broker.

python3 -m harness.amqp FOLDER_OF_PEERS AMQP_BENCH ROUNDS [CASE …]
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from harness.broker import Broker
from harness.measuring import Results, goal, in_turn, line, table
from harness.memory import Watch, resident_mb

QUEUE, WARM, WINDOW, SIZE = "bench", 5000, 256, 128
COUNT = int(os.environ.get("COUNT", 100_000))
ONE_BY_ONE = max(COUNT // 25, 200)
LATENCY_RATE, LATENCY_COUNT = 500, max(COUNT // 40, 500)
STALL_COUNT = COUNT * 10

peers, ours, rounds = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
chosen = sys.argv[4:] or ["publish", "consume", "one", "latency", "calls", "stall"]
rabbitmq_c, floor, go = peers / "rabbitmq_c", peers / "amqp_floor", peers / "amqp091"
results = Results()


def reset(*options):
    subprocess.run([ours, "reset", str(broker.port), QUEUE, *options], check=True)


def depth():
    return int(subprocess.run([ours, "depth", str(broker.port), QUEUE], check=True, stdout=subprocess.PIPE).stdout)


def load(count, warm=WARM, window=WINDOW):
    return [broker.port, QUEUE, count, warm, window, SIZE]


def fill(count):
    line(rabbitmq_c, "publish", *load(count, 0, 1000))


def measured(case, expected, *command):
    before = broker.cpu
    result = line(*command)
    result["server_cpu"] = broker.cpu - before
    found = depth()
    # RabbitMQ 3.10 takes back acknowledgements of peers that close right after them, see the README. Ours must be exact.
    if found != expected and not case.startswith("ours"):
        print(f"  {case}: {found} messages in the queue, should be {expected}", flush=True)
    else:
        assert found == expected, f"{case}: {found} messages in the queue, should be {expected}"
    results.add(case, result)


def publishing(name, *command, count=COUNT, warm=WARM, window=WINDOW):
    def run():
        reset()
        measured(name, count + warm, *command, *load(count, warm, window))

    return run


def consuming(name, *command):
    def run():
        reset()
        fill(COUNT + WARM)
        measured(name, 0, *command, *load(COUNT))

    return run


def latency(name, *command):
    def run():
        reset()
        measured(name, 0, *command, *load(LATENCY_COUNT, LATENCY_COUNT // 10, LATENCY_RATE))

    return run


def system_calls(name, command, count):
    """By strace, which slows the client down; a slow client gathers more, so perf counts too where it is allowed to."""

    def run():
        reset()
        if "consume" in command:
            fill(count + WARM)
        arguments = [str(part) for part in [*command, *load(count)]]
        with tempfile.NamedTemporaryFile("r") as out:
            line("strace", "-c", "-f", "-o", out.name, *arguments)
            counts = {}
            for row in out.read().splitlines():
                if match := re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", row):
                    counts[match[2]] = int(match[1]) / (count + WARM)
        total = counts.pop("total")
        most = sorted(counts.items(), key=lambda item: -item[1])[:4]
        result = {"strace": total, "most": ", ".join(f"{call} {number:.2f}" for call, number in most)}
        reset()
        if "consume" in command:
            fill(count + WARM)
        perf = subprocess.run(
            ["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", *arguments], stderr=subprocess.PIPE, text=True,
            stdout=subprocess.DEVNULL,
        )
        if match := re.search(r"^(\d+),,raw_syscalls", perf.stderr, re.M):
            result["perf"] = int(match[1]) / (count + WARM)
        results.add(name, result)

    return run


def stall():
    """A million confirmed publishes by 1,000 tasks, while the broker freezes every few seconds."""
    reset("--keep", "1000")
    command = [ours, "publish", *map(str, load(STALL_COUNT)), "--tasks", "1000"]
    client = subprocess.Popen(command, stdout=subprocess.PIPE)
    time.sleep(1)
    before = resident_mb(client.pid)
    stalls = 0
    with Watch(client.pid) as memory:
        while client.poll() is None:
            time.sleep(4)
            if client.poll() is None and stalls < 5:
                broker.pause()
                time.sleep(3)
                broker.resume()
                stalls += 1
    assert client.returncode == 0, "the client failed"
    results.add("stall", {
        "n": STALL_COUNT, "stalls": stalls, "grown_mb": memory.peak - before, "peak_mb": memory.peak})


C, GO = "rabbitmq-c", "amqp091-go"
TASKS, BATCH, SETTLE = "ours, 256 tasks awaiting each", "ours, batches of 100", "ours, awaiting each"
# The same by tasks that run on the connection's event loop.
ON_LOOP, LOOP = ", on the loop", "--on-loop"
CASES = {
    "publish": [
        publishing("floor publish", floor, "publish"),
        publishing(f"{C} publish", rabbitmq_c, "publish"),
        publishing(TASKS, ours, "publish"),
        publishing(f"{GO} publish", go, "publish"),
        publishing(BATCH, ours, "batch"),
        publishing(TASKS + ON_LOOP, ours, "publish", LOOP),
        publishing(BATCH + ON_LOOP, ours, "batch", LOOP),
    ],
    "consume": [
        consuming("floor consume", floor, "consume"),
        consuming(f"{C} consume", rabbitmq_c, "consume"),
        consuming(SETTLE, ours, "consume"),
        consuming(f"{GO} consume", go, "consume"),
        consuming(SETTLE + ON_LOOP, ours, "consume", LOOP),
    ],
    "one": [
        publishing(f"{C} one", rabbitmq_c, "publish", count=ONE_BY_ONE, warm=100, window=1),
        publishing("ours one", ours, "publish", count=ONE_BY_ONE, warm=100, window=1),
        publishing(f"{GO} one", go, "publish", count=ONE_BY_ONE, warm=100, window=1),
        publishing(f"ours one{ON_LOOP}", ours, "publish", LOOP, count=ONE_BY_ONE, warm=100, window=1),
    ],
    "latency": [
        latency(f"{GO} latency", go, "latency"),
        latency("ours latency", ours, "latency"),
        latency(f"ours latency{ON_LOOP}", ours, "latency", LOOP),
    ],
}
# Not repeated: these hardly move.
ONCE = {
    "calls": [
        system_calls("calls 256 tasks", [ours, "publish"], COUNT),
        system_calls("calls batch", [ours, "batch"], COUNT),
        system_calls("calls consume", [ours, "consume"], COUNT),
        system_calls(f"calls {C}", [rabbitmq_c, "publish"], COUNT // 4),
        system_calls(f"calls {C} consume", [rabbitmq_c, "consume"], COUNT // 4),
    ],
    "stall": [stall],
}


def throughput(title, clients, goals):
    """One table: clients, then ours with its goal of processor time beside rabbitmq-c."""
    base, fastest = clients[1], max(clients[1:], key=lambda case: results.median(case, "per_s"))
    rows = []
    for case in [*clients, *goals]:
        row = [case, results.text(case, "per_s", 0), results.text(case, "cpu_s_per_100k"),
               f"{results.median(case, 'server_cpu'):.2f}", f"{results.ratio(case, base, 'cpu_s_per_100k'):.2f}", ""]
        if case in goals:
            row[4] = goal(results.ratio(case, base, "cpu_s_per_100k"), goals[case])
            row[5] = goal(results.ratio(case, fastest, "per_s"), 0.85, at_least=True)
        rows.append(row)
    table([title, "messages/s", "client CPU s per 100,000", "server CPU s", f"CPU beside {C}",
           "speed beside the fastest client"], rows)


def print_tables():
    print(f"\nRabbitMQ {broker.version}, one node, quorum queue, persistent, {SIZE} bytes, window and prefetch {WINDOW}, "
          f"{COUNT:,} messages a run. Medians of {rounds} alternating rounds (min–max).")
    if "publish" in chosen:
        throughput("confirmed publish", ["floor publish", f"{C} publish", f"{GO} publish"], {
            TASKS: 0.65, TASKS + ON_LOOP: 0.5, BATCH: 0.25, BATCH + ON_LOOP: 0.2})
    if "consume" in chosen:
        throughput("consume and settle each", ["floor consume", f"{C} consume", f"{GO} consume"], {
            SETTLE: 0.65, SETTLE + ON_LOOP: 0.5})
    if "one" in chosen:
        table(["one confirm at a time", "messages/s", "client CPU s per 100,000", f"beside {C}"], [
            [case, results.text(case, "per_s", 0), results.text(case, "cpu_s_per_100k"), ratio]
            for case, ratio in [
                (f"{C} one", "1"), (f"{GO} one", f"{results.ratio(f'{GO} one', f'{C} one', 'per_s'):.2f}"),
                *((case, goal(results.ratio(case, f"{C} one", "per_s"), 0.9, at_least=True))
                  for case in ("ours one", f"ours one{ON_LOOP}"))]])
    if "latency" in chosen:
        base, mine = f"{GO} latency", ["ours latency", f"ours latency{ON_LOOP}"]
        table([f"publish → delivery, {LATENCY_RATE} a second", "p50 ms", "p99 ms", "max ms", "p50 beside Go",
               "p99 beside Go"], [
            [case, *(results.text(case, key) for key in ("p50_ms", "p99_ms", "max_ms")),
             *(goal(results.ratio(case, base, key), limit) if case in mine else ""
               for key, limit in (("p50_ms", 1.1), ("p99_ms", 1.3)))] for case in [base, *mine]])
    if "calls" in chosen:
        table(["system calls a message, start of the process included", "strace -c -f", "perf", "most of them"], [
            [case.removeprefix("calls "),
             f"{result['strace']:.2f}" if C in case else goal(result["strace"], 0.3, unit=""),
             f"{result['perf']:.2f}" if "perf" in result else "–", result["most"]]
            for case, rows in results.rounds.items() if case.startswith("calls ") for result in rows])
    if "stall" in chosen:
        result = results.rounds["stall"][0]
        table(["memory through a broker that stalls", "messages", "stalls of 3 s", "growth", "peak MB"], [
            ["ours, 1,000 tasks awaiting each", f"{result['n']:,}", str(result["stalls"]),
             goal(result["grown_mb"], 50, unit="MB"), f"{result['peak_mb']:.0f}"]])


with Broker() as broker:
    in_turn([case for group in chosen for case in CASES.get(group, [])], rounds)
    for group in chosen:
        for case in ONCE.get(group, []):
            case()
    print_tables()
