"""backstage: each row of its requirements and each fault of such systems, on real processes."""
import concurrent.futures
import json
import os
import pathlib
import random
import re
import subprocess
import time
import urllib.parse

import deployment
from running import PROGRAMS, ROOT, MailServer, Process, free_port, wait_for, warren

SYSTEM = "backstage"
APIS = ("users", "publications", "tickets", "market")
SERVICES = (*APIS, "notifications", "email", "analytics")
# How many mails the email service sends at once: what a kill can repeat at most.
CONCURRENCY = 8


def checks(data, broker, seed):
    """Yields a sentence for what holds now; an AssertionError for what does not."""
    system = System(data, broker, seed)
    yield from layout(system)
    yield from routes(system)
    yield from wrong_input(system)
    yield from events(system)
    yield from notifications(system)
    yield from sales(system)
    yield from other_programs(system)
    yield from mail_server(system)
    yield from broker_away(system)
    yield from cascade(system)
    assert all(process.stop() == 0 for process in system.processes.values())
    yield "SIGTERM: API and worker end with 0"
    system.start_alone()
    yield "each of the seven services starts alone (backstage service NAME --port N) and is ready"
    yield from kills(system)
    yield from own_name(system)
    yield from deployment.backstage(system.processes["users"].port)
    assert all(process.stop() == 0 for process in system.processes.values())
    yield "SIGTERM: all seven end with 0"
    yield from selection(system)
    system.listener.stop()
    system.mail.stop()


class Listener:
    """A service that is not part of the system: it gets events, whole lines of JSON, under a name of its own."""

    def __init__(self, system, name, *patterns):
        self.path = system.data / f"listener-{name}.log"
        environment = {**os.environ, "SERVICE_NAME": name, "WARREN_BROKER": system.broker}
        self.process = subprocess.Popen(
            [PROGRAMS / "backstage-listener", *patterns], stdout=open(self.path, "wb"), stderr=subprocess.STDOUT, env=environment)
        wait_for(f"{name} has its queue", lambda: f"{name}.queue" in queues(system.broker))

    @property
    def events(self):
        lines = self.path.read_text().splitlines()
        return [json.loads(line.removeprefix("Received event: ")) for line in lines if line.startswith("Received event: ")]

    def of(self, kind):
        return [event for event in self.events if event["type"] == kind]

    def stop(self):
        self.process.terminate()
        return self.process.wait(60)


class System:
    """The processes, and what a person does with them."""

    def __init__(self, data, broker, seed):
        self.data, self.broker = data, broker
        self.random = random.Random(seed)
        self.mail = MailServer()
        self.mail.start(data)
        self.processes = {}
        for role in ("api", "worker"):
            self.start(role)
        self.listener = Listener(self, "everything", "#")
        self.people = 0

    def start(self, role, **environment):
        name = role.removeprefix("service ")
        self.processes[name] = Process(SYSTEM, role, self.data, self.broker, {"SMTP_URL": self.mail.url, **environment})

    def start_alone(self):
        self.processes = {}
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(lambda name: self.start(f"service {name}"), SERVICES))

    def ask(self, method, path, body=None):
        """Asks the process that has the route: when the services run alone, the one that it belongs to."""
        first = path.strip("/").split("/")[0].split("?")[0]
        owner = {"events": "publications", "posts": "publications", "listings": "market"}.get(first, first)
        if "/notifications" in path:
            owner = "notifications"
        process = self.processes.get(owner) or self.processes["api"]
        return process.request(method, path, body)

    def make(self, path, **body):
        answer = self.ask("POST", path, body)
        assert answer.status == 201, (path, answer.status, answer.text)
        return answer.json

    def person(self, name=None):
        self.people += 1
        name = name or f"p{self.people}"
        return self.make("/users", name=name.title(), email=f"{name}-{self.people}@example.org")["user_id"]

    def concert(self, title="Night of the proms"):
        return self.make("/events", user_id=self.person(), title=title)["event_id"]

    def ticket(self, user, concert):
        return self.make("/tickets", user_id=user, event_id=concert)["ticket_id"]

    def notifications(self, user, kind=None):
        answer = self.ask("GET", f"/users/{user}/notifications").json
        return [entry for entry in answer["notifications"] if kind in (None, entry["type"])]

    def mails(self, text):
        return [mail for mail in self.mail.mails if text in mail["text"]]

    def counted(self, kind):
        return self.ask("GET", f"/analytics?type={kind}").json["total"]


