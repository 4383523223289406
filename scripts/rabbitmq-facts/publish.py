"""Publishing: returns, confirms, refusals."""
import time

from pika import spec

from broker import Wire, fact

QUEUE = "facts.queue"


def confirmed(b):
    wire = Wire(b)
    wire.call(spec.Confirm.Select(), spec.Confirm.SelectOk)
    return wire


@fact("basic.return comes before the ack of the same message")
def return_before_ack(b):
    wire = confirmed(b)
    wire.publish(b"x", "facts.nowhere", mandatory=True)
    return " > ".join(wire.methods())


@fact("interleaved with routed messages the return still comes before its own ack")
def return_among_others(b):
    b.queue(QUEUE)
    wire = confirmed(b)
    for i in range(6):
        wire.publish(b"x", "facts.nowhere" if i % 3 == 1 else QUEUE, mandatory=True)
    out = wire.methods()
    acked, returns, ok = 0, 0, True
    for name in out:
        if "Return" in name:
            returns += 1
        elif "Ack" in name:
            tag = int(name.split()[1])
            ok = ok and returns >= sum(t <= tag for t in (2, 5) if "multiple" in name or t == tag)
            acked += 1
    return {"returns": returns, "each before its ack": ok}


@fact("without mandatory an unroutable message is acked")
def unroutable_is_acked(b):
    wire = confirmed(b)
    wire.publish(b"x", "facts.nowhere")
    return " > ".join(wire.methods())


@fact("404 closes the channel; confirms in flight on it never come")
def missing_exchange(b):
    b.queue(QUEUE)
    wire = confirmed(b)
    wire.publish(b"a", QUEUE)
    wire.publish(b"b", QUEUE, exchange="facts.no-exchange")
    wire.publish(b"c", QUEUE)
    out = " > ".join(name for name in wire.methods())
    # The one before it may or may not be confirmed in time: only the close is certain.
    time.sleep(0.3)
    return {"the broker says": out.split(" > ")[-1], "stored of a, b, c": b.count(QUEUE)}


@fact("immediate is refused: 540 closes the connection")
def immediate(b):
    b.queue(QUEUE)
    wire = confirmed(b)
    wire.publish(b"x", QUEUE, immediate=True)
    return " > ".join(wire.methods())


@fact("a user-id that is not the login: 406 closes the channel")
def wrong_user_id(b):
    b.queue(QUEUE)
    wire = confirmed(b)
    wire.publish(b"x", QUEUE, user_id="somebody")
    return " > ".join(wire.methods())


@fact("an expiration that is no number: 406 closes the channel")
def wrong_expiration(b):
    b.queue(QUEUE)
    wire = confirmed(b)
    wire.publish(b"x", QUEUE, expiration="soon")
    return " > ".join(wire.methods())


@fact("limit 128 MiB below 4.0, 16 MiB from 4.0 on; beyond it 406 closes the channel")
def largest_message(b):
    seen = {}
    for name, size in (("16 MiB", 16 << 20), ("16 MiB + 1", (16 << 20) + 1), ("128 MiB", 128 << 20), ("128 MiB + 1", (128 << 20) + 1)):
        wire = confirmed(b)
        try:
            wire.publish(bytes(size), "facts.nowhere")
            out = wire.methods(2.0)
        except OSError:
            out = wire.methods(2.0)
        seen[name] = " > ".join(out)
        wire.close()
    return seen


@fact("a quorum queue with max-length and reject-publish nacks; the limit is soft by a few")
def full_queue(b):
    b.queue(QUEUE, x_max_length=3, x_overflow="reject-publish")
    wire = confirmed(b)
    answers = []
    for _ in range(8):
        wire.publish(b"x", QUEUE)
        answers += wire.methods(0.3)
    return {"accepted of 8, one at a time": sum("Ack" in a for a in answers), "nacked": sum("Nack" in a for a in answers), "limit": 3}


@fact("a published x-delivery-count is not believed")
def forged_delivery_count(b):
    b.queue(QUEUE, x_delivery_limit=3)
    b.publish("x", QUEUE, headers={"x-delivery-count": 50})
    channel, seen = b.channel(confirm=False), []
    while len(seen) < 3:
        method, properties, _ = channel.basic_get(QUEUE)
        if method:
            seen.append(str((properties.headers or {}).get("x-delivery-count", "absent")) + (" redelivered" if method.redelivered else ""))
            channel.basic_reject(method.delivery_tag, requeue=True)
    return {"header at each delivery": ", ".join(seen)}


@fact("what a copy carries back after a rejection or a look: strip x-delivery-count as well")
def delivery_count_in_a_dead_letter(b):
    b.queue("facts.dlq", x_delivery_limit=1000000)
    b.queue(QUEUE, x_delivery_limit=10, x_dead_letter_exchange="", x_dead_letter_routing_key="facts.dlq",
            x_dead_letter_strategy="at-least-once", x_overflow="reject-publish")
    b.publish("x", QUEUE)
    channel, deliveries = b.channel(confirm=False), 0
    while deliveries < 3:
        method, _, _ = channel.basic_get(QUEUE)
        if method:
            deliveries += 1
            channel.basic_reject(method.delivery_tag, requeue=deliveries < 3)
    method, properties, _ = b.take("facts.dlq")
    return {"x-delivery-count at the first delivery from the dead-letter queue": str(properties.headers.get("x-delivery-count", "absent")),
            "redelivered": method.redelivered}


@fact("delivery-mode 1 in a quorum queue is stored all the same and keeps its 1")
def transient_message(b):
    b.queue(QUEUE)
    b.publish("x", QUEUE, delivery_mode=1)
    return {"delivery_mode": b.take(QUEUE)[1].delivery_mode}
