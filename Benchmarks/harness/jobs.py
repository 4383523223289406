"""Celery, Dramatiq and Sidekiq: enqueue so many jobs by one process, then drain them by one worker."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from harness.measuring import line

APPS = pathlib.Path(__file__).resolve().parents[1] / "Peers/jobs"
# Without these Celery's workers talk to each other, which costs what is not measured here.
QUIET_CELERY = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "ERROR"]


class Jobs:
    """The peers, with their programs from a folder with a Python environment in it."""

    def __init__(self, folder, url):
        self._bin = pathlib.Path(folder) / "venv/bin"
        self._env = {**os.environ, "BROKER": url, "PYTHONDONTWRITEBYTECODE": "1"}

    def enqueue(self, system, count, confirms=False):
        env = {**self._env, **({"CONFIRMS": "1"} if confirms else {})}
        return line(self._bin / "python", f"{system}_app.py", count, cwd=APPS, env=env)

    def drain(self, system, count):
        command = {
            "celery": [self._bin / "celery", "-A", "celery_app", "worker", "--pool", "solo", *QUIET_CELERY],
            "dramatiq": [self._bin / "dramatiq", "dramatiq_app", "-p", "1", "-t", "8"],
        }[system]
        return drained(command, self._env, count)

    def sidekiq(self, count):
        """Enqueues and drains, on a Redis of its own; `None` where it is not installed."""
        if not shutil.which("sidekiq") or not shutil.which("redis-server"):
            return None
        with tempfile.TemporaryDirectory(prefix="warren-bench.") as folder, socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
            probe.close()
            redis = subprocess.Popen(
                ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""],
                stdout=subprocess.DEVNULL)
            try:
                wait_for(port)
                env = {**os.environ, "BROKER": f"redis://127.0.0.1:{port}/0"}
                line("ruby", "sidekiq_app.rb", count, cwd=APPS, env=env)
                return drained(["sidekiq", "-r", "./sidekiq_app.rb", "-c", "10", "-e", "production"], env, count)
            finally:
                redis.terminate()
                redis.wait()


def wait_for(port):
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on {port}")


def drained(command, env, count):
    """Runs a worker until it has handled so many jobs, and returns what it measured."""
    with tempfile.TemporaryDirectory(prefix="warren-bench.") as folder:
        result = pathlib.Path(folder) / "result"
        env = {**env, "RESULT": str(result), "TOTAL": str(count)}
        with open(pathlib.Path(folder) / "log", "w+") as log:
            worker = subprocess.Popen(
                [str(part) for part in command], cwd=APPS, env=env, stdout=log, stderr=log, start_new_session=True)
            try:
                limit = time.monotonic() + 120
                while not result.exists():
                    if worker.poll() is not None or time.monotonic() > limit:
                        log.seek(0)
                        raise RuntimeError(f"{command[0]} did not finish:\n{log.read()[-2000:]}")
                    time.sleep(0.05)
                return json.loads(result.read_text())
            finally:
                # Workers fork, and some like to finish first: the whole group is ours.
                os.killpg(worker.pid, signal.SIGKILL)
                worker.wait()