def queues(broker):
    return {queue["name"]: queue for queue in warren(broker, "queue", "ls") or []}


def layout(system):
    topology = warren(system.broker, "topology", "show")
    exchanges = {exchange["name"]: exchange["kind"] for exchange in topology["exchanges"]}
    assert exchanges["backstage.events"] == exchanges["backstage.notifications"] == "topic", exchanges
    names = {queue["name"] for queue in topology["queues"]}
    assert {"notifications.queue", "email.queue", "analytics.queue"} <= names, names
    bound = {(b["exchange"], b["key"]) for b in topology["bindings"] if b["queue"] == "notifications.queue"}
    assert {("backstage.events", key) for key in ("ticket.purchased", "event.reminder", "listing.sold")} <= bound, bound
    assert ("backstage.notifications", "notification.#") in bound and ("concerts", "concerts.recommended") in bound, bound
    yield "topic exchanges backstage.events and backstage.notifications; queues notifications.queue, email.queue, analytics.queue; bindings as documented"


def routes(system):
    ada, ben = system.person("ada"), system.person("ben")
    assert system.ask("PUT", f"/users/{ada}", {"name": "Ada L."}).json["name"] == "Ada L."
    concert = system.make("/events", user_id=ada, title="Proms", venue="Hall", starts_at="2035-06-01T19:00:00Z")
    assert concert["starts_at"] == "2035-06-01T19:00:00Z"
    concert = concert["event_id"]
    refused = system.ask("PUT", f"/events/{concert}", {"user_id": 999999, "title": "Mine"})
    assert refused.status == 403 and "user_id" in refused.json["error"]["message"], refused.text
    assert system.ask("PUT", f"/events/{concert}", {"title": "Last night of the proms"}).json["title"].startswith("Last")
    wait_for("the new name is known", lambda: system.ask("GET", f"/tickets/{system.ticket(ada, concert)}").json["event_name"].startswith("Last"))
    ticket = system.ticket(ada, concert)
    assert system.ask("POST", f"/tickets/{ticket}/transfer", {"user_id": ada, "to_user_id": ben}).json["user_id"] == ben
    assert system.ask("POST", f"/tickets/{ticket}/transfer", {"user_id": ada, "to_user_id": ben}).status == 403
    listing = system.make("/listings", user_id=ben, ticket_id=ticket, price_cents=4500)["listing_id"]
    assert any(entry["listing_id"] == listing for entry in system.ask("GET", "/listings").json["listings"])
    assert system.ask("POST", "/listings", {"user_id": ben, "ticket_id": ticket, "price_cents": 1}).status == 409
    assert system.ask("POST", f"/listings/{listing}/buy", {"user_id": ben}).status == 400
    assert system.ask("POST", f"/listings/{listing}/buy", {"user_id": ada}).json["status"] == "sold"
    assert system.ask("POST", f"/events/{concert}/reminders").status == 202
    post = system.make("/posts", user_id=ada, title="My Post", content="Hello")["post_id"]
    system.make(f"/posts/{post}/likes", user_id=ben)
    assert system.ask("POST", f"/posts/{post}/likes", {"user_id": ben}).status == 409
    gone = system.person("gone")
    assert system.ask("DELETE", f"/users/{gone}").status == 204 and system.ask("DELETE", f"/users/{gone}").status == 404
    yield "all routes of the section answer, in snake_case; a user who was just made can buy at once, though tickets are another service"


