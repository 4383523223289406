"""Messages that expire or are thrown out of a queue: where they go and which reason the headers give."""
import time

from broker import fact

QUEUE, DLQ = "facts.queue", "facts.dlq"


def parked(b, seconds=3):
    taken = b.take(DLQ, seconds)
    if taken is None:
        return "nothing arrived"
    headers = taken[1].headers
    names = sorted(k for k in headers if k.startswith("x-"))
    return {"reason": headers["x-death"][0]["reason"], "x-first-death-reason": headers.get("x-first-death-reason", "absent"),
            "x-last-death-reason": headers.get("x-last-death-reason", "absent"),
            "original-expiration": headers["x-death"][0].get("original-expiration", "absent"),
            "expiration": str(taken[1].expiration), "headers": " ".join(names)}


def queue(b, kind="quorum", **more):
    b.queue(DLQ)
    if kind == "quorum":
        more.update(x_dead_letter_strategy="at-least-once", x_overflow="reject-publish")
    b.queue(QUEUE, _type=kind, x_dead_letter_exchange="", x_dead_letter_routing_key=DLQ, **more)


@fact("expiration on a single message in a quorum queue: dead-lettered, reason expired, property removed")
def single_message(b):
    queue(b)
    b.publish("x", QUEUE, expiration="100")
    return parked(b)


@fact("the same in a classic queue")
def single_message_classic(b):
    queue(b, "classic")
    b.publish("x", QUEUE, expiration="100")
    return parked(b)


@fact("behind a message without expiration it waits until it is the head")
def single_message_not_at_the_head(b):
    seen = {}
    for kind in ("quorum", "classic"):
        queue(b, kind)
        b.publish("keeps", QUEUE)
        b.publish("expires", QUEUE, expiration="100")
        time.sleep(1)
        before = b.count(DLQ)
        b.take(QUEUE)
        seen[kind] = f"{'expired in place' if before else 'still there after 1 s'}; then {b.take(DLQ, 2) is not None and 'expired' or before and 'was gone' or 'kept'}"
    return seen


@fact("expiration 0: kept only if a consumer takes it at once")
def expiration_zero(b):
    queue(b)
    b.publish("x", QUEUE, expiration="0")
    return "dead-lettered" if b.take(DLQ, 2) else "kept"


@fact("an unacked message does not expire; given back, it does")
def unacked_message(b):
    queue(b)
    b.publish("x", QUEUE, expiration="300")
    channel = b.channel(confirm=False)
    method, _, _ = channel.basic_get(QUEUE)
    time.sleep(0.8)
    held = b.count(DLQ) == 0
    channel.basic_nack(method.delivery_tag, requeue=True)
    return {"held while unacked": held, "expired after the return": b.take(DLQ, 2) is not None}


@fact("reject without requeue: reason rejected")
def rejected(b):
    queue(b)
    b.publish("x", QUEUE)
    channel = b.channel(confirm=False)
    method, _, _ = channel.basic_get(QUEUE)
    channel.basic_reject(method.delivery_tag, requeue=False)
    return parked(b)


@fact("delivery limit: reason delivery_limit")
def delivery_limit(b):
    queue(b, x_delivery_limit=1)
    b.publish("x", QUEUE)
    channel = b.channel(confirm=False)
    for _ in range(2):
        method = None
        while not method:
            method, _, _ = channel.basic_get(QUEUE)
        channel.basic_reject(method.delivery_tag, requeue=True)
    return parked(b)


@fact("drop-head: reason maxlen")
def maxlen(b):
    b.queue(DLQ)
    b.queue(QUEUE, x_max_length=1, x_dead_letter_exchange="", x_dead_letter_routing_key=DLQ)
    for i in range(3):
        b.publish(str(i), QUEUE)
    time.sleep(0.3)
    return parked(b)


@fact("x-expires: the queue goes and its messages are lost, not dead-lettered")
def expired_queue(b):
    queue(b, x_expires=1000)
    b.publish("x", QUEUE)
    time.sleep(8)  # looked at every 5 s
    channel = b.channel(confirm=False)
    try:
        channel.queue_declare(QUEUE, passive=True)
        there = True
    except Exception:  # noqa: BLE001
        there = False
    return {"queue still there after 8 s": there, "dead-lettered": b.count(DLQ)}


@fact("deleting or purging a queue dead-letters nothing")
def purged(b):
    queue(b)
    b.publish("x", QUEUE)
    b.channel().queue_purge(QUEUE)
    b.publish("x", QUEUE)
    b.channel().queue_delete(QUEUE)
    time.sleep(0.3)
    return {"dead-lettered": b.count(DLQ)}
