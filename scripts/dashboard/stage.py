"""A filled broker with the dashboard over it, in a process of its own."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCRATCH = pathlib.Path(os.environ.get("SCRATCH", ROOT / ".build"))


class Stage:
    def __init__(self, broker, folder):
        self.broker, self.folder = broker, folder
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}/"
        self.process = None

    def start(self, *options):
        self.process = subprocess.Popen(
            [SCRATCH / "debug/warren-dashboard-stage", "--broker", self.broker, "--port", str(self.port),
             "--database", f"{self.folder}/application.db", *options],
            stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if line.startswith("seeded"):
                return self.wait_until(self.is_quiet, "the broker was not seeded")
        sys.exit("the stage ended before it had seeded the broker")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            sys.exit("the stage did not stop within 30 s")

    def read(self, path=""):
        with urllib.request.urlopen(self.base + path, timeout=60) as answer:
            return answer.read().decode()

    def first(self, pattern, path):
        """The first link of a page that matches, as an address."""
        links = re.findall(pattern, self.read(path))
        assert links, f"no {pattern} on {path}"
        return links[0].replace("&amp;", "&")

    def is_quiet(self):
        """Whether the number of messages stands still: the jobs that fail have failed."""
        def count():
            try:
                return sum(int(number) for number in re.findall(r'"ready":(\d+)', self.read("api/v1/queues")))
            except (OSError, urllib.error.HTTPError):
                return None
        before = count()
        time.sleep(3)
        return before is not None and before == count()

    @staticmethod
    def wait_until(holds, complaint, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if holds():
                return
            time.sleep(0.2)
        sys.exit(f"{complaint} within {seconds} s")