def wrong_input(system):
    user, concert = system.person(), system.concert()
    ticket = system.ticket(user, concert)
    wait_for("the ticket was published", lambda: len(system.listener.of("ticket.purchased")) == ticket)
    before = len(system.listener.events)
    wrong = [
        ("/users", {"name": "", "email": "a@b.org"}, "name"), ("/users", {"name": "n" * 101, "email": "a@b.org"}, "name"),
        ("/users", {"name": "A\r\nBcc: x", "email": "a@b.org"}, "name"), ("/users", {"name": "A", "email": "a"}, "email"),
        ("/users", {"name": "A", "email": "a@b.org\r\nBcc: x@y.org"}, "email"), ("/users", {"name": 5, "email": "a@b.org"}, "name"),
        ("/users", {"email": "a@b.org"}, "name"), ("/events", {"user_id": user, "title": ""}, "title"),
        ("/events", {"user_id": user, "title": "t" * 201}, "title"), ("/events", {"user_id": user, "title": "t", "starts_at": "soon"}, "starts_at"),
        ("/events", {"user_id": user, "title": "t", "starts_at": "2001-01-01T00:00:00Z"}, "starts_at"), ("/events", {"title": "t"}, "user_id"),
        ("/tickets", {"user_id": "1", "event_id": concert}, "user_id"), ("/tickets", {"user_id": 1.5, "event_id": concert}, "user_id"),
        ("/tickets", {"user_id": 10**30, "event_id": concert}, "user_id"), ("/tickets", {"user_id": user}, "event_id"),
        ("/posts", {"user_id": user, "title": None}, "title"), ("/posts", {"user_id": user, "title": "t", "content": "c" * 10_001}, "content"),
    ]
    for price in (0, -1, 10**12, 1.5, "5", None):
        wrong.append(("/listings", {"user_id": user, "ticket_id": ticket, "price_cents": price}, "price_cents"))
    for path, body, field in wrong:
        answer = system.ask("POST", path, body)
        assert answer.status == 400 and field in answer.json["error"]["message"], (path, body, answer.status, answer.text)
    assert system.ask("POST", "/posts", {"user_id": user, "title": "t", "content": "c" * 300_000}).status == 413
    for path in ("/users/0", "/users/-1", "/users/abc", f"/users/{10**30}", "/events/999999", "/tickets/x", "/listings/0"):
        assert system.ask("GET", path).status == 404, path
    for body in ({"user_id": 999_999, "event_id": concert}, {"user_id": user, "event_id": 999_999}, {"user_id": -5, "event_id": concert}):
        assert system.ask("POST", "/tickets", body).status == 404, body
    assert system.ask("POST", "/users", {"name": "A", "email": "ADA-1@example.org"}).status == 409
    assert system.ask("PUT", f"/users/{user}", {}).status == 400
    marker = system.person()
    wait_for("what comes next is published", lambda: any(event["data"]["user_id"] == marker for event in system.listener.of("user.created")))
    assert len(system.listener.events) == before + 1, system.listener.events[before:]
    yield f"{len(wrong)} wrong, missing and absurd fields are refused by name; unknown ids are 404, a large body 413; nothing is left behind"


FIELDS = {
    "user.created": {"user_id", "name", "email", "version"}, "user.updated": {"user_id", "name", "email", "version"}, "user.deleted": {"user_id"},
    "event.created": {"event_id", "event_name", "user_id", "version"}, "event.updated": {"event_id", "event_name", "user_id", "version"},
    "event.reminder": {"event_id", "event_name"}, "ticket.purchased": {"ticket_id", "event_id", "event_name", "user_id"},
    "ticket.transferred": {"ticket_id", "event_id", "event_name", "from_user_id", "to_user_id", "version"},
    "listing.created": {"listing_id", "ticket_id", "event_id", "event_name", "seller_id", "price_cents"},
    "listing.sold": {"listing_id", "ticket_id", "event_id", "event_name", "seller_id", "buyer_id", "price_cents"},
    "post.created": {"post_id", "user_id", "title"}, "post.liked": {"post_id", "user_id"},
}


