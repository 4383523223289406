"""How long the dashboard takes for a page, and what streams cost.

python3 -m harness.dashboard DASHBOARD_BENCH WARREN sqlite|rabbitmq
"""
import http.client
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

from harness.broker import Broker, TICKS
from harness.measuring import goal, line, table

bench, warren, engine = sys.argv[1:4]
ROUNDS = 20
STREAMS = 200


class Server:
    """`warren dashboard` on a free port, and one connection to it."""

    def __init__(self, broker, folder):
        self.process = subprocess.Popen(
            [warren, "dashboard", "--broker", broker, "--port", "0"], stderr=subprocess.PIPE, text=True,
            env={**os.environ, "HOME": folder, "XDG_STATE_HOME": folder})
        said = self.process.stderr.readline()
        self.port = int(re.search(r":(\d+)/", said)[1])
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def get(self, path):
        """The milliseconds that a page took, and the page."""
        begin = time.perf_counter()
        self.connection.request("GET", "/" + path)
        answer = self.connection.getresponse()
        page = answer.read()
        took = (time.perf_counter() - begin) * 1000
        if answer.status != 200:
            sys.exit(f"{path}: {answer.status} {page[:300]}")
        return took, page.decode()

    def stream(self, page=""):
        """A viewer of a live page, who reads the first of it."""
        viewer = socket.create_connection(("127.0.0.1", self.port))
        viewer.settimeout(60)
        viewer.sendall(f"GET /stream?page={page} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        viewer.recv(1024)
        return viewer

    @property
    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def memory(self):
        """Megabytes that are resident."""
        return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.process.pid}/status").read_text())[1]) / 1024

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def cpu_while(server, viewers, seconds=10):
    """Milliseconds of processor time a second while so many look on."""
    begin, end = server.cpu, time.monotonic() + seconds
    while time.monotonic() < end:
        for viewer in viewers:
            viewer.setblocking(False)
            try:
                while viewer.recv(1 << 16):
                    pass
            except BlockingIOError:
                pass
        time.sleep(0.25)
    return (server.cpu - begin) * 1000 / seconds


def measure(broker, folder):
    server = Server(broker, folder)
    try:
        pages = ["", "queues", "queue?queue=bench.0", "messages?queue=bench.1", "dead-letters", "dead-letters?filter=error~customer",
                 "failures", "workers", "topology", "broker", "operations", "schedules", "audit"]
        _, letters = server.get("dead-letters")
        if one := re.search(r'href="[^"]*?(dead-letter\?[^"]+)"', letters):
            pages.append(one[1].replace("&amp;", "&"))
        rows = []
        slowest = 0
        for page in pages:
            server.get(page)
            seen = [server.get(page) for _ in range(ROUNDS)]
            times, size = [took for took, _ in seen], len(seen[0][1].encode()) / 1000
            slowest = max(slowest, statistics.median(times))
            rows.append([f"/{urllib.parse.unquote(page)[:50]}", f"{statistics.median(times):.1f}", f"{max(times):.1f}", f"{size:.0f}"])
        table(["page", f"ms (median of {ROUNDS})", "slowest", "kB"], rows)
        print(f"\nThe slowest page: {goal(slowest, 100, unit='ms')}; the largest: {goal(max(float(row[3]) for row in rows), 200, unit='kB')}")
        one = [server.stream()]
        alone = cpu_while(server, one)
        before = server.memory
        crowd = one + [server.stream() for _ in range(STREAMS - 1)]
        many = cpu_while(server, crowd)
        print(f"One open stream: {alone:.0f} ms of CPU a second; {STREAMS}: {many:.0f} ms, and {server.memory - before:.1f} MB more.")
        # They stay connected and read nothing.
        held = server.memory
        time.sleep(20)
        print(f"{STREAMS} viewers that read nothing for 20 s: {server.memory - held:+.1f} MB of {server.memory:.0f} MB.")
        for viewer in crowd:
            viewer.close()
    finally:
        server.stop()


def main():
    with tempfile.TemporaryDirectory(prefix="warren-bench.") as folder:
        if engine == "sqlite":
            broker = f"sqlite:{folder}/broker.db"
            print(line(bench, "--broker", broker, timeout=1200))
            measure(broker, folder)
        else:
            with Broker() as node:
                broker = f"{node.url}?management={node.management.replace('guest:guest@', '')}"
                print(line(bench, "--broker", broker, "--queues", "100", "--messages", "20000", "--dead", "100000", timeout=1200))
                measure(broker, folder)


main()
