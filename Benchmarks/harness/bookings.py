"""Does a booking wait for its mail? `POST /api/bookings` of event-booking with the mail server up and down, in alternating rounds.

python3 -m harness.bookings FOLDER_OF_PROGRAMS ROUNDS [BROKER_URL]

Each round books at a steady pace over connections that stay open, then waits until every booking has its mail, so that the next one
begins alike. At the end wrk books as fast as the API answers.
"""
import http.client
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

from harness.measuring import Results, goal, in_turn, table

programs, rounds = pathlib.Path(sys.argv[1]), int(sys.argv[2])
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts/systems"))
os.environ["WARREN_PROGRAMS"] = str(programs)
from running import MailServer, Process, wait_for  # noqa: E402  (it reads where the programs are)

CLIENTS, RATE, COUNT, WARM = 8, 100, int(os.environ.get("COUNT", 600)), 50
WRK_SECONDS = 5
results = Results()


class Client(threading.Thread):
    """One connection: books every `CLIENTS / RATE` seconds, and notes from when each was due to its answer."""

    def __init__(self, number, begin):
        super().__init__()
        self.number, self.begin = number, begin
        self.times, self.failures = [], []

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=60)
        for turn in range(self.number, COUNT + WARM, CLIENTS):
            due = self.begin + turn / RATE
            time.sleep(max(0, due - time.monotonic()))
            connection.request("POST", "/api/bookings", booking, headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 201:
                self.failures.append((answer.status, text))
            if turn >= WARM:
                self.times.append(time.monotonic() - due)


def mailed():
    """How many mails about bookings the server took."""
    return mail.path.read_bytes().count(b"Message-ID: <booking-") if mail.path else 0


def book(case):
    global booked
    clients = [Client(number, time.monotonic() + 0.1) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    failures = [failure for client in clients for failure in client.failures]
    assert not failures, failures[:3]
    booked += COUNT + WARM
    times = sorted(one for client in clients for one in client.times)
    results.add(case, {
        "p50_ms": times[len(times) // 2] * 1e3, "p99_ms": times[len(times) * 99 // 100] * 1e3, "max_ms": times[-1] * 1e3,
        "mb": resident(api)})


def drained():
    wait_for("each booking has its mail", lambda: mailed() >= booked, 240)


def up():
    book("mail server up")
    drained()


def down():
    mail.stop()
    book("mail server down")
    mail.start(data)
    drained()


def resident(process):
    status = pathlib.Path(f"/proc/{process.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def wrk():
    """As fast as it goes, with every answer looked at."""
    script = data / "book.lua"
    script.write_text(f"""
wrk.method = "POST"
wrk.body = '{booking}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "{headers['authorization']}"
local bad = 0
response = function(status) if status ~= 201 then bad = bad + 1; io.stderr:write(status .. "\\n") end end
""")
    def ask(path, *options):
        out = subprocess.run(
            ["wrk", "-t1", "-c32", f"-d{WRK_SECONDS}", *options, f"http://127.0.0.1:{api.port}{path}"],
            check=True, capture_output=True, text=True)
        assert not out.stderr, out.stderr[:200]
        assert "Non-2xx" not in out.stdout, out.stdout
        return float(next(line.split()[1] for line in out.stdout.splitlines() if line.startswith("Requests/sec")))

    for _ in range(rounds):
        results.add("POST /api/bookings", {"per_s": ask("/api/bookings", "-s", str(script)), "mb": resident(api)})
        results.add("GET /api/events", {"per_s": ask("/api/events"), "mb": resident(api)})
        results.add("worker", {"mb": resident(worker)})


def ask(method, path, body, token=None):
    answer = api.request(method, path, body, token)
    assert answer.status in (200, 201), answer.text
    return answer.json


with tempfile.TemporaryDirectory(prefix="warren-bookings-") as folder:
    data = pathlib.Path(folder)
    broker = sys.argv[3] if len(sys.argv) > 3 else f"sqlite:{data / 'broker.db'}"
    mail = MailServer()
    mail.start(data)
    environment = {"SMTP_URL": f"{mail.url}?connections=8", "LOG_LEVEL": "warning"}
    api, worker = (Process("event-booking", role, data, broker, environment) for role in ("api", "worker"))
    person = {"email": "olga@example.org", "name": "olga", "password": "a long password"}
    tokens = {}
    for name, role in (("olga", "organizer"), ("carl", "customer")):
        person = {"email": f"{name}@example.org", "name": name, "password": "a long password", "role": role}
        ask("POST", "/api/auth/register", person)
        tokens[name] = ask("POST", "/api/auth/login", {key: person[key] for key in ("email", "password")})["token"]
    event = ask("POST", "/api/events", {
        "title": "Festival", "description": "", "date": "2035-06-01T19:00:00Z", "location": "Hall", "totalTickets": 1_000_000,
    }, tokens["olga"])["eventId"]
    booking = json.dumps({"eventId": event, "tickets": 1})
    headers = {"content-type": "application/json", "authorization": f"Bearer {tokens['carl']}"}
    booked = 0
    in_turn([up, down], rounds)
    wrk()
    assert api.stop() == 0 and worker.stop() == 0
    mail.stop()

print(f"\n`POST /api/bookings`, {RATE} a second over {CLIENTS} connections, {COUNT} a round. Medians of {rounds} alternating rounds (min–max).")
rows = []
for case in ("mail server up", "mail server down"):
    p50, p99 = (
        goal(results.ratio(case, "mail server up", key), limit) if case.endswith("down") else ""
        for key, limit in (("p50_ms", 1.2), ("p99_ms", 2)))
    rows.append([case, *(results.text(case, key) for key in ("p50_ms", "p99_ms", "max_ms")), p50, p99])
table(["", "p50 ms", "p99 ms", "max ms", "p50 beside up", "p99 beside up"], rows)
table(["32 connections, as fast as it goes", "requests/s", "MB of the API"], [
    [case, results.text(case, "per_s", 0), results.text(case, "mb", 0)] for case in ("POST /api/bookings", "GET /api/events")])
print(f"\nThe worker, meanwhile: {results.text('worker', 'mb', 0)} MB.")