def events(system):
    wait_for("every type was published", lambda: set(FIELDS) <= {event["type"] for event in system.listener.events})
    for event in system.listener.events:
        assert {"type", "data", "timestamp", "service"} <= set(event) <= {"type", "data", "timestamp", "service", "correlation_id"}, event
        assert FIELDS[event["type"]] <= set(event["data"]) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["timestamp"]), event
        owner = {"user": "users", "ticket": "tickets", "listing": "market"}.get(event["type"].split(".")[0], "publications")
        assert event["service"] == owner, event
    yield f"all {len(FIELDS)} types of events, in the envelope type, data, timestamp, service, with the fields of the document in snake_case"
    caused = [event for event in system.listener.of("ticket.transferred") if "correlation_id" in event]
    assert caused, system.listener.of("ticket.transferred")
    yield "an event that another one caused has its correlation_id: ticket.transferred after listing.sold"


def notifications(system):
    holders = [system.person() for _ in range(3)]
    stranger = system.person("stranger")
    concert = system.concert("Reminded <concert>")
    for user in (*holders, holders[0]):
        system.ticket(user, concert)
    wait_for("each ticket is notified", lambda: sum(len(system.notifications(u, "ticket_purchase")) for u in holders) == 4)
    system.ask("POST", f"/events/{concert}/reminders")
    wait_for("each holder is reminded", lambda: all(len(system.notifications(u, "event_reminder")) == 1 for u in holders))
    entry = system.notifications(holders[0], "event_reminder")[0]
    assert (entry["related_id"], entry["related_type"], entry["title"]) == (concert, "event", "Event reminder"), entry
    assert not system.notifications(stranger)
    yield "ticket.purchased notifies the buyer; event.reminder everyone who holds a ticket of that event, once each, and no other"
    wait_for("the mails", lambda: len(system.mails("Reminded <concert>")) == 7)
    assert all("Reminded &lt;concert&gt;" in mail["text"] and len({m["id"] for m in system.mail.mails}) == len(system.mail.mails) for mail in system.mails("Reminded <concert>"))
    yield "each of them puts a task into email.queue, and the email service sends it, as text and HTML"
    user = holders[0]
    path = f"/users/{user}/notifications"
    assert system.ask("GET", path).json["unread_count"] == 3 == system.ask("GET", f"{path}/unread").json["unread_count"]
    first = system.notifications(user)[0]["notification_id"]
    assert system.ask("PUT", f"{path}/{first}/read").json["unread_count"] == 2
    assert system.notifications(user)[0]["is_read"] and system.ask("PUT", f"/users/{stranger}/notifications/{first}/read").status == 404
    assert system.ask("PUT", f"{path}/read").json["unread_count"] == 0
    assert system.ask("DELETE", f"{path}/{first}").status == 204 and len(system.notifications(user)) == 2
    assert system.ask("DELETE", path).status == 204 and not system.notifications(user)
    yield "notifications: list with unread count, mark one or all as read, delete one or all; those of another user are 404"
    author, reader = system.person(), system.person()
    post = system.make("/posts", user_id=author, title="My Post")["post_id"]
    system.make(f"/posts/{post}/likes", user_id=reader)
    like = wait_for("the like", lambda: system.notifications(author, "like"))[0]
    assert (like["title"], like["message"], like["related_id"], like["related_type"]) == ("New Like", "Someone liked your post", post, "post"), like
    yield "sendNotification: a like is routed as notification.like and arrives with related_id and related_type"


def sales(system):
    concert, seller = system.concert("Sold out"), system.person("seller")
    buyers = [system.person() for _ in range(20)]
    ticket = system.ticket(seller, concert)
    listing = system.make("/listings", user_id=seller, ticket_id=ticket, price_cents=9900)["listing_id"]
    sold = system.counted("listing.sold")
    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(lambda n: system.ask("POST", f"/listings/{listing}/buy", {"user_id": buyers[n % 20]}), range(200)))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 199, sorted(answer.status for answer in answers)
    buyer = next(answer.json["buyer_id"] for answer in answers if answer.status == 200)
    assert system.ask("GET", f"/listings/{listing}").json["buyer_id"] == buyer
    wait_for("the ticket is the buyer's", lambda: system.ask("GET", f"/tickets/{ticket}").json["user_id"] == buyer)
    yield "200 buyers of one listing at once: one buys it, 199 callers get a 409, and the ticket becomes the buyer's"
    wait_for("seller, buyer and analytics", lambda: (len(system.notifications(seller, "system")), len(system.notifications(buyer, "ticket_purchase")),
                                                    system.counted("listing.sold") - sold) == (1, 1, 1))
    assert sum(len(system.notifications(other)) for other in buyers if other != buyer) == 0
    wait_for("the seller's mail", lambda: any(mail["to"].startswith("seller") for mail in system.mails("Your ticket for Sold out was sold")))
    yield "seller, buyer and analytics are each told of the sale once, and no other is; the seller has a mail"
    assert system.ask("POST", "/listings", {"user_id": seller, "ticket_id": ticket, "price_cents": 1}).status == 403
    again = system.make("/listings", user_id=buyer, ticket_id=ticket, price_cents=100)["listing_id"]
    system.ask("POST", f"/tickets/{ticket}/transfer", {"user_id": buyer, "to_user_id": seller})
    wait_for("it is withdrawn", lambda: system.ask("GET", f"/listings/{again}").json["status"] == "withdrawn")
    yield "what was sold is the buyer's to sell, and no longer the seller's; a listing whose ticket is given away is withdrawn"


