"""tutorgo: each row of its requirements and each fault of such systems, on real processes."""
import concurrent.futures
import datetime
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import time

from running import PROGRAMS, ROOT, MailServer, Process, free_port, wait_for, warren

SYSTEM = "tutorgo"
# The attempts to connect are quick here: what is counted are their number and their pauses.
QUICK = {"RABBITMQ_RETRY_DELAY": "200", "RABBITMQ_RETRY_ATTEMPTS": "3"}
METRICS = [
    "warren_connection_up", "warren_published_total", "warren_handled_total", "warren_queue_depth", "warren_dead_letters",
    "warren_retries_total", "warren_failures_total",
]


def checks(data, broker, seed):
    """Yields a sentence for what holds now; an AssertionError for what does not."""
    yield from no_broker(data)
    system = System(data, broker, seed)
    for part in (
        bookings, payments, reviews, wrong_input, foreign, retries, mail_server_down, options, broker_away, kills, metrics,
    ):
        yield from part(system)
    assert system.api.stop() == 0 and system.worker.stop() == 0
    yield "SIGTERM: both end with 0"
    system.mail.stop()


def later(**time):
    moment = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(**time)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class System:
    """The processes, and what a person does with them."""

    def __init__(self, data, broker, seed):
        self.data, self.broker = data, broker
        self.random = random.Random(seed)
        self.mail = MailServer()
        self.mail.start(data)
        self.environment = {"SMTP_URL": self.mail.url, **QUICK}
        self.api, self.worker = self.start("api"), self.start("worker")
        self.hour = 48
        # A queue of another service, which sees every event of the exchange.
        file = data / "audit.json"
        file.write_text(json.dumps({
            "exchanges": [{"name": "tutorgo_events", "kind": "topic"}], "queues": [{"name": "audit"}],
            "bindings": [{"exchange": "tutorgo_events", "key": "#", "queue": "audit"}]}))
        warren(broker, "topology", "apply", str(file))

    def start(self, role, **more):
        return Process(SYSTEM, role, self.data, self.broker, {**self.environment, **more})

    def ask(self, who, method, path, body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.api.request(method, path, body, headers={"x-user-id": who, **headers})

    def book(self, who="student-123", **lesson):
        """Books a free hour; returns the answer."""
        self.hour += 2
        body = {"tutorId": "tutor-123", "subject": "Math", "startTime": later(hours=self.hour),
                "endTime": later(hours=self.hour + 1), **lesson}
        return self.ask(who, "POST", "/bookings", body)

    def booked(self, who="student-123"):
        answer = self.book(who)
        assert answer.status == 201, answer.text
        return answer.json["bookingId"]

    def notifications(self, who, booking=None):
        entries = self.ask(who, "GET", f"/users/{who}/notifications").json["notifications"]
        return [entry for entry in entries if booking in (None, entry["bookingId"])]

    def subjects(self, who, booking):
        return sorted(entry["subject"] for entry in self.notifications(who, booking))

    def told(self, who, booking, *subjects, seconds=30):
        wait_for(f"{who} is told {subjects} of {booking}",
                 lambda: self.subjects(who, booking) == sorted(subjects), seconds)

    def depth(self, queue):
        return next((entry["ready"] for entry in warren(self.broker, "queue", "ls") if entry["name"] == queue), 0)

    def metric(self, process, name, **labels):
        total = None
        for line in process.request("GET", "/metrics").text.splitlines():
            if re.match(rf"{name}[ {{]", line) and all(f'{key}="{value}"' in line for key, value in labels.items()):
                total = (total or 0) + float(line.rsplit(" ", 1)[1])
        return total


def no_broker(data):
    folder = data / "without"
    folder.mkdir()
    port = free_port()

    def start(**environment):
        return subprocess.Popen(
            [PROGRAMS / SYSTEM, "all", "--data", folder, "--broker", f"amqp://127.0.0.1:{free_port()}", "--port",
             str(port)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **environment})

    began = time.monotonic()
    process = start(**QUICK)
    text = process.communicate(timeout=60)[0]
    took = time.monotonic() - began
    assert process.returncode == 1, f"{process.returncode}: {text}"
    pauses = re.findall(r'retry.in="([\d.]+) seconds"', text)
    assert pauses == ["0.2", "0.4", "0.8"] and took >= 1.4, text
    error = next(line for line in text.splitlines() if line.startswith("Error:"))
    assert "4 attempts" in error and "RABBITMQ_RETRY_ATTEMPTS" in error and "refused" in error, error
    assert "listening" not in text
    yield "no broker: three more attempts after 200, 400 and 800 ms, then an error that says what to do, and exit status 1; it serves nothing"

    process = start()
    for line in process.stdout:
        if "will retry" in line:
            assert 'retry.in="2.0 seconds"' in line, line
            break
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0, process.returncode
    yield "SIGTERM while it tries to connect, the first pause being 2 s: it ends with 0"

    process = start(RABBITMQ_RETRY_ATTEMPTS="many")
    text = process.communicate(timeout=30)[0]
    assert process.returncode == 1 and "RABBITMQ_RETRY_ATTEMPTS is 'many'" in text, text
    yield "a setting that cannot be is refused by its name, with exit status 1"


def bookings(system):
    answer = system.ask(
        "student-123", "POST", "/bookings",
        {"tutorId": "tutor-123", "subject": "Math", "startTime": later(hours=30), "endTime": later(hours=31), "totalAmount": 50},
        x_correlation_id="request-7")
    assert answer.status == 201 and answer.json["totalAmount"] == 50 and answer.json["status"] == "pending", answer.text
    first = answer.json["bookingId"]
    system.told("student-123", first, "Booking Created")
    system.told("tutor-123", first, "New Booking Request")
    yield "POST /bookings: 201 at once; BookingCreated tells the tutor (New Booking Request) and the student (Booking Created)"

    assert system.notifications("student-123", first)[0]["correlationId"] == "request-7"
    log = pathlib.Path(system.worker.log.name)
    wait_for("the worker's log", lambda: "correlation.id=request-7" in log.read_text())
    yield "the correlation id of a request is in the notification and in the worker's log"

    body = {"tutorId": "tutor-123", "subject": "Math", "startTime": later(hours=40), "endTime": later(hours=41)}
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda n: system.ask(f"s{n}", "POST", "/bookings", body), range(200)))
    assert sorted(a.status for a in answers) == [201] + [409] * 199, [a.status for a in answers]
    overlapping = {**body, "startTime": later(hours=40, minutes=30), "endTime": later(hours=42)}
    assert system.ask("other", "POST", "/bookings", overlapping).json["error"]["code"] == "slot_taken"
    yield "200 requests for one slot at once: one gets it; what overlaps is refused, too"

    def refused(hours, end, field):
        answer = system.ask("s", "POST", "/bookings", {**body, "startTime": later(hours=hours), "endTime": later(hours=end)})
        assert answer.status == 400 and answer.json["error"]["message"].startswith(field), answer.text

    refused(-1, 1, "startTime")
    refused(60, 59, "endTime")
    refused(60, 60, "endTime")
    yield "no booking in the past, and its end is after its start"

    soon = system.ask("late", "POST", "/bookings", {**body, "startTime": later(hours=23), "endTime": later(hours=23, minutes=30)})
    answer = system.ask("late", "DELETE", f"/bookings/{soon.json['bookingId']}")
    assert answer.status == 409 and answer.json["error"]["code"] == "too_late", answer.text
    answer = system.ask("student-123", "DELETE", f"/bookings/{first}?reason=ill")
    assert answer.json["status"] == "cancelled" and answer.json["cancellationReason"] == "ill", answer.text
    system.told("student-123", first, "Booking Cancelled", "Booking Created")
    system.told("tutor-123", first, "Booking Cancelled", "New Booking Request")
    assert system.ask("student-123", "DELETE", f"/bookings/{first}").status == 409
    yield "cancelled at the latest 24 h before, once; BookingCancelled tells both (Booking Cancelled)"


