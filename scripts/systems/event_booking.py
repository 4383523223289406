"""event-booking: each row of its requirements and each fault of such systems, on real processes.

CUSTOMERS=100000 tells so many customers of a change; 2,000 without it.
"""
import concurrent.futures
import json
import os
import pathlib
import random
import re
import sqlite3
import statistics
import subprocess
import time
import urllib.parse

from running import PROGRAMS, MailServer, Process, free_port, wait_for, warren

SYSTEM = "event-booking"
PASSWORD = "a long password"
ADMIN = {"ADMIN_EMAIL": "admin@example.org", "ADMIN_PASSWORD": "the queues are mine"}
# How many mails the worker sends at once: what a kill can repeat at most.
CONCURRENCY = 16
MEGABYTE = 1024 * 1024


def checks(data, broker, seed):
    """Yields a sentence for what holds now; an AssertionError for what does not."""
    system = System(data, broker, seed)
    yield from accounts_and_roles(system)
    yield from events(system)
    yield from bookings(system)
    yield from mail_server_down(system)
    yield from kills(system)
    yield from updates(system)
    yield from fan_out(system)
    yield from queues(system)
    yield from without_broker(system)
    assert system.api.stop() == 0 and system.worker.stop() == 0
    yield "SIGTERM: both end with 0"
    system.mail.stop()


class System:
    """The processes, and what a person does with them."""

    def __init__(self, data, broker, seed):
        self.data, self.broker = data, broker
        self.random = random.Random(seed)
        self.mail = MailServer()
        self.mail.start(data)
        self.environment = {"SMTP_URL": f"{self.mail.url}?connections=8", **ADMIN}
        self.api, self.worker = self.start("api"), self.start("worker")
        self.booked = []
        self.tokens = {}
        self.read, self.ids = 0, []

    def start(self, role):
        return Process(SYSTEM, role, self.data, self.broker, self.environment)

    def ask(self, method, path, body=None, who=None):
        return self.api.request(method, path, body, self.tokens.get(who))

    def join(self, name, role="customer"):
        email = f"{name}@example.org"
        answer = self.ask("POST", "/api/auth/register", {"name": name, "email": email, "password": PASSWORD, "role": role})
        assert answer.status == 201 and answer.json["role"] == role, answer.text
        self.log_in(name, email, PASSWORD)
        return answer.json["userId"]

    def log_in(self, name, email, password):
        answer = self.ask("POST", "/api/auth/login", {"email": email, "password": password})
        assert answer.status == 200, answer.text
        self.tokens[name] = answer.json["token"]

    def make_event(self, title, tickets, who="olga"):
        event = {"title": title, "description": "", "date": "2035-06-01T19:00:00Z", "location": "Hall", "totalTickets": tickets}
        answer = self.ask("POST", "/api/events", event, who)
        assert answer.status == 201, answer.text
        return answer.json["eventId"]

    def book(self, event, tickets=1, who="carl"):
        return self.ask("POST", "/api/bookings", {"eventId": event, "tickets": tickets}, who)

    def mails(self, kind):
        """The ids of the mails of a kind that the server took, repeats included. Each line of its log is read once."""
        with open(self.mail.path) as log:
            log.seek(self.read)
            while (line := log.readline()).endswith("\n"):
                self.read = log.tell()
                fields = json.loads(line)
                if "data" in fields:
                    self.ids.append(re.search(r"Message-ID: <([^@]*)@", fields["data"].replace("\r\n ", " ")).group(1))
        return [name for name in self.ids if name.startswith(f"{kind}-")]

    def each_booking_is_mailed(self, seconds=60):
        wait_for("each booking has its mail", lambda: set(self.mails("booking")) == {f"booking-{b}" for b in self.booked}, seconds)