def other_programs(system):
    audit = Listener(system, "audit", "post.*", "user.created")
    author = system.person("newcomer")
    system.make("/posts", user_id=author, title="Seen by all")
    wait_for("it gets both", lambda: {event["type"] for event in audit.events} == {"post.created", "user.created"})
    system.concert()
    assert audit.stop() == 0
    post = system.make("/posts", user_id=author, title="While it was away")["post_id"]
    audit = Listener(system, "audit", "post.*", "user.created")
    wait_for("what it missed", lambda: any(event["data"].get("post_id") == post for event in audit.events))
    assert {event["type"] for event in audit.events} <= {"post.created", "user.created"}
    audit.stop()
    yield "a service that is not ours, with a SERVICE_NAME and patterns, gets its events, those of its absence as well; no publisher was restarted"
    content = {"user_id": author, "type": "badge", "title": "A badge", "message": "Well done", "related_id": 7, "related_type": "badge"}
    publish(system, "backstage.notifications", "notification.badge", {"type": "notification.badge", "data": content})
    publish(system, "concerts", "concerts.recommended", {"type": "concerts.recommended", "data": {"user_id": author, "event_id": 3, "event_name": "Fidelio"}})
    publish(system, "backstage.events", "post.shared", {"type": "post.shared", "data": {"post_id": post}})
    wait_for("they arrive", lambda: {n["type"] for n in system.notifications(author)} == {"badge", "concert_recommendations"} and system.counted("post.shared") == 1)
    yield "another program's notification.badge, concerts.recommended and post.shared reach the user and the analytics, though no code of ours knows them"
    publish(system, "backstage.notifications", "notification.broken", {"type": "notification.broken", "data": {"user_id": "?"}})
    wait_for("it is a dead letter that says why", lambda: "this is no notification" in json.dumps(warren(system.broker, "dead", "ls")))
    yield "a message that is no notification is a dead letter that says so, and stops nothing"


def publish(system, exchange, key, body):
    """Publishes as a program of another language does: on RabbitMQ with a client of it, and without a message id."""
    text = json.dumps({**body, "timestamp": "2026-11-26T10:00:00.000Z", "service": "node"})
    if system.broker.startswith("amqp"):
        url = system.broker.split("?")[0]
        code = ("import sys, pika; c = pika.BlockingConnection(pika.URLParameters(sys.argv[1])); "
                "c.channel().basic_publish(sys.argv[2], sys.argv[3], sys.argv[4].encode()); c.close()")
        subprocess.run(["/usr/bin/python3", "-c", code, url, exchange, key, text], check=True)
    else:
        warren(system.broker, "event", "publish", exchange, key, "--plain", "--data", text)