def payments(system):
    booking = system.booked()
    answer = system.ask("student-123", "POST", "/payments", {"bookingId": booking})
    assert answer.status == 201 and answer.json["status"] == "completed", answer.text
    payment = answer.json["paymentId"]
    assert system.ask("student-123", "GET", f"/bookings/{booking}").json["status"] == "confirmed"
    assert system.ask("student-123", "POST", "/payments", {"bookingId": booking}).status == 409
    system.told("student-123", booking, "Booking Created", "Payment Confirmed")
    system.told("tutor-123", booking, "New Booking Request", "Payment Received")
    yield "POST /payments confirms the booking, once; PaymentCompleted tells both (Payment Received, Payment Confirmed)"

    assert system.ask("student-123", "DELETE", f"/bookings/{booking}?reason=ill").status == 200
    shown = wait_for("the refund", lambda: (
        lambda p: p.json if p.json["status"] == "refunded" else None)(system.ask("student-123", "GET", f"/payments/{payment}")))
    assert shown["refundedAmount"] == 50 and shown["refundReason"] == "ill", shown
    job = json.dumps({"bookingId": booking, "paymentId": payment, "amount": 50, "reason": "again"})
    before = system.metric(system.worker, "warren_handled_total", queue="payment.refund", outcome="complete")
    publish_to(system, "payment.refund", job)
    wait_for("the repeat is handled", lambda: system.metric(
        system.worker, "warren_handled_total", queue="payment.refund", outcome="complete") == before + 1)
    assert system.ask("student-123", "GET", f"/payments/{payment}").json == shown
    yield "cancelling a paid booking: the payment service consumes payment.refund and the payment shows it; the same job again changes nothing"


