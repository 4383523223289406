"""bookspace: each row of its requirements and each fault of such systems, on real processes."""
import datetime
import json
import os
import pathlib
import random
import subprocess
import time
import urllib.parse

import deployment
from running import PROGRAMS, ROOT, Process, free_port, wait_for, warren

SYSTEM = "bookspace"
QUEUE, DEAD = "bookspace.notifications", "bookspace.events.dlq"


def checks(data, broker, seed):
    """Yields a sentence for what holds now; an AssertionError for what does not."""
    system = System(data, broker, seed)
    for part in (
        layout, routes, wrong_input, log_lines, steps, beyond, redelivery, retries, correction, unknown, waiting, broker_away, kills,
    ):
        yield from part(system)
    assert system.api.stop() == 0 and system.worker.stop() == 0
    yield "SIGTERM: both end with 0"
    yield from without_broker(system)
    yield from deployment.bookspace()


class System:
    """The processes, and what a person does with them."""

    def __init__(self, data, broker, seed):
        self.data, self.broker = data, broker
        self.random = random.Random(seed)
        self.api, self.worker = self.start("api"), self.start("worker")
        # A queue of another service, which gets every event of the exchange.
        file = data / "audit.json"
        file.write_text(json.dumps({
            "exchanges": [{"name": "bookspace.events", "kind": "fanout"}], "queues": [{"name": "audit"}],
            "bindings": [{"exchange": "bookspace.events", "queue": "audit"}]}))
        warren(broker, "topology", "apply", str(file))

    def start(self, role):
        return Process(SYSTEM, role, self.data, self.broker)

    def ask(self, method, path, body=None, who="user123"):
        return self.api.request(method, path, body, headers={"x-user-id": who} if who else {})

    def write(self, title="API Guide", content="REST best practices", who="user123"):
        answer = self.ask("POST", "/v1/docs", {"title": title, "content": content, "tags": ["api", "guide"]}, who)
        assert answer.status == 201 and answer.json["documentId"], answer.text
        return answer.json["documentId"]

    def messages(self, who="user123"):
        return [entry["message"] for entry in self.ask("GET", f"/v1/users/{who}/notifications", None, who).json["notifications"]]

    def told(self, message, who="user123", seconds=20):
        wait_for(f"{who} is told: {message}", lambda: message in self.messages(who), seconds)

    def found(self, words):
        query = urllib.parse.quote(words)
        return [document["documentId"] for document in self.ask("GET", f"/v1/docs/search?q={query}").json["documents"]]

    def counted(self, event):
        return sum(entry["count"] for entry in self.ask("GET", "/v1/stats").json["counts"] if entry["event"] == event)

    def logged(self, process):
        return pathlib.Path(process.log.name).read_text(errors="replace")

    def fail(self, event, on):
        file = self.data / f"fail.{event}"
        file.touch() if on else file.unlink()

    def queue(self, name):
        return next(entry for entry in warren(self.broker, "queue", "ls") if entry["name"] == name)

    def publish(self, event, content, *options):
        warren(self.broker, "event", "publish", "bookspace.events", event, "--data", json.dumps(content), *options)

    def letters(self):
        return warren(self.broker, "dead", "ls")


def layout(system):
    topology = warren(system.broker, "topology", "show")
    exchanges = {exchange["name"]: exchange["kind"] for exchange in topology["exchanges"]}
    assert exchanges["bookspace.events"] == "fanout" and "bookspace.events.dlx" in exchanges, exchanges
    assert {QUEUE, DEAD} <= {queue["name"] for queue in topology["queues"]}, topology["queues"]
    assert any(b["exchange"] == "bookspace.events" and b["queue"] == QUEUE for b in topology["bindings"]), topology["bindings"]
    yield f"fanout exchange bookspace.events with queue {QUEUE}; dead-letter exchange bookspace.events.dlx with queue {DEAD}"