def mail_server(system):
    concert = system.concert("Mailed late")
    user = system.person("patient")
    system.mail.stop()
    begin = time.monotonic()
    for _ in range(10):
        system.ticket(user, concert)
    took = (time.monotonic() - begin) * 100
    wait_for("they are notified", lambda: len(system.notifications(user)) == 10)
    system.mail.start(system.data)
    wait_for("the mails go out when it is back", lambda: len(system.mails("Mailed late")) == 10, 60)
    assert len({mail["id"] for mail in system.mails("Mailed late")}) == 10
    yield f"mail server down: tickets are sold ({took:.0f} ms each) and notified, no task is acknowledged, and the ten mails go out when it is back"
    refused = system.make("/users", name="Refused", email="refused@example.org")["user_id"]
    system.ticket(refused, concert)
    wait_for("a dead letter with the answer", lambda: any("550" in json.dumps(letter) for letter in warren(system.broker, "dead", "ls")))
    busy = system.make("/users", name="Busy", email="busy@example.org")["user_id"]
    system.ticket(busy, concert)
    log = pathlib.Path(system.processes["worker"].log.name)
    wait_for("it is asked again", lambda: "451" in log.read_text(errors="replace"))
    yield "a mail refused with 550 is a dead letter with the server's answer; one answered with 451 is tried again; neither is taken for sent"


def broker_away(system):
    node = os.environ.get("WARREN_RABBITMQ_DIR") if system.broker.startswith("amqp") else None
    if not node:
        return
    concert, user = system.concert("While it was away"), system.person()
    system.ticket(user, concert)
    subprocess.run([ROOT / "scripts/rabbitmq", "halt", node, "rabbit"], check=True, capture_output=True)
    for _ in range(5):
        system.ticket(user, concert)
    subprocess.run([ROOT / "scripts/rabbitmq", "restart", node, "rabbit"], check=True, capture_output=True)
    wait_for("what was sold meanwhile is notified", lambda: len(system.notifications(user)) == 6, 90)
    yield "RabbitMQ stopped: tickets are sold, and their events are published when it is back"


def cascade(system):
    concert, user, friend = system.concert("Left behind"), system.person("leaver"), system.person()
    ticket, other = system.ticket(user, concert), system.ticket(user, concert)
    post = system.make("/posts", user_id=user, title="Mine")["post_id"]
    system.make(f"/posts/{post}/likes", user_id=friend)
    listing = system.make("/listings", user_id=user, ticket_id=ticket, price_cents=100)["listing_id"]
    wait_for("all is notified", lambda: len(system.notifications(user)) == 3)
    assert system.ask("DELETE", f"/users/{user}").status == 204
    wait_for("tickets", lambda: {system.ask("GET", f"/tickets/{t}").status for t in (ticket, other)} == {404})
    wait_for("posts", lambda: system.ask("GET", f"/posts/{post}").status == 404)
    wait_for("listings", lambda: system.ask("GET", f"/listings/{listing}").json["status"] == "withdrawn")
    wait_for("notifications", lambda: not system.notifications(user))
    assert system.ask("POST", "/tickets", {"user_id": user, "event_id": concert}).status == 404
    content = {"user_id": user, "type": "badge", "title": "Late", "message": "Too late"}
    publish(system, "backstage.notifications", "notification.badge", {"type": "notification.badge", "data": content})
    publish(system, "backstage.notifications", "notification.badge", {"type": "notification.badge", "data": {**content, "user_id": friend}})
    wait_for("the friend is notified", lambda: system.notifications(friend, "badge"))
    assert not system.notifications(user)
    leaver = next((system.data / "services").glob("notifications.db"))
    rows = subprocess.run(["/usr/bin/python3", "-c", "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("
                           "\"SELECT count(*) FROM knownUsers WHERE email LIKE 'leaver%'\").fetchone()[0])", leaver], capture_output=True, text=True)
    assert rows.stdout.strip() == "0", rows
    yield "user.deleted cascades: tickets, posts, likes, listings, notifications, name and address go in every service, and nothing that comes late brings them back"


