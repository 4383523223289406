"""Processes of an example system, its mail server and its broker, and requests to it. Everything ends with the script."""
import atexit
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRATCH = pathlib.Path(os.environ.get("SCRATCH", ROOT / ".build"))
# Where the systems' programs are: those of a debug build unless told otherwise.
PROGRAMS = pathlib.Path(os.environ.get("WARREN_PROGRAMS", SCRATCH / "debug"))


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(what, condition, seconds=30):
    """Waits until the condition holds and returns its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


class Answer:
    def __init__(self, status, body):
        self.status = status
        self.text = body.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.text)


class Process:
    """One process of a system: api, worker, all, or "service NAME" where a system has those."""

    def __init__(self, system, role, data, broker, environment=None):
        self.port = free_port()
        self.role = role
        option = "--metrics-port" if role == "worker" else "--port"
        self.log = open(data / f"{role.replace(' ', '-')}-{self.port}.log", "wb")
        self.process = subprocess.Popen(
            [PROGRAMS / system, *role.split(), "--data", data, "--broker", broker, option, str(self.port)],
            stdout=self.log, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})})
        atexit.register(self.kill)
        wait_for(f"{role} is ready", lambda: self.process.poll() is not None or self.is_ready(), 60)
        assert self.process.poll() is None, f"{role} ended at once: {pathlib.Path(self.log.name).read_text()}"

    def is_ready(self):
        try:
            return self.request("GET", "/ready").status == 200
        except OSError:
            return False

    def request(self, method, path, body=None, token=None, headers=None):
        headers = {"content-type": "application/json", **(headers or {})}
        if token:
            headers["authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                return Answer(answer.status, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read())

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """SIGTERM; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


class MailServer:
    """A real SMTP server, on the same port each time it is started."""

    def __init__(self):
        self.port = free_port()
        self.process = None
        self.path = None
        atexit.register(self.stop)

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self.port}"

    def start(self, folder, *arguments):
        self.path = self.path or folder / "mails.jsonl"
        script = ROOT / "Examples/Tests/MailTests/smtp_server.py"
        self.process = subprocess.Popen(
            ["/usr/bin/python3", script, "--port", str(self.port), *arguments], stdin=subprocess.PIPE,
            stdout=open(self.path, "ab"), stderr=subprocess.DEVNULL)
        wait_for("the mail server listens", self._listens)

    def _listens(self):
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait()
            self.process = None

    @property
    def mails(self):
        """The mails that it took: recipient, Message-ID and text."""
        mails = []
        for line in self.path.read_text().splitlines():
            fields = json.loads(line)
            if "data" in fields:
                lines = fields["data"].split("\r\n")
                name = next(line for line in lines if line.startswith("Message-ID:")).split(": ")[1]
                mails.append({"to": fields["to"][0], "id": name, "text": fields["data"]})
        return mails


def warren(broker, *arguments):
    """The command line's output as JSON."""
    result = subprocess.run(
        [PROGRAMS / "warren", *arguments, "--json", "--broker", broker], capture_output=True, timeout=60)
    return json.loads(result.stdout or b"null")