def publish_to(system, queue, body):
    """A job, as another service would send it: through an exchange of its own."""
    file = system.data / "jobs.json"
    target = {"exchange": "tutorgo_dlx", "key": f"{queue}.dead", "kind": "direct", "queue": f"{queue}.dead"}
    file.write_text(json.dumps({
        "exchanges": [{"name": "another_service", "kind": "topic"}, {"name": "tutorgo_dlx", "kind": "direct"}],
        "queues": [{"name": queue, "deadLetter": target}],
        "bindings": [{"exchange": "another_service", "key": queue, "queue": queue}]}))
    warren(system.broker, "topology", "apply", str(file))
    warren(system.broker, "event", "publish", "another_service", queue, "--plain", "--data", body)


def reviews(system):
    answer = system.ask("student-123", "POST", "/bookings", {
        "tutorId": "tutor-123", "subject": "Physics", "startTime": later(seconds=3), "endTime": later(seconds=4)})
    assert answer.status == 201, answer.text
    booking = answer.json["bookingId"]
    review = {"bookingId": booking, "rating": 5, "comment": "Clear"}
    assert system.ask("student-123", "POST", "/reviews", review).status == 409

    def change(status):
        return system.ask("tutor-123", "PATCH", f"/bookings/{booking}", {"status": status})

    assert change("confirmed").json["status"] == "confirmed"
    assert change("completed").json["error"]["code"] == "not_over"
    wait_for("the lesson is over", lambda: change("completed").status == 200)
    answer = system.ask("student-123", "POST", "/reviews", review)
    assert answer.status == 201, answer.text
    assert system.ask("student-123", "POST", "/reviews", review).status == 409
    system.told("tutor-123", booking, "New Booking Request", "New Review Received")
    assert system.ask("student-123", "GET", "/tutors/tutor-123").json["averageRating"] == 5
    yield "pending → confirmed → completed; then POST /reviews, once; ReviewSubmitted tells the tutor (New Review Received)"