def routes(system):
    document = system.write()
    changed = system.ask("PUT", f"/v1/docs/{document}", {"content": "Updated content..."})
    assert changed.status == 200 and changed.json["content"] == "Updated content...", changed.text
    shown = system.ask("GET", f"/v1/docs/{document}", None, "reader").json
    assert (shown["title"], shown["content"], shown["tags"], shown["createdBy"]) == ("API Guide", "Updated content...", ["api", "guide"], "user123"), shown
    comment = system.ask("POST", f"/v1/docs/{document}/comments", {"content": "Helpful!"}, "reader")
    assert comment.status == 201 and system.ask("GET", f"/v1/docs/{document}/comments").json["comments"][0]["content"] == "Helpful!"
    user = system.ask("POST", "/v1/users", {"name": "Ada", "email": "ada@example.org"}, None)
    assert user.status == 201 and user.json["userId"], user.text
    wait_for("the document is found", lambda: system.found("updated") == [document])
    system.told("Welcome to BookSpace, Ada", user.json["userId"])
    yield "POST, PUT, GET /v1/docs, its search and comments, POST /v1/users: as documented, the caller being x-user-id"


def wrong_input(system):
    document = system.write("Strict")
    wrong = [("/v1/docs", {"title": title, "content": "c"}, "title") for title in ("", " ", "t" * 201, 5, None, "a\nb")]
    wrong += [("/v1/docs", {"title": "t", "content": content}, "content") for content in ("", " ", None, 5, [], "c" * 100_001)]
    wrong += [("/v1/docs", {"title": "t", "content": "c", "tags": tags}, "tags") for tags in (["x" * 51], "x", [5], [str(n) for n in range(11)])]
    wrong += [(f"/v1/docs/{document}/comments", {"content": content}, "content") for content in ("", " ", None, 5, "c" * 1_001)]
    wrong += [("/v1/users", {"name": "n", "email": email}, "email") for email in ("", "eve", "eve@", "e@x.org\r\nBcc: y@x.org", 5)]
    for path, body, field in wrong:
        answer = system.ask("POST", path, body)
        assert answer.status == 400 and field in answer.json["error"]["message"], (path, body, answer.text)
    assert system.ask("PUT", f"/v1/docs/{document}", {}).status == 400
    assert system.ask("PUT", f"/v1/docs/{document}", {"title": "Mine now"}, "stranger").status == 403
    assert system.ask("GET", "/v1/users/user123/notifications", None, "stranger").status == 403
    assert system.ask("POST", "/v1/docs", {"title": "t", "content": "c"}, None).status == 401
    assert system.ask("GET", "/v1/docs/unknown").status == 404 == system.ask("POST", "/v1/docs/unknown/comments", {"content": "c"}).status
    assert system.ask("POST", "/v1/users", {"name": "Ada", "email": "ADA@example.org"}, None).status == 409
    assert system.ask("POST", "/v1/docs", {"title": "t" * 3_000_000}).status == 413
    marker = system.write("Marker")
    wait_for("the next event is handled", lambda: marker in system.found("marker"))
    assert system.counted("document.created") == 3 and system.counted("comment.added") == 1 == system.counted("user.registered")
    yield f"{len(wrong)} wrong fields, other people's documents and notifications, a huge body: each a 4xx, and nothing is left behind"


def log_lines(system):
    api, worker = system.logged(system.api), system.logged(system.worker)
    for line in ("document.created event published", "document.updated event published"):
        assert line in api, line
    for line in ("Subscribed to queue", "Processing document.created event", "Processing document.updated event", "Event processed"):
        assert line in worker, line
    yield 'the log lines of the document, word for word: "… event published", "Subscribed to queue", "Processing … event", "Event processed"'


def steps(system):
    document = system.write("Steps")
    system.told("Your document 'Steps' has been created")
    system.ask("PUT", f"/v1/docs/{document}", {"content": "Richardson maturity"})
    system.told("Your document 'Steps' has been updated")
    system.ask("POST", f"/v1/docs/{document}/comments", {"content": "Good"}, "reader")
    system.told("reader commented on your document 'Steps'")
    wait_for("the new words are found", lambda: system.found("maturity") == [document])
    assert system.counted("document.created") == 4
    yield "a handler for each of the four events: it notifies (\"Your document 'Steps' has been created\"), indexes for search, and counts"


