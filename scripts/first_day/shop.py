"""The guide's program: its processes, orders that are posted to it, and what its log says of them."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

EFFECTS = ("Packed", "Counted", "Receipt sent")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def orders(log, effect):
    """The orders of which a handler said this."""
    lines = (line for line in log.splitlines() if line.endswith(" " + effect))
    return [match.group(1) for line in lines if (match := re.search(r"\border=(\S+)", line))]


def reason(output):
    """What a process said last, without the time."""
    lines = [line for line in output.splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    return last[last.index("The shop ends"):] if "The shop ends" in last else " / ".join(lines)


class Shop:
    """The processes of one shop; every role writes into one log."""

    def __init__(self, program, folder, broker, environment=None):
        self.program, self.folder, self.broker = program, folder, broker
        self.environment = environment or {}
        self.port = free_port()
        self.log = folder / "shop.log"
        self.processes = []

    def start(self, *roles):
        """Starts a process for each role at once; without roles one process does all."""
        self.roles = roles or (None,)
        for role in self.roles:
            self.processes.append(self.open(role))

    def open(self, role):
        environment = {**os.environ, "SHOP_BROKER": self.broker, "SHOP_PORT": str(self.port), **self.environment}
        with open(self.log, "ab") as log:
            return subprocess.Popen(
                [self.program, *([role] if role else [])], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.folder, env=environment)

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def post(self, order, address):
        """The status of the answer; None when there was none."""
        return self.request("POST", "/orders", {"id": order, "address": address})

    def request(self, method, path, content=None):
        """The status of the answer; None when there was none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            body = None if content is None else json.dumps(content)
            connection.request(method, path, body, {"content-type": "application/json"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def post_from_the_first_moment(self, prefix, count, seconds=15):
        """Posts from four threads until so many orders were accepted. Returns the accepted ones and the number of refusals."""
        accepted, refused, number, lock = set(), [0], [0], threading.Lock()
        end = time.monotonic() + seconds

        def work():
            while time.monotonic() < end:
                with lock:
                    if len(accepted) >= count:
                        return
                    number[0] += 1
                    order = f"{prefix}-{number[0]}"
                status = self.post(order, "ada@example.com")
                with lock:
                    if status == 201:
                        accepted.add(order)
                    elif status is not None:
                        refused[0] += 1
                if status is None:
                    time.sleep(0.005)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return accepted, refused[0]

    def kill(self, role):
        """SIGKILL, and a new start at once."""
        process = self.processes[self.roles.index(role)]
        process.kill()
        process.wait()
        self.processes[self.roles.index(role)] = self.open(role)

    def wait_for(self, condition, seconds=15):
        end = time.monotonic() + seconds
        while not condition(self.text()):
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def stop(self):
        """SIGTERM to all, the last that was started first. Returns their exit statuses."""
        statuses = []
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                statuses.append(process.wait(30))
            except subprocess.TimeoutExpired:
                process.kill()
                statuses.append(process.wait())
        self.processes = []
        return statuses
