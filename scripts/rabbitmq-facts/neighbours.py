"""What a stuck message, a channel that ends or an administrator does to the messages of others."""
import base64
import json
import time
import urllib.parse
import urllib.request

import pika

from broker import Wire, fact, refusal

TARGET, OTHER, BUCKET = "facts.target", "facts.other", "facts.bucket"


def change(b, method, path, body=None):
    """Changes something by the management API."""
    address = urllib.parse.urlparse(b.management)
    request = urllib.request.Request(
        f"http://{address.hostname}:{address.port}/api/{path}", method=method,
        data=json.dumps(body).encode() if body is not None else None)
    login = base64.b64encode(f"{address.username}:{address.password}".encode()).decode()
    request.add_header("Authorization", "Basic " + login)
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


@fact("32 messages for a queue that is gone keep all others in the bucket; 31 do not")
def stuck_in_a_bucket(b):
    seen = {}
    for count in (31, 32):
        b.queue(OTHER)
        b.bucket(BUCKET, 200)
        b.channel().queue_delete(TARGET)
        for i in range(count):
            b.publish(str(i), TARGET, BUCKET)
        time.sleep(1)
        b.publish("x", OTHER, BUCKET)
        seen[f"another queue's message behind {count}"] = "arrives" if b.take(OTHER, 4) else "not within 4 s"
    return seen


@fact("with a relay for each queue, 100 stuck messages keep nothing of another queue")
def stuck_behind_a_relay(b):
    b.queue(OTHER)
    b.channel().queue_delete(TARGET)
    for queue in (TARGET, OTHER):
        b.queue(f"{queue}.relay", x_message_ttl=0, x_overflow="reject-publish", x_dead_letter_exchange="",
                x_dead_letter_strategy="at-least-once", x_dead_letter_routing_key=queue)
    b.bucket(BUCKET, 200)
    for i in range(100):
        b.publish(str(i), f"{TARGET}.relay", BUCKET)
    time.sleep(1)
    b.publish("x", f"{OTHER}.relay", BUCKET)
    arrived = b.take(OTHER, 4) is not None
    return {"another queue's message arrives": arrived, "held by the relay": b.held(f"{TARGET}.relay"),
            "held by the bucket": b.held(BUCKET)}


@fact("on 4.0 a normal message whose time is over waits behind one of high priority whose time is not")
def priority_in_a_bucket(b):
    b.queue(TARGET)
    b.bucket(BUCKET, 1500)
    b.publish("normal", TARGET, BUCKET)
    time.sleep(1.2)
    b.publish("high", TARGET, BUCKET, priority=9)
    start, order = time.monotonic(), []
    while len(order) < 2:
        _, _, body = b.take(TARGET, 6)
        order.append(f"{body} {'in time' if time.monotonic() - start < (0.9 if body == 'normal' else 3) else 'late'}")
    return ", ".join(order)


def counted(b, end):
    """How many of 200 messages have a delivery count after `end` gave them back and the channel was closed."""
    b.queue(TARGET, x_delivery_limit=1000)
    channel = b.channel()
    for i in range(200):
        channel.basic_publish("", TARGET, str(i).encode(), pika.BasicProperties(delivery_mode=2))
    wire = Wire(b)
    wire.call(pika.spec.Basic.Qos(prefetch_count=200), pika.spec.Basic.QosOk)
    wire.call(pika.spec.Basic.Consume(queue=TARGET, consumer_tag="c"), pika.spec.Basic.ConsumeOk)
    tags = []
    while len(tags) < 200:
        value = wire.read()
        if isinstance(value, pika.spec.Basic.Deliver):
            tags.append(value.delivery_tag)
    wire.send(1, pika.spec.Basic.Cancel("c"))
    while not isinstance(wire.read(), pika.spec.Basic.CancelOk):
        pass  # the rest of the last delivery
    # The end of the channel in the same packet.
    close = pika.frame.Method(1, pika.spec.Channel.Close(200, "", 0, 0)).marshal()
    wire.socket.sendall(end(wire, tags) + close)
    while not isinstance(wire.read(), pika.spec.Channel.CloseOk):
        pass
    wire.close()
    time.sleep(0.5)
    reader, count = b.channel(confirm=False), 0
    for _ in range(200):
        method, properties, _ = reader.basic_get(TARGET, auto_ack=True)
        if method and (properties.headers or {}).get("x-delivery-count", 0) > 0:
            count += 1
    return count


@fact("4.3: of single nacks right before the end of the channel all beyond 33 count; of one for many, with an answer of the queue, none")
def nacks_before_a_close(b):
    def single(wire, tags):
        return b"".join(pika.frame.Method(1, pika.spec.Basic.Nack(tag, False, True)).marshal() for tag in tags)

    def together(wire, tags):
        wire.send(1, pika.spec.Basic.Nack(tags[-1], True, True))
        wire.call(pika.spec.Queue.Declare(queue=TARGET, passive=True), pika.spec.Queue.DeclareOk)
        return b""

    if b.short != "4.3":
        return "every nack counts"
    # Who is quicker, the queue or the channel, differs from time to time.
    most = max(counted(b, single) for _ in range(5))
    return {"single, at most": "some of 200" if most else 0, "one for many": counted(b, together)}