def accounts_and_roles(system):
    system.join("olga", "organizer")
    system.join("otto", "organizer")
    system.join("carl")
    system.join("cora")
    system.log_in("admin", ADMIN["ADMIN_EMAIL"], ADMIN["ADMIN_PASSWORD"])
    yield "register and login: organizers, customers and the administrator of the environment each get a token"
    register = {"name": "Eve", "email": "eve@example.org", "password": PASSWORD}
    for wrong in ({"role": "administrator"}, {"role": "king"}, {"email": "eve"}, {"email": "eve@example.org\r\nBcc: x@y.z"},
                  {"name": ""}, {"name": "n" * 101}, {"password": "short"}, {"password": 5}, {"email": "e" * 300 + "@a.b"}):
        answer = system.ask("POST", "/api/auth/register", {**register, **wrong})
        assert answer.status == 400 and next(iter(wrong)) in answer.json["error"]["message"], (wrong, answer.text)
    for taken in ("carl@example.org", "CARL@example.org", ADMIN["ADMIN_EMAIL"]):
        assert system.ask("POST", "/api/auth/register", {**register, "email": taken}).status == 409, taken
    yield "wrong fields are refused by name; an address has one account, whatever its case; the administrator is not registered"
    login = {"email": "otto@example.org", "password": "wrong"}
    statuses = [system.ask("POST", "/api/auth/login", login).status for _ in range(12)]
    assert statuses[0] == 401 and statuses[-1] == 429, statuses
    known = system.ask("POST", "/api/auth/login", {"email": "cora@example.org", "password": "wrong"})
    unknown = system.ask("POST", "/api/auth/login", {"email": "unknown@example.org", "password": "wrong"})
    assert (known.status, known.text) == (unknown.status, unknown.text), (known.text, unknown.text)
    yield "login: wrong passwords are limited, and the answer does not tell an unknown address from a wrong password"


def events(system):
    event = system.make_event("Reading", 50)
    shown = system.ask("GET", f"/api/events/{event}").json
    assert {"title", "description", "date", "location", "totalTickets", "ticketsSold"} <= set(shown), shown
    assert shown["ticketsSold"] == 0 and shown["date"] == "2035-06-01T19:00:00Z", shown
    assert any(e["eventId"] == event for e in system.ask("GET", "/api/events").json["events"])
    new = {"title": "T", "date": "2035-06-01T19:00:00Z", "location": "L", "totalTickets": 10}
    for wrong in ({"totalTickets": 0}, {"totalTickets": -5}, {"totalTickets": 10**9}, {"totalTickets": 1.5}, {"totalTickets": "9"},
                  {"date": "soon"}, {"date": "2001-01-01T00:00:00Z"}, {"title": ""}, {"title": "t" * 201}, {"title": "a\nb"},
                  {"location": None}, {"description": "d" * 5001}):
        answer = system.ask("POST", "/api/events", {**new, **wrong}, "olga")
        assert answer.status == 400 and next(iter(wrong)) in answer.json["error"]["message"], (wrong, answer.text)
    huge = system.ask("POST", "/api/events", {**new, "description": "d" * 3_000_000}, "olga")
    assert huge.status == 413, huge.status
    yield "events: created, listed and shown with the fields of the requirements; wrong and absurd ones are refused by name"
    body = {"title": "Mine now"}
    expected = {None: 401, "carl": 403, "admin": 403, "otto": 403}
    for who, status in expected.items():
        for answer in (system.ask("PUT", f"/api/events/{event}", body, who), system.ask("DELETE", f"/api/events/{event}", None, who)):
            assert answer.status == status, (who, answer.text)
        if who != "otto":
            assert system.ask("POST", "/api/events", new, who).status == status
    assert system.ask("PUT", "/api/events/unknown", body, "olga").status == 404
    assert system.ask("PUT", f"/api/events/{event}", {}, "olga").status == 400
    yield "only organizers make events, and each changes and deletes only its own: 401, 403, 404 for others"
    for who, status in {None: 401, "olga": 403, "admin": 403}.items():
        assert system.book(event, 1, who).status == status
        assert system.ask("GET", "/api/bookings/mine", None, who).status == status
    yield "only customers book"


def bookings(system):
    event = system.make_event("Concert", 50)
    for tickets in (-1, 0, 11, 10**12, 1.5, "2", None):
        answer = system.book(event, tickets)
        assert answer.status == 400 and "tickets" in answer.json["error"]["message"], (tickets, answer.text)
    assert system.book("unknown").status == 404
    assert system.ask("GET", f"/api/events/{event}").json["ticketsSold"] == 0
    yield "negative, absurd and missing numbers of tickets are refused, and change nothing"
    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(lambda n: system.book(event, 1, "carl" if n % 2 else "cora"), range(200)))
    assert sorted(a.status for a in answers) == [201] * 50 + [409] * 150, [a.status for a in answers]
    assert system.ask("GET", f"/api/events/{event}").json["ticketsSold"] == 50
    system.booked += [a.json["bookingId"] for a in answers if a.status == 201]
    yield "200 clients at once for 50 tickets: 50 are sold, 150 callers get a 409"
    answer = system.ask("PUT", f"/api/events/{event}", {"totalTickets": 49}, "olga")
    assert answer.status == 409, answer.text
    yield "fewer tickets than are sold cannot be offered: 409"
    system.each_booking_is_mailed()
    to = [m["to"] for m in system.mail.mails if m["id"].startswith("<booking-")]
    assert set(to) == {"carl@example.org", "cora@example.org"} and all("Concert" in m["text"] for m in system.mail.mails)
    yield "each booking has its mail"
    mine = system.ask("GET", "/api/bookings/mine", None, "carl").json["bookings"]
    assert mine == system.ask("GET", "/api/bookings/me", None, "carl").json["bookings"] and len(mine) == sum(t.startswith("carl") for t in to)
    booking = mine[0]["bookingId"]
    assert system.ask("DELETE", f"/api/bookings/{booking}", None, "cora").status == 404
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        statuses = sorted(pool.map(lambda _: system.ask("DELETE", f"/api/bookings/{booking}", None, "carl").status, range(20)))
    assert statuses == [200] + [409] * 19, statuses
    assert system.ask("GET", f"/api/events/{event}").json["ticketsSold"] == 49
    again = system.book(event)
    assert again.status == 201, again.text
    system.booked.append(again.json["bookingId"])
    yield "mine and me list one's own; a booking is cancelled once, 20 tries at once, by its customer, and its ticket is sold again"


