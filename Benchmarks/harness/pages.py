"""What the dashboard's pages cost when much is there.

python3 -m harness.pages PAGES_BENCH WARREN sqlite|rabbitmq

Fills a file with 1,000 queues, 1,000,000 waiting messages and 200,000 dead letters, or a RabbitMQ with 100 queues and 100,000 dead
letters; asks `warren dashboard` for every page 20 times over one connection; on SQLite it goes through all dead letters a page at a time,
counts each once, and replays them all. QUEUES, WAITING and LETTERS take other numbers.
"""
import http.client
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from harness.broker import Broker
from harness.measuring import line, table

bench, warren, engine = sys.argv[1:4]
QUEUES, WAITING, LETTERS = (
    int(os.environ.get(name, number)) for name, number in zip(
        ("QUEUES", "WAITING", "LETTERS"), (1000, 1_000_000, 200_000) if engine == "sqlite" else (100, 20_000, 100_000)))
TIMES, MILLISECONDS, BYTES, STREAMS = 20, 100, 200_000, 200
QUEUE = "work.7"
PAGES = {
    "overview": "/", "queues": "/queues", "queues, searched": "/queues?q=work.77", "a queue": f"/queue?name={QUEUE}",
    "its messages": f"/messages?queue={QUEUE}", "dead letters": "/dead-letters", "of one queue": f"/dead-letters?origin={QUEUE}",
    "by an error": "/dead-letters?error=Payment", "by a search": "/dead-letters?q=error~mail+data.booking%3D42",
    "that match nothing": "/dead-letters?error=nothing-of-the-kind", "before a replay of all": "/dead-letters/all?do=replay",
    "deleted": "/dead-letters/deleted", "failures": "/failures", "workers": "/workers", "topology": "/topology",
    "schedules": "/schedules", "outbox": "/outbox", "broker": "/broker", "doctor": "/broker?look=all", "operations": "/operations",
    "audit": "/audit", "a new job": f"/queue/job?name={QUEUE}",
}


class Unable(Exception):
    """The engine cannot do what the page is about."""


class Dashboard:
    """`warren dashboard` in a process of its own."""

    def __init__(self, url):
        self.process = subprocess.Popen([warren, "--broker", url, "dashboard", "--port", "0"], stderr=subprocess.PIPE, text=True)
        said = self.process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", said)
        assert found, said
        self.port = int(found[1])
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def ask(self, path, body=None):
        headers = {"Content-Type": "application/json"} if body else {}
        self.connection.request("POST" if body else "GET", path, json.dumps(body) if body else None, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status == 501:
            raise Unable(path)
        assert answer.status < 400, (path, answer.status, text[:300])
        return text

    def json(self, path, body=None):
        return json.loads(self.ask("/api/v1/" + path, body))

    @property
    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def mb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(row.split()[1]) for row in status.splitlines() if row.startswith("VmRSS")) / 1024

    def stop(self):
        self.connection.close()
        self.process.terminate()
        self.process.wait(60)


def links(dashboard):
    """A single message and a single dead letter, as the pages name them."""
    pages = dict(PAGES)
    for name, pattern, path in (
            ("a message", r'href="(/message\?[^"]*)"', PAGES["its messages"]),
            ("a dead letter", r'href="(/dead-letter\?[^"]*)"', PAGES["of one queue"])):
        try:
            found = re.findall(pattern, dashboard.ask(path).decode())
        except Unable:
            continue
        if found:
            pages[name] = found[0].replace("&amp;", "&")
    return pages