def kills(system):
    concert, users = system.concert("Killed"), [system.person() for _ in range(5)]
    wait_for("the tickets service knows them", lambda: all(system.ticket(user, concert) for user in users))
    counted, sold, rounds = system.counted("ticket.purchased"), len(users), 14
    wait_for("the first are counted", lambda: system.counted("ticket.purchased") >= counted)
    for _ in range(rounds):
        for _ in range(6):
            system.ticket(system.random.choice(users), concert)
            sold += 1
        time.sleep(system.random.random() * 0.2)
        name = system.random.choice(SERVICES)
        system.processes[name].kill()
        system.start(f"service {name}")

    def notified():
        return sum(len(system.notifications(user, "ticket_purchase")) for user in users)

    wait_for("each ticket is notified once", lambda: notified() == sold, 90)
    wait_for("each has its mail", lambda: len({mail["id"] for mail in system.mails("ticket for Killed")}) == sold, 90)
    mails = system.mails("ticket for Killed")
    repeats = len(mails) - len({mail["id"] for mail in mails})
    assert repeats <= rounds * CONCURRENCY, repeats
    last = system.ticket(users[0], concert)
    sold += 1

    def published():
        return {event["data"]["ticket_id"] for event in system.listener.of("ticket.purchased")}

    # Tickets are numbered without gaps.
    wait_for("each has its event", lambda: len(published()) == last, 60)
    wait_for("each is counted once", lambda: system.counted("ticket.purchased") == last, 60)
    wait_for("the last is notified", lambda: notified() == sold)
    assert notified() == sold
    yield (f"{rounds} SIGKILLs of the seven services: {sold} tickets, each with its event, counted once, notified once, and with its mail; "
           f"{repeats} mails repeated with their Message-ID")


def own_name(system):
    system.processes["analytics"].stop()
    system.start("service analytics", SERVICE_NAME="trends")
    total = system.counted("user.created")
    system.person()
    wait_for("the other name counts", lambda: system.counted("user.created") == total + 1)
    assert "trends.queue" in queues(system.broker)
    refused = subprocess.run([PROGRAMS / SYSTEM, "api", "--data", system.data / "x"], capture_output=True, text=True,
                             env={**os.environ, "SERVICE_NAME": "trends"})
    assert refused.returncode != 0 and "SERVICE_NAME" in refused.stderr, refused
    yield "SERVICE_NAME names a service's own queue: analytics as trends has trends.queue; a name for several services at once is refused"


def selection(system):
    data = system.data / "selection"
    data.mkdir()
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "WARREN_BROKER"))}

    def start(**more):
        log = open(data / "api.log", "wb")
        process = subprocess.Popen([PROGRAMS / SYSTEM, "api", "--data", data, "--port", str(port)], stdout=log, stderr=subprocess.STDOUT,
                                   env={**environment, **more})
        asked = Process.__new__(Process)
        asked.port = port

        def status(path, method="GET", body=None):
            try:
                return asked.request(method, path, body).status
            except OSError:
                return 0
        wait_for("it is alive", lambda: status("/health") == 200)
        return process, status

    closed = free_port()
    process, status = start(RABBITMQ_PORT=str(closed))
    try:
        wait_for("the log says so", lambda: b"Not connected to RabbitMQ" in (data / "api.log").read_bytes())
        assert f"localhost:{closed}" in (data / "api.log").read_text(), (data / "api.log").read_text()
        assert status("/ready") == 503 and status("/users", "POST", {"name": "A", "email": "a@b.org"}) == 503
    finally:
        process.terminate()
        assert process.wait(30) == 0
    yield "RABBITMQ_PORT alone selects RabbitMQ on localhost; without its bus a service serves nothing (503 on all routes) and says so"
    if not system.broker.startswith("amqp"):
        return
    node = os.environ["WARREN_RABBITMQ_DIR"]
    for arguments in (("add_user", "backstage", "rabbitmq123"), ("set_permissions", "backstage", ".*", ".*", ".*")):
        subprocess.run([ROOT / "scripts/rabbitmq", "ctl", node, "rabbit", *arguments], check=True, capture_output=True)
    process, status = start(RABBITMQ_PORT=str(urllib.parse.urlsplit(system.broker).port))
    try:
        wait_for("it is ready", lambda: status("/ready") == 200)
        users = subprocess.run([ROOT / "scripts/rabbitmq", "ctl", node, "rabbit", "list_connections", "user"], capture_output=True, text=True).stdout
        assert "backstage" in users, users
    finally:
        process.terminate()
        assert process.wait(30) == 0
    yield "then it logs in as backstage with rabbitmq123"