def mail_server_down(system):
    event = system.make_event("Play", 1000)

    def median(count):
        times = []
        for _ in range(count):
            begin = time.monotonic()
            answer = system.book(event)
            times.append(time.monotonic() - begin)
            assert answer.status == 201, answer.text
            system.booked.append(answer.json["bookingId"])
        return statistics.median(times) * 1000

    up = median(20)
    system.each_booking_is_mailed()
    system.mail.stop()
    down = median(20)
    system.mail.start(system.data)
    system.each_booking_is_mailed(90)
    yield f"mail server down: no mail is lost, bookings take {down:.0f} ms (up: {up:.0f} ms), the mails go out when it is back"


def kills(system):
    event = system.make_event("Dance", 1000)
    count = 0
    for _ in range(8):
        for _ in range(8):
            answer = system.book(event, 1, "cora")
            assert answer.status == 201, answer.text
            system.booked.append(answer.json["bookingId"])
        time.sleep(system.random.random() * 0.3)
        count += 1
        if system.random.random() < 0.5:
            system.worker.kill()
            system.worker = system.start("worker")
        else:
            system.api.kill()
            system.api = system.start("api")
    system.each_booking_is_mailed(90)
    mails = system.mails("booking")
    repeats = len(mails) - len(set(mails))
    assert repeats <= count * CONCURRENCY, repeats
    yield f"{count} SIGKILLs of API and worker: {len(system.booked)} bookings, each with its mail; {repeats} mails repeated with their Message-ID"


def updates(system):
    event = system.make_event("Opera", 100)
    for who, tickets in (("carl", 2), ("carl", 1), ("cora", 1)):
        answer = system.book(event, tickets, who)
        system.booked.append(answer.json["bookingId"])
    cancelled = system.book(event, 1, "cora").json["bookingId"]
    system.booked.append(cancelled)
    system.ask("DELETE", f"/api/bookings/{cancelled}", None, "cora")
    answer = system.ask("PUT", f"/api/events/{event}", {"location": "Big hall"}, "olga")
    assert answer.status == 200 and answer.json["location"] == "Big hall", answer.text
    told = wait_for("both are told", lambda: len(system.mails("update")) == 2 and [m for m in system.mail.mails if m["id"].startswith("<update-")])
    assert sorted(m["to"] for m in told) == ["carl@example.org", "cora@example.org"], told
    assert len({m["id"][8:44] for m in told}) == 1, "the ids are not of one update"
    yield "a change is one eventUpdate job, and one mail for each distinct address, however many bookings it has"
    assert system.ask("PUT", f"/api/events/{event}", {"location": "Big hall"}, "olga").status == 200
    assert system.ask("DELETE", f"/api/events/{event}", None, "olga").status == 200
    wait_for("both are told", lambda: len(system.mails("deletion")) == 2)
    assert system.ask("GET", f"/api/events/{event}").status == 404 and system.book(event).status == 404
    assert len(system.mails("update")) == 2
    mine = [b for b in system.ask("GET", "/api/bookings/mine", None, "cora").json["bookings"] if b["eventId"] == event]
    assert sorted(b["status"] for b in mine) == ["cancelled", "eventDeleted"], mine
    yield "a change that changes nothing tells nothing; a deleted event ends its bookings and tells its customers"


