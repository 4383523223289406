"""What counts toward x-delivery-limit, on which version, and which headers tell."""
import base64
import json
import time
import urllib.request

from pika import spec

from broker import Wire, fact, watch

QUEUE, DLQ = "facts.limited", "facts.dlq"


def limited(b, limit=None):
    b.queue(DLQ, x_delivery_limit=1000000)
    arguments = {} if limit is None else {"x_delivery_limit": limit}
    b.queue(QUEUE, x_dead_letter_exchange="", x_dead_letter_routing_key=DLQ, **arguments)
    b.publish("x", QUEUE)


def deliveries_until_gone(b, give_back, most=30):
    """Takes and gives back until the message is gone."""
    seen = 0
    channel = b.channel(confirm=False)
    while seen < most:
        end = time.monotonic() + 1.0
        while True:
            if channel is None or channel.is_closed:
                channel = b.channel(confirm=False)
            method, _, _ = channel.basic_get(QUEUE)
            if method or time.monotonic() > end:
                break
            time.sleep(0.02)
        if not method:
            break
        seen += 1
        give_back(channel, method.delivery_tag)
    parked = b.take(DLQ, 1.5)
    if parked:
        death = parked[1].headers["x-death"][0]["reason"]
        return f"{seen} deliveries, then dead-lettered ({death})"
    return f"not after {seen}" if seen == most else f"{seen} deliveries, then gone"


WAYS = {
    "nack, requeue": lambda channel, tag: channel.basic_nack(tag, requeue=True),
    "reject, requeue": lambda channel, tag: channel.basic_reject(tag, requeue=True),
    "channel closed": lambda channel, tag: channel.close(),
    "connection closed": lambda channel, tag: channel.connection.close(),
}


@fact("limit 3: below 4.3 each way counts; on 4.3 nack and closing do not, reject does")
def what_counts(b):
    seen = {}
    for name, way in WAYS.items():
        limited(b, 3)
        seen[name] = deliveries_until_gone(b, way, most=12)
    return seen


@fact("a broken connection (no close handshake) counts like a closed one")
def broken_connection(b):
    limited(b, 3)
    seen = 0
    while seen < 12:
        wire = Wire(b)
        got, end = False, time.monotonic() + 1.5
        while not got and time.monotonic() < end:
            wire.send(1, spec.Basic.Get(queue=QUEUE))
            got = isinstance(wire.read(1), spec.Basic.GetOk)
        wire.close()
        if not got:
            break
        seen += 1
    return f"{seen} deliveries, then dead-lettered" if b.take(DLQ, 1.5) else f"not after {seen}"


@fact("no limit given: none below 4.0, 20 from 4.0 on")
def default_limit(b):
    limited(b)
    return deliveries_until_gone(b, WAYS["reject, requeue"])


@fact("limit -1: below 4.0 the first return drops the message; unlimited from 4.0 on")
def limit_minus_one(b):
    limited(b, -1)
    return deliveries_until_gone(b, WAYS["reject, requeue"])


@fact("limit 0: dead-lettered at the first return")
def limit_zero(b):
    limited(b, 0)
    return deliveries_until_gone(b, WAYS["reject, requeue"])


@fact("a consumer that holds messages unacked and closes: each of them counts one, not only the one worked on")
def prefetched_neighbours(b):
    b.queue(DLQ)
    b.queue(QUEUE, x_delivery_limit=3, x_dead_letter_exchange="", x_dead_letter_routing_key=DLQ)
    for i in range(5):
        b.publish(str(i), QUEUE)
    closes = 0
    for _ in range(8):
        channel = b.channel(confirm=False)
        channel.basic_qos(prefetch_count=5)
        got = 0
        for method, _, _ in channel.consume(QUEUE, inactivity_timeout=0.5):
            if method is None:
                break
            got += 1
            if got == 5:
                break
        channel.connection.close()
        if got == 0:
            break
        closes += 1
    time.sleep(0.5)
    return {"closes until all were gone": closes, "dead-lettered of 5": b.count(DLQ)}


@fact("x-delivery-count absent on the first delivery, then 1, 2, … (4.3 adds x-acquired-count)")
def headers_of_a_redelivery(b):
    seen = {}
    for name in ("nack, requeue", "reject, requeue", "channel closed"):
        limited(b, 1000)
        lines = []
        channel = b.channel(confirm=False)
        for _ in range(3):
            if channel.is_closed:
                channel = b.channel(confirm=False)
            method, properties = None, None
            while not method:
                method, properties, _ = channel.basic_get(QUEUE)
            headers = properties.headers or {}
            lines.append("{" + ", ".join(f"{k[2:]}={v}" for k, v in sorted(headers.items()) if k.startswith("x-")) + "}"
                         + (" redelivered" if method.redelivered else ""))
            WAYS[name](channel, method.delivery_tag)
        seen[name] = "; ".join(lines)
    return seen


@fact("the management API's looking: both requeueing modes count (4.3: reject_requeue_true only)")
def looking_by_management(b):
    seen = {}
    for mode in ("ack_requeue_true", "reject_requeue_true"):
        limited(b, 3)
        looks = 0
        for _ in range(8):
            if not json.loads(_post(b, f"/api/queues/%2F/{QUEUE}/get",
                                    {"count": 1, "ackmode": mode, "encoding": "auto"})):
                break
            looks += 1
            time.sleep(0.15)
        parked = b.take(DLQ, 1.0)
        seen[mode] = f"{looks} looks, then dead-lettered" if parked else f"not after {looks}"
    return seen


def _post(b, path, body):
    base = b.management.replace("guest:guest@", "")
    request = urllib.request.Request(base + path, json.dumps(body).encode(), {
        "Authorization": "Basic " + base64.b64encode(b"guest:guest").decode(), "Content-Type": "application/json"})
    return urllib.request.urlopen(request, timeout=10).read()


@fact("cancelling a consumer does not give its unacked messages back")
def cancel_keeps_unacked(b):
    b.queue(QUEUE)
    b.publish("x", QUEUE)
    channel = b.channel(confirm=False)
    for method, _, _ in channel.consume(QUEUE, inactivity_timeout=2):
        break
    # The low-level cancel: that of BlockingChannel gives back what it holds.
    channel._impl.basic_cancel(method.consumer_tag)
    channel.connection.sleep(0.3)
    ready = b.count(QUEUE)
    closed = watch(channel)
    channel.basic_ack(method.delivery_tag)
    channel.connection.sleep(0.3)
    return {"ready after cancel": ready, "ack after cancel": (closed + ["accepted"])[0]}


@fact("order after a requeue: with a limit the old place, without one the end (3.10)")
def place_after_requeue(b):
    seen = {}
    for name, arguments in (("with a limit", {"x_delivery_limit": 100}), ("without", {})):
        b.queue(QUEUE, **arguments)
        for i in range(3):
            b.publish(str(i), QUEUE)
        channel = b.channel(confirm=False)
        method, _, _ = channel.basic_get(QUEUE)
        channel.basic_reject(method.delivery_tag, requeue=True)
        time.sleep(0.2)
        seen[name] = " ".join(b.take(QUEUE)[2] for _ in range(3))
    return seen