def wrong_input(system):
    strange = ["", 7, None, "x" * 5_000, "\u0000", "'; DROP TABLE bookings; --", [], {}, -1, 1e308, True]
    body = {"tutorId": "tutor-123", "subject": "Math", "startTime": later(hours=47), "endTime": later(hours=48), "totalAmount": 50}
    routes = [
        ("/bookings", body), ("/payments", {"bookingId": "b", "amount": 5}), ("/reviews", {"bookingId": "b", "rating": 5, "comment": "c"}),
    ]
    count = 0
    for path, fields in routes:
        for field in fields:
            for value in strange:
                if field in ("totalAmount", "amount", "comment") and value in (None, "", "'; DROP TABLE bookings; --"):
                    continue
                answer = system.ask("s", "POST", path, {**fields, field: value})
                assert 400 <= answer.status < 500 and answer.json["error"]["message"], (path, field, value, answer.text)
                count += 1
    huge = system.api.request("POST", "/bookings", {"tutorId": "x" * 2_000_000}, headers={"x-user-id": "s"})
    assert huge.status == 413, huge.status
    assert system.api.request("POST", "/bookings", body).status == 401
    assert system.ask("stranger", "GET", "/users/tutor-123/notifications").status == 403
    assert system.ask("stranger", "PUT", "/tutors/tutor-123", {"name": "x", "subjects": ["x"], "hourlyRate": 1}).status == 403
    assert system.ask("s", "GET", "/bookings").json["bookings"] == []
    yield f"{count} wrong fields, a huge body, no caller, other people's notifications: each a 4xx, and nothing is left behind"


def foreign(system):
    event = {
        "bookingId": "booking-of-node", "tutorId": "tutor-123", "studentId": "student-123", "subject": "Math",
        "startTime": "2027-01-15T18:00:00.000Z", "totalAmount": 50, "timestamp": "2027-01-01T08:00:00.000Z"}
    warren(system.broker, "event", "publish", "tutorgo_events", "booking.created", "--plain", "--data", json.dumps(event))
    system.told("student-123", "booking-of-node", "Booking Created")
    del event["totalAmount"]
    warren(system.broker, "event", "publish", "tutorgo_events", "booking.cancelled", "--plain", "--data", json.dumps(event))
    system.told("student-123", "booking-of-node", "Booking Created", "Booking Cancelled")
    yield "the document's flat event, published by another program, is handled; created and cancelled differ by their keys"

    for name in ("booking.created", "payment.completed", "review.submitted"):
        warren(system.broker, "event", "publish", "tutorgo_events", name, "--plain", "--data", '{"bookingId":"broken"}')
    publish_to(system, "payment.refund", '{"bookingId":"broken"}')
    queues = {"notification.booking.dead", "notification.payment.dead", "notification.review.dead", "payment.refund.dead"}
    wait_for("four dead letters", lambda: {letter["queue"] for letter in warren(system.broker, "dead", "ls")} == queues)
    exchanges = {entry["name"]: entry["kind"] for entry in warren(system.broker, "topology", "show")["exchanges"]}
    assert exchanges["tutorgo_dlx"] == "direct" and exchanges["tutorgo_events"] == "topic", exchanges
    warren(system.broker, "dead", "delete", "--all", "--yes")
    yield "what cannot be read goes through tutorgo_dlx to " + ", ".join(sorted(queues))