def fan_out(system):
    count = int(os.environ.get("CUSTOMERS", "2000"))
    event = system.make_event("Festival", 1_000_000)
    seed_customers(system, event, count)
    system.worker.kill()
    system.worker = system.start("worker")
    already = len(system.mails("update"))
    polls = max(0.05, count / 100_000)
    first = peak_memory(system.worker)
    begin = time.monotonic()
    assert system.ask("PUT", f"/api/events/{event}", {"title": "Festival of light"}, "olga").status == 200
    kills = 0
    # The first kill hits the fan-out, the second the mails.
    wait_for("the fan-out has begun", lambda: progress(system, event)[1] > 0)
    fanned_out = progress(system, event)[1]
    system.worker.kill()
    kills += 1
    system.worker = system.start("worker")
    wait_for("a third is mailed", lambda: time.sleep(polls) or len(system.mails("update")) - already > count / 3, 60 + count / 50)
    system.worker.kill()
    kills += 1
    # The whole fan-out is done a second time, as if nothing of it had been noted.
    with database(system) as db:
        db.execute("UPDATE updates SET lastCustomer = '', customers = 0 WHERE eventId = ?", (event,))
    repeat_update(system, event)
    system.worker = system.start("worker")
    wait_for("all are mailed", lambda: time.sleep(polls) or len(set(system.mails("update"))) - already >= count, 120 + count / 50)
    seconds = time.monotonic() - begin
    letters = wait_for("the refused address is a dead letter", lambda: warren(system.broker, "dead", "ls"))
    # An engine that does not keep the repeat out parks the copy of the job as well.
    assert len({letter["id"] for letter in letters}) == 1 and "550" in json.dumps(letters), letters
    wait_for("nothing is left but the mail to the busy server", lambda: depth(system) <= 1, 120 + count / 50)
    mails = system.mails("update")
    repeats = len(mails) - len(set(mails))
    assert len(set(mails)) - already == count, (len(set(mails)), already, count)
    assert repeats <= kills * CONCURRENCY, repeats
    yield (f"a change for {count:,} customers, {kills} SIGKILLs (the first after {fanned_out:,} of the fan-out) and the whole fan-out repeated: "
           f"each gets its mail, {repeats} repeated with their Message-ID; {seconds:.0f} s, {count / seconds:.0f} mails a second")
    yield "an address that is refused is a dead letter with the server's answer; it holds up and repeats no other"
    peak = peak_memory(system.worker)
    grown = peak - first
    assert grown < 64 * MEGABYTE, f"{grown / MEGABYTE:.0f} MB"
    yield f"the worker's memory does not grow with the customers: {first / MEGABYTE:.0f} MB at the start, {peak / MEGABYTE:.0f} MB at most"
    wait_for("it is tried again", lambda: "451" in pathlib.Path(system.worker.log.name).read_text())
    yield "a mail server that answers 451 is asked again after growing pauses"


def database(system):
    return sqlite3.connect(system.data / "event-booking.db", timeout=30, isolation_level=None)


def seed_customers(system, event, count):
    """Customers with a booking each, as registering so many would take hours of hashing. Two more cannot be reached."""
    now = "2026-01-01 00:00:00.000"
    emails = [f"c{n}@example.com" for n in range(count)] + ["refused@example.com", "busy@example.com"]
    with database(system) as db:
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT INTO users VALUES (?, ?, ?, '', 'customer', ?)", ((f"seed-{n:07}", email, email, now) for n, email in enumerate(emails)))
        db.executemany("INSERT INTO bookings VALUES (?, ?, ?, 1, 'booked', ?)", ((f"seed-{n:07}", event, f"seed-{n:07}", now) for n in range(len(emails))))
        db.execute("UPDATE events SET ticketsSold = ? WHERE eventId = ?", (len(emails), event))
        db.execute("COMMIT")


def progress(system, event):
    """The id of the event's update and how many of its mails are in the queue."""
    with database(system) as db:
        return db.execute("SELECT updateId, customers FROM updates WHERE eventId = ?", (event,)).fetchone() or (None, 0)


def repeat_update(system, event):
    """Puts the job of the event's update into the queue a second time, with its id."""
    update = progress(system, event)[0]
    with database(system) as db:
        title = db.execute("SELECT title FROM events WHERE eventId = ?", (event,)).fetchone()[0]
        body = json.dumps({"eventId": event, "eventTitle": title})
        db.execute("INSERT INTO warren_outbox (stored_at, id, name, queue, content_type, published_at, source, priority, body) "
                   "VALUES (0, ?, 'eventUpdate', 'emailQueue', 'application/json', ?, 'event-booking', 7, ?)",
                   (update, int(time.time() * 1000), body.encode()))