def beyond(system):
    document = system.write("Draft", who="author")
    system.ask("PUT", f"/v1/docs/{document}", {"title": "Final"}, "author")
    assert [v["title"] for v in system.ask("GET", f"/v1/docs/{document}/versions").json["versions"]] == ["Draft"]
    listed = system.ask("GET", "/v1/docs?author=author&tag=guide&page=1&limit=5").json
    assert listed["total"] == 1 and listed["documents"][0]["title"] == "Final", listed
    comment = system.ask("POST", f"/v1/docs/{document}/comments", {"content": "Off topic"}, "reader").json["commentId"]
    assert system.ask("DELETE", f"/v1/docs/{document}/comments/{comment}", None, "stranger").status == 403
    assert system.ask("DELETE", f"/v1/docs/{document}/comments/{comment}", None, "author").status == 204
    wait_for("it is found", lambda: system.found("final"))
    assert system.ask("DELETE", f"/v1/docs/{document}", None, "stranger").status == 403
    assert system.ask("DELETE", f"/v1/docs/{document}", None, "author").status == 204
    system.told("Your document 'Final' has been deleted", "author")
    assert system.ask("GET", f"/v1/docs/{document}").status == 404 and not system.found("final")
    user = system.ask("POST", "/v1/users", {"name": "Ben", "email": "ben@example.org"}, None).json["userId"]
    assert system.ask("PUT", f"/v1/users/{user}", {"email": "b@example.org"}, user).json["email"] == "b@example.org"
    system.told("Your profile has been updated", user)
    assert system.ask("DELETE", f"/v1/users/{user}", None, user).status == 204
    wait_for("the notifications are forgotten", lambda: not system.messages(user))
    events = ("document.deleted", "comment.deleted", "user.updated", "user.deleted")
    wait_for("each is counted", lambda: all(system.counted(event) == 1 for event in events))
    yield "beyond the document: " + ", ".join(events) + "; versions; lists by page, tag and author"


def redelivery(system):
    content = {"documentId": "redelivered", "title": "Twice", "createdBy": "twice", "tags": []}
    counted = system.counted("document.created")
    processed = system.logged(system.worker).count("Event processed")
    for _ in range(3):
        system.publish("document.created", content, "--id", "the-same-event")
    wait_for("it is handled three times", lambda: system.logged(system.worker).count("Event processed") == processed + 3)
    assert system.messages("twice") == ["Your document 'Twice' has been created"] and system.counted("document.created") == counted + 1
    yield "each step is idempotent: an event that comes three times notifies and counts once"


def retries(system):
    system.fail("document.created", True)
    audited = system.queue("audit")["ready"]
    document = system.write("Budget", "Numbers")
    letter = wait_for("it is a dead letter", system.letters)[0]
    assert (letter["queue"], letter["origin"]) == (DEAD, QUEUE), letter
    shown = warren(system.broker, "dead", "show", letter["id"])
    times = [datetime.datetime.fromisoformat(failure["time"].replace("Z", "+00:00")).timestamp() for failure in shown["failures"]]
    pauses = [after - before for before, after in zip(times, times[1:])]
    assert len(times) == 4 and all(wanted <= pause + 0.02 and pause < wanted + 3 for wanted, pause in zip((1, 2, 4), pauses)), pauses
    assert "the file fail.document.created is there" in json.dumps(shown), shown
    body = json.loads(shown["body"]["text"])
    assert set(body) == {"type", "timestamp", "data"} and body["type"] == "document.created", body
    assert set(body["data"]) == {"documentId", "title", "createdBy", "tags"} and body["data"]["documentId"] == document, body
    yield "a handler that fails: again after " + ", ".join(f"{pause:.2f}" for pause in pauses) + f" s; the fourth failure moves the event to {DEAD}, with error and history"
    yield "the event is {type, timestamp, data: {documentId, title, createdBy, tags}}"
    assert any(" error " in line and "Message dead-lettered" in line for line in system.logged(system.worker).splitlines())
    wait_for("the gauge", lambda: sum(
        f'warren_dead_letters{{queue="{DEAD}"}} 1' in process.request("GET", "/metrics").text
        for process in (system.api, system.worker)) == 1, 30)
    yield "on call: a line at error level, and warren_dead_letters, on which the alert rule of Deploy/alerts.yaml fires"
    assert system.queue("audit")["ready"] == audited + 1, system.queue("audit")
    yield "a retry is not published to the fanout again: another queue of the exchange got the event once"