def retries(system):
    """A user whose mails the server answers with 451, each time."""
    assert system.ask("unlucky", "PUT", "/users/unlucky", {"name": "U", "email": "later@example.org"}).status == 200
    audited = system.depth("audit")
    failing = [system.booked("unlucky") for _ in range(6)]
    wait_for("the first failures", lambda: (system.metric(
        system.worker, "warren_retries_total", queue="notification.booking") or 0) >= 6)
    began = time.monotonic()
    healthy = system.booked("lucky")
    system.told("lucky", healthy, "Booking Created", seconds=5)
    took = time.monotonic() - began
    yield f"six messages wait for their retry, more than the prefetch of 5, and another is handled after {took * 1000:.0f} ms: no sleep holds a delivery"

    letters = wait_for("six dead letters", lambda: (
        lambda letters: letters if len(letters) == 6 else None)(warren(system.broker, "dead", "ls")), 60)
    assert {letter["queue"] for letter in letters} == {"notification.booking.dead"}, letters
    letter = warren(system.broker, "dead", "show", letters[0]["id"])
    times = [failure_time(failure) for failure in letter["failures"]]
    pauses = [b - a for a, b in zip(times, times[1:])]
    assert len(times) == 4 and all(want <= pause < want + 3 for want, pause in zip((2, 4, 8), pauses)), (pauses, letter)
    assert "451" in json.dumps(letter), letter
    yield "tried again after " + ", ".join(f"{pause:.1f}" for pause in pauses) + " s, then in notification.booking.dead with the mail server's answer"
    assert system.depth("audit") == audited + 7, system.depth("audit") - audited
    assert all(len(system.notifications("unlucky", booking)) == 1 for booking in failing)
    yield "a retry goes to its own queue: another queue of the exchange got each of the seven events once, and each user one notification"

    assert system.ask("unlucky", "PUT", "/users/unlucky", {"name": "U", "email": "unlucky@example.org"}).status == 200
    warren(system.broker, "dead", "replay", "--all", "--yes")
    wait_for("six mails", lambda: sum(mail["to"] == "unlucky@example.org" for mail in system.mail.mails) == 6)
    yield "replayed after the address was corrected: six mails"


def failure_time(failure):
    return datetime.datetime.fromisoformat(failure["time"].replace("Z", "+00:00")).timestamp()


def mail_server_down(system):
    assert system.ask("ada", "PUT", "/users/ada", {"name": "Ada", "email": "ada@example.org"}).status == 200
    system.booked("ada")
    wait_for("the first mail", lambda: sum(mail["to"] == "ada@example.org" for mail in system.mail.mails) == 1)
    system.mail.stop()
    began = time.monotonic()
    for _ in range(20):
        system.booked("ada")
    took = (time.monotonic() - began) / 20
    wait_for("the circuit is open", lambda: system.metric(system.worker, "warren_breaker_open", dependency="mail") == 1)
    assert warren(system.broker, "dead", "ls") == []
    system.mail.start(system.data)
    wait_for("21 mails", lambda: sum(mail["to"] == "ada@example.org" for mail in system.mail.mails) == 21, 60)
    assert system.metric(system.worker, "warren_breaker_open", dependency="mail") == 0
    ids = [mail["id"] for mail in system.mail.mails if mail["to"] == "ada@example.org"]
    assert len(set(ids)) == 21 and warren(system.broker, "dead", "ls") == []
    yield f"mail server down: a booking takes {took * 1000:.0f} ms, the circuit breaker opens, nothing is acknowledged or parked; back again, every mail goes out once"


def options(system):
    assert system.worker.stop() == 0 and system.api.stop() == 0
    system.api = system.start("api", RABBITMQ_COMPRESS_ABOVE="0")
    packed = system.booked()
    wait_relayed(system)
    system.api.stop()
    system.api = system.start("api", RABBITMQ_MESSAGE_TTL="1")
    expired = system.booked()
    wait_relayed(system)
    time.sleep(0.1)
    system.api.stop()
    system.api, system.worker = system.start("api"), system.start("worker")
    system.told("student-123", packed, "Booking Created")
    yield "RABBITMQ_COMPRESS_ABOVE: a packed event is handled as any"
    letters = wait_for("the expired event", lambda: [
        letter for letter in warren(system.broker, "dead", "ls") if letter["queue"] == "notification.booking.dead"])
    assert [letter["reason"] for letter in letters] == ["expired"], letters
    assert system.notifications("student-123", expired) == []
    warren(system.broker, "dead", "delete", "--all", "--yes")
    yield "RABBITMQ_MESSAGE_TTL: an event that is too old is not handled, and is a dead letter with that reason"

    folder = system.data / "another"
    folder.mkdir()
    url = f"sqlite:{folder / 'broker.db'}"
    other = Process(SYSTEM, "all", folder, url, {"RABBITMQ_EXCHANGE": "another_exchange"})
    assert "another_exchange" in [entry["name"] for entry in warren(url, "topology", "show")["exchanges"]]
    assert other.stop() == 0
    yield "RABBITMQ_EXCHANGE: events go to an exchange of another name"