@fact("a policy goes before the argument for overflow; of message-ttl, delivery-limit and max-length the lower counts")
def policy_against_argument(b):
    def under(policy, **arguments):
        b.queue(TARGET, **arguments)
        change(b, "PUT", "policies/%2F/facts", {"pattern": "^facts\\.target$", "apply-to": "queues", "definition": policy})
        time.sleep(0.5)

    try:
        seen = {}
        under({"overflow": "drop-head", "max-length": 2}, x_overflow="reject-publish")
        channel = b.channel()
        seen["overflow drop-head against reject-publish"] = refusal(
            lambda: [channel.basic_publish("", TARGET, str(i).encode()) for i in range(8)])
        seen["messages left"] = "the newest" if b.take(TARGET)[2] != "0" else "the oldest"
        for policy, argument in ((200, 60000), (60000, 200)):
            under({"message-ttl": policy}, x_message_ttl=argument)
            b.publish("x", TARGET)
            time.sleep(1)
            seen[f"message-ttl {policy} against {argument}"] = "over after 1 s" if b.take(TARGET, 0) is None else "not over"
        for policy, argument in ((1, 1000), (1000, 1)):
            under({"delivery-limit": policy}, x_delivery_limit=argument)
            b.publish("x", TARGET)
            reader, looks = b.channel(confirm=False), 0
            while looks < 10:
                method, _, _ = reader.basic_get(TARGET)
                if not method:
                    break
                looks += 1
                reader.basic_reject(method.delivery_tag, requeue=True)
                time.sleep(0.05)
            seen[f"delivery-limit {policy} against {argument}: deliveries"] = looks
        return seen
    finally:
        change(b, "DELETE", "policies/%2F/facts")


@fact("a header frame just below the limit comes back larger than it: the broker adds to it and does not split it")
def frame_after_a_death(b):
    b.queue(TARGET)
    b.bucket(BUCKET, 100)
    wire = Wire(b)
    text, size = "x" * 1000, 0
    headers = {f"h{i:03}": text for i in range(128)}
    while size < 130900:
        headers["rest"] = headers.get("rest", "") + "x" * 100
        size = len(pika.frame.Header(1, 1, pika.BasicProperties(delivery_mode=2, headers=headers)).marshal())
    wire.publish(b"x", TARGET, BUCKET, headers=headers)
    time.sleep(1)
    wire.send(1, pika.spec.Basic.Get(queue=TARGET, no_ack=True))
    wire.socket.settimeout(5)
    data = b""
    while len(data) < 131000:
        data += wire.socket.recv(1 << 20)
    # The get-ok frame, then the header frame: type, channel, size.
    first = int.from_bytes(data[3:7], "big") + 8
    frame = int.from_bytes(data[first + 3:first + 7], "big") + 8
    wire.close()
    return {"frame_max": wire.frame_max, "sent below it": size < wire.frame_max, "comes back above it": frame > wire.frame_max}


@fact("a passive declare needs no right at all; on 4.3 it needs some right on what is looked at")
def look_without_rights(b):
    b.queue(TARGET)
    b.exchange("facts.exchange")
    seen = {}
    try:
        for what, rights in (("none", ("^$", "^$", "^$")), ("write", ("^$", "^facts", "^$")), ("read", ("^$", "^$", "^facts"))):
            change(b, "PUT", "users/facts", {"password": "p", "tags": ""})
            change(b, "PUT", "permissions/%2F/facts", dict(zip(("configure", "write", "read"), rights)))
            parameters = pika.URLParameters(b.url.replace("guest:guest@", "facts:p@"))
            for kind in ("queue", "exchange"):
                connection = pika.BlockingConnection(parameters)
                channel = connection.channel()
                look = (lambda: channel.queue_declare(TARGET, passive=True)) if kind == "queue" else (
                    lambda: channel.exchange_declare("facts.exchange", passive=True))
                answer = refusal(look)
                seen[f"{kind}, right: {what}"] = "refused" if " 403 " in answer else answer
                connection.close()
        return seen
    finally:
        change(b, "DELETE", "users/facts")


@fact("when a policy that made a queue full is taken away, a channel that was refused may publish again")
def limit_taken_away(b):
    b.queue(TARGET, x_overflow="reject-publish")
    seen = {}
    try:
        change(b, "PUT", "policies/%2F/facts", {"pattern": "^facts\\.target$", "apply-to": "queues", "definition": {"max-length": 1}})
        time.sleep(0.5)
        channel = b.channel()

        def publish(on):
            try:
                on.basic_publish("", TARGET, b"x", mandatory=True)
                return "acked"
            except pika.exceptions.NackError:
                return "nacked"

        answers = [publish(channel) for _ in range(6)]
        seen["while it is full"] = answers[-1]
        change(b, "DELETE", "policies/%2F/facts")
        time.sleep(2)
        seen["afterwards, same channel"] = publish(channel)
        seen["afterwards, another channel"] = publish(b.channel())
        reader = b.channel(confirm=False)
        while reader.basic_get(TARGET, auto_ack=True)[0]:
            pass
        time.sleep(0.5)
        seen["once it is empty, same channel"] = publish(channel)
        return seen
    finally:
        try:
            change(b, "DELETE", "policies/%2F/facts")
        except OSError:
            pass