def correction(system):
    letter = system.letters()[0]["id"]
    system.fail("document.created", False)
    warren(system.broker, "dead", "replay", letter)
    system.told("Your document 'Budget' has been created")
    wait_for("it is found", lambda: system.found("numbers"))
    assert system.letters() == [] and system.messages().count("Your document 'Budget' has been created") == 1
    yield "seen and replayed by the command line: handled, with one notification for five tries"
    system.write("Broken [fail]")
    letter = wait_for("it is a dead letter", system.letters)[0]["id"]
    body = json.loads(warren(system.broker, "dead", "show", letter)["body"]["text"])
    body["data"]["title"] = "Corrected"
    file = system.data / "body.json"
    file.write_text(json.dumps(body))
    warren(system.broker, "dead", "edit", letter, "--body", str(file), "--yes")
    system.told("Your document 'Corrected' has been created")
    assert system.letters() == []
    yield "edited by the command line: the corrected event is handled"


def unknown(system):
    system.publish("document.archived", {"documentId": "d"})
    letter = wait_for("it is a dead letter", system.letters)[0]
    assert letter["name"] == "document.archived" and "no handler" in json.dumps(letter), letter
    warren(system.broker, "dead", "delete", "--all", "--yes")
    yield "an event of a type that no handler takes is not dropped: it is a dead letter that says so"


def waiting(system):
    system.worker.kill()
    for number in range(3):
        system.write(f"Waiting {number}")
    wait_for("three wait", lambda: system.queue(QUEUE)["ready"] >= 3)
    system.worker = system.start("worker")
    for number in range(3):
        system.told(f"Your document 'Waiting {number}' has been created")
    yield "no worker: the API answers, the queue's depth shows what waits, and all is handled once there is a worker"
    # What is delayed is kept by the broker, not by a timer of the worker.
    system.fail("document.created", True)
    before = system.logged(system.worker).count("Handling failed, will retry")
    system.write("Delayed")
    wait_for("it failed twice", lambda: system.logged(system.worker).count("Handling failed, will retry") == before + 2)
    system.worker.kill()
    system.fail("document.created", False)
    system.worker = system.start("worker")
    wait_for("it is indexed", lambda: system.found("delayed"))
    # It was killed before or after the broker had settled the second failure.
    line = next(line for line in system.logged(system.worker).splitlines() if "Processing document.created" in line)
    assert "attempt=3" in line or "attempt=2" in line, line
    yield "a worker that is killed during a pause loses no retry: the next worker makes the attempt that is due"


def broker_away(system):
    node = os.environ.get("WARREN_RABBITMQ_DIR") if system.broker.startswith("amqp") else None
    if not node:
        return
    subprocess.run([ROOT / "scripts/rabbitmq", "halt", node, "rabbit"], check=True, capture_output=True)
    try:
        for number in range(3):
            system.write(f"Away {number}")
        wait_for("the log says so", lambda: "Not connected to RabbitMQ" in system.logged(system.api))
    finally:
        subprocess.run([ROOT / "scripts/rabbitmq", "restart", node, "rabbit"], check=True, capture_output=True)
    for number in range(3):
        system.told(f"Your document 'Away {number}' has been created", seconds=60)
    yield 'RabbitMQ stopped: documents are saved, the log says "Not connected to RabbitMQ", and their events are handled when it is back'


def kills(system):
    counted, written, rounds = system.counted("document.created"), 0, 8
    for _ in range(rounds):
        for _ in range(6):
            system.write(f"Killed {written}", who="eve")
            written += 1
        time.sleep(system.random.random() * 0.3)
        if system.random.random() < 0.5:
            system.worker.kill()
            system.worker = system.start("worker")
        else:
            system.api.kill()
            system.api = system.start("api")
    expected = sorted(f"Your document 'Killed {number}' has been created" for number in range(written))
    wait_for("each is notified once", lambda: sorted(system.messages("eve")) == expected, 90)
    wait_for("each is counted once", lambda: system.counted("document.created") == counted + written)
    wait_for("each is found", lambda: len(system.found("killed")) == min(written, 50))
    assert system.letters() == []
    yield f"{rounds} SIGKILLs of API and worker: {written} documents, each with one notification, indexed, and counted once"


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
        assert status("/ready") == 503 and status("/v1/stats") == 503
        wait_for("the log says so", lambda: b"Not connected to RabbitMQ" in (data / "api.log").read_bytes())
    finally:
        process.terminate()
        assert process.wait(30) == 0
    yield 'without its broker an API serves nothing: 503 on /ready and on every route, and "Not connected to RabbitMQ" in the log'