def wait_relayed(system):
    wait_for("the event is published", lambda: (system.metric(
        system.api, "warren_published_total", result="stored") or 0) >= 1)


def broker_away(system):
    folder = os.environ.get("WARREN_RABBITMQ_DIR") if system.broker.startswith("amqp") else None
    if not folder:
        system.worker.kill()
        booking = system.booked()
        time.sleep(0.5)
        assert system.notifications("student-123", booking) == []
        system.worker = system.start("worker")
        system.told("student-123", booking, "Booking Created")
        yield "no worker: bookings are answered, and handled once there is one"
        return
    subprocess.run([ROOT / "scripts/rabbitmq", "halt", folder, "rabbit"], check=True, capture_output=True)
    try:
        bookings = [system.booked() for _ in range(3)]
        wait_for("the gauge", lambda: system.metric(system.api, "warren_connection_up") == 0)
    finally:
        subprocess.run([ROOT / "scripts/rabbitmq", "restart", folder, "rabbit"], check=True, capture_output=True)
    for booking in bookings:
        system.told("student-123", booking, "Booking Created", seconds=60)
    assert system.api.process.poll() is None and system.worker.process.poll() is None
    wait_for("the gauge", lambda: system.metric(system.api, "warren_connection_up") == 1)
    yield "RabbitMQ stopped: bookings are answered and their events kept; back again, publisher and consumers go on in the same processes"


def kills(system):
    assert system.ask("eve", "PUT", "/users/eve", {"name": "Eve", "email": "eve@example.org"}).status == 200
    booked = []
    count = 0
    while count < 8:
        for _ in range(6):
            booked.append(system.booked("eve"))
        time.sleep(system.random.random() * 0.3)
        count += 1
        if system.random.random() < 0.5:
            system.worker.kill()
            system.worker = system.start("worker")
        else:
            system.api.kill()
            system.api = system.start("api")
    for booking in booked:
        system.told("eve", booking, "Booking Created", seconds=90)
    wait_for("each booking has its mail", lambda: len(
        {mail["id"] for mail in system.mail.mails if mail["to"] == "eve@example.org"}) == len(booked), 90)
    ids = [mail["id"] for mail in system.mail.mails if mail["to"] == "eve@example.org"]
    repeats = len(ids) - len(set(ids))
    assert repeats <= count * 5, f"{repeats} repeats"
    yield f"{count} SIGKILLs of API and worker: {len(booked)} bookings, each with one notification and its mail, {repeats} mails repeated with their Message-ID"


def metrics(system):
    booking = system.booked("unmetered")
    system.told("unmetered", booking, "Booking Created")
    warren(system.broker, "event", "publish", "tutorgo_events", "booking.created", "--plain", "--data", "{}")
    assert system.ask("meter", "PUT", "/users/meter", {"name": "M", "email": "later@example.org"}).status == 200
    system.booked("meter")
    wait_for("a retry", lambda: system.metric(system.worker, "warren_retries_total"))
    wait_for("the gauges", lambda: any(
        system.metric(process, "warren_dead_letters", queue="notification.booking.dead")
        for process in (system.api, system.worker)))
    missing = [name for name in METRICS if all(
        system.metric(process, name) is None for process in (system.api, system.worker))]
    assert not missing, missing
    yield "the seven metrics: " + ", ".join(METRICS)