def depth(system):
    """Jobs that wait, are delayed or run."""
    queue = next(q for q in system.ask("GET", "/admin/queues/api/v1/overview", None, "admin").json["queues"] if q["name"] == "emailQueue")
    return queue["ready"] + (queue.get("delayed") or 0) + (queue.get("running") or 0)


def peak_memory(process):
    status = pathlib.Path(f"/proc/{process.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024


def queues(system):
    for who, status in {None: 401, "olga": 403, "carl": 403, "admin": 200}.items():
        assert system.ask("GET", "/admin/queues", None, who).status == status, who
    forged = system.tokens["olga"].split(".")
    forged[1] = system.tokens["admin"].split(".")[1]
    system.tokens["forger"] = ".".join(forged)
    assert system.ask("GET", "/admin/queues", None, "forger").status == 401
    page = system.ask("GET", "/admin/queues", None, "admin").text
    assert "emailQueue" in page and "Dead letters" in page and "<main" in page, page[:500]
    for path, form in (("queue/pause", "name=emailQueue"), ("dead-letters/all", "do=replay")):
        for who, status in {None: 401, "olga": 403, "carl": 403}.items():
            assert system.ask("POST", f"/admin/queues/{path}", None, who).status == status, (path, who)
    overview = system.ask("GET", "/admin/queues/api/v1/overview", None, "admin").json
    named = {queue["name"]: queue for queue in overview["queues"]}
    assert named["emailQueue"]["consumers"] >= 1 and named["emailQueue.dlq"]["ready"] >= 1, named
    # RabbitMQ's management plugin tells of a connection some seconds after it was made.
    wait_for("the worker is listed", lambda: system.ask("GET", "/admin/queues/api/v1/overview", None, "admin").json.get("workers"))
    yield "/admin/queues: the dashboard with depths, dead letters and workers for the administrator, its actions too; 401 for others, 403 for organizers and customers"
    outbox = system.ask("GET", "/admin/queues/api/v1/outbox", None, "admin").json
    assert outbox["isRelayed"] and outbox["failing"] == 0, outbox
    yield "/admin/queues/outbox: what waits in the outbox, and that its relay works"
    if system.broker.startswith("sqlite:"):
        yield from operation_in_the_background(system)


def operation_in_the_background(system):
    """What is begun on the pages outlives the process, since the API runs the dashboard as a service."""
    for _ in range(4):
        warren(system.broker, "job", "enqueue", "emailQueue", "bookingConfirmation", "--plain", "--data", "{}")
    those = {"name": "bookingConfirmation", "reason": "undecodable"}
    which = urllib.parse.urlencode(those)
    ask = lambda method, path, body=None: system.ask(method, f"/admin/queues/api/v1/{path}", body, "admin").json
    counted = wait_for("four dead letters", lambda: (c := ask("GET", f"dead-letters/count?{which}"))["count"] == 4 and c)
    begun = ask("POST", "dead-letters/all", {"do": "delete", "rate": "1", **those, **counted})
    shown = lambda: ask("GET", f"operation?id={begun['operation']}")
    wait_for("its first step", lambda: shown()["done"] >= 1)
    system.api.kill()
    system.api = system.start("api")
    assert shown()["state"] == "running" and shown()["done"] < 4, shown()
    wait_for("the next process ends it", lambda: shown()["state"] == "done", 90)
    assert shown()["done"] == 4 and ask("GET", f"dead-letters/count?{which}")["count"] == 0, shown()
    yield "a bulk operation of the dashboard, SIGKILL of the API in the middle: the next API process ends it, each letter once"


def without_broker(system):
    data = system.data / "without"
    data.mkdir()
    port = free_port()
    log = open(data / "api.log", "wb")
    process = subprocess.Popen(
        [PROGRAMS / SYSTEM, "api", "--data", data, "--broker", f"amqp://127.0.0.1:{free_port()}", "--port", str(port)],
        stdout=log, stderr=subprocess.STDOUT)
    try:
        asked = Process.__new__(Process)
        asked.port = port

        def status(path):
            try:
                return asked.request("GET", path).status
            except OSError:
                return 0

        wait_for("it is alive", lambda: status("/health") == 200)
        assert status("/ready") == 503 and status("/api/events") == 503
        wait_for("the log says so", lambda: b"Not connected to RabbitMQ" in (data / "api.log").read_bytes())
    finally:
        process.terminate()
        assert process.wait(30) == 0
    yield "without its broker an API serves nothing: 503 on /ready and on every route, and the log says that it is not connected"