def pages(dashboard):
    rows, missed = [], 0
    for name, path in links(dashboard).items():
        try:
            dashboard.ask(path)
        except Unable:
            continue
        times, size, whole = [], 0, []
        for _ in range(TIMES):
            opened = time.perf_counter()
            while True:
                begin = time.perf_counter()
                page = dashboard.ask(path)
                times.append((time.perf_counter() - begin) * 1000)
                size = max(size, len(page))
                if b'http-equiv="refresh"' not in page:
                    break
                time.sleep(0.2)
            whole.append(time.perf_counter() - opened)
            # One that looks through everything is asked for as often as its browser asks while it waits.
            if whole[-1] > 1 and len(times) >= TIMES:
                break
        median = statistics.median(times)
        met = median < MILLISECONDS and size < BYTES
        missed += not met
        after = f"{statistics.median(whole):.1f}" if statistics.median(whole) > 0.2 else ""
        rows.append([name, f"{median:.1f}", f"{max(times):.0f}", f"{size / 1000:.0f}", after, "" if met else "**missed**"])
        print(f"  {name}: {median:.1f} ms, {size:,} bytes, {after}", file=sys.stderr, flush=True)
    table(["page", "median ms", "most ms", "kB", "shows its progress for s", f"< {MILLISECONDS} ms, < {BYTES // 1000} kB"], rows)
    return missed


def streams(dashboard):
    """What open pages cost in a second: none, one, and many."""
    rows, opened = [], []
    for count in (0, 1, STREAMS):
        while len(opened) < count:
            connection = http.client.HTTPConnection("127.0.0.1", dashboard.port, timeout=60)
            connection.request("GET", "/stream?page=")
            opened.append((connection, connection.getresponse()))
        time.sleep(3)
        before = dashboard.cpu
        time.sleep(10)
        rows.append([str(count), f"{(dashboard.cpu - before) * 100:.0f}", f"{dashboard.mb:.0f}"])
    for connection, _ in opened:
        connection.close()
    table(["open pages whose browser reads nothing", "CPU ms a second", "MB"], rows)


def walk(dashboard):
    """Through all dead letters, a page at a time: each is there once."""
    begin, seen, after = time.monotonic(), set(), None
    while True:
        page = dashboard.json("dead-letters?limit=500" + (f"&after={after}" if after is not None else ""))
        seen.update((letter["id"], letter["queue"]) for letter in page["deadLetters"])
        after = page.get("next")
        if after is None:
            break
    assert len(seen) == LETTERS, f"{len(seen)} of {LETTERS} dead letters were reached"
    print(f"\nAll {len(seen):,} dead letters were reached, 500 a page, in {time.monotonic() - begin:.1f} s.")


def replay(dashboard):
    """Replays all of them, as the button does."""
    count = dashboard.json("dead-letters/count")
    assert count["count"] == LETTERS, count
    begin = time.monotonic()
    identity = dashboard.json(
        "dead-letters/all", {"do": "replay", "count": str(count["count"]), "until": str(count["until"])})["operation"]
    while (operation := dashboard.json(f"operation?id={identity}"))["state"] == "running":
        assert time.monotonic() - begin < 1200, operation
        time.sleep(1)
    left = dashboard.json("dead-letters/count")["count"]
    ready = sum(queue["ready"] for queue in dashboard.json("queues"))
    assert operation["done"] == LETTERS and left == 0 and ready == WAITING + LETTERS, (operation, left, ready)
    print(f"All were replayed in {time.monotonic() - begin:.1f} s; {ready:,} messages wait, no dead letter is left.")


def measure(url):
    filled = line(bench, "--broker", url, "--queues", QUEUES, "--waiting", WAITING, "--letters", LETTERS, timeout=1800)
    print(f"{QUEUES:,} queues, {WAITING:,} waiting messages, {LETTERS:,} dead letters, filled in {filled['secs']:.0f} s.", flush=True)
    dashboard = Dashboard(url)
    try:
        missed = pages(dashboard)
        streams(dashboard)
        if engine == "sqlite":  # RabbitMQ reads dead letters by taking them, 500 of all queues as slowly as all
            walk(dashboard)
            replay(dashboard)
        print(f"The dashboard holds {dashboard.mb:.0f} MB at the end; {missed or 'no'} page{'s' * (missed != 1)} missed the goal.")
    finally:
        dashboard.stop()


if engine == "sqlite":
    with tempfile.TemporaryDirectory(prefix="warren-pages-") as folder:
        measure(f"sqlite:{folder}/broker.db")
else:
    with Broker() as broker:
        measure(f"{broker.url}?management={broker.management}")
