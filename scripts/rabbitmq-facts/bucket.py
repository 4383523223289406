"""Delay buckets: one quorum queue a delay, whose expired messages go to the queue named by their routing key."""
import statistics
import time

import pika

from broker import Wire, fact

TARGET, BUCKET = "facts.target", "facts.bucket"


@fact("never early; a few ms late")
def hop_is_on_time(b):
    b.queue(TARGET)
    b.bucket(BUCKET, 300)
    consumer, late = b.channel(confirm=False), []
    consumer.basic_consume(TARGET, lambda _c, _m, _p, body: late.append((time.time() - float(body) - 0.3) * 1000), auto_ack=True)
    channel = b.channel()
    for _ in range(40):
        channel.basic_publish(BUCKET, TARGET, str(time.time()).encode(), pika.BasicProperties(delivery_mode=2), mandatory=True)
        consumer.connection.sleep(0.01)
    consumer.connection.sleep(1)
    # The clock starts before the publish reaches the broker, so "early" would be real.
    print(f"    lateness ms: median {statistics.median(late):.1f}, max {max(late):.1f}", flush=True)
    return {"arrived": len(late), "early": sum(x < 0 for x in late), "median below 100 ms": statistics.median(late) < 100}


@fact("all properties but expiration survive; x-death and x-first-death-* are added")
def what_a_hop_changes(b):
    b.queue(TARGET)
    b.bucket(BUCKET, 100)
    sent = dict(priority=7, message_id="m1", correlation_id="c1", type="t", app_id="a", timestamp=1700000000, reply_to="r",
                content_type="application/json", content_encoding="identity", headers={"attempt": 3, "nested": {"a": [1, "b"]}})
    b.publish("x", TARGET, BUCKET, **sent)
    _, properties, _ = b.take(TARGET)
    changed = [key for key in sent if key != "headers" and getattr(properties, key) != sent[key]]
    added = sorted(set(properties.headers) - set(sent["headers"]))
    death = properties.headers["x-death"][0]
    return {"priority": properties.priority, "delivery_mode": properties.delivery_mode, "changed": str(changed),
            "own headers kept": all(properties.headers[k] == v for k, v in sent["headers"].items()),
            "headers added": " ".join(added), "keys of x-death": " ".join(sorted(death)), "reason": death["reason"]}


@fact("the lower of the queue's TTL and the message's expiration wins: early")
def expiration_on_a_copy(b):
    b.queue(TARGET)
    b.bucket(BUCKET, 1500)
    start = time.monotonic()
    b.publish("x", TARGET, BUCKET, expiration="100")
    _, properties, _ = b.take(TARGET)
    took = time.monotonic() - start
    return {"arrived early": took < 1.0, "expiration afterwards": str(properties.expiration),
            "x-death original-expiration": properties.headers["x-death"][0].get("original-expiration", "absent")}


@fact("only the head expires: a short expiration behind a long one waits")
def expiration_behind_a_longer_one(b):
    b.queue(TARGET)
    b.bucket(BUCKET, 1500)
    start = time.monotonic()
    b.publish("long", TARGET, BUCKET)
    b.publish("short", TARGET, BUCKET, expiration="100")
    order = []
    while len(order) < 2:
        _, _, body = b.take(TARGET)
        order.append((body, "early" if time.monotonic() - start < 1.2 else "with the long one"))
    return ", ".join(f"{body} {when}" for body, when in order)


@fact("at-least-once: a message whose target is missing stays, and arrives when the target exists again")
def target_missing(b):
    # The dead-letter worker tries again after this time; 180 s unless configured.
    default = b.eval("{ok, T} = application:get_env(rabbit, dead_letter_worker_publisher_confirm_timeout), "
                     "application:set_env(rabbit, dead_letter_worker_publisher_confirm_timeout, 2000), T.")
    try:
        b.channel().queue_delete(TARGET)
        b.bucket(BUCKET, 100)
        b.publish("x", TARGET, BUCKET)
        time.sleep(1)
        held, ready = b.held(BUCKET), b.count(BUCKET)
        b.queue(TARGET)
        return {"held": held, "message count of a passive declare": ready,
                "arrives when the target is back": b.take(TARGET, 6) is not None, "at the next try, after ms": default}
    finally:
        b.eval(f"application:set_env(rabbit, dead_letter_worker_publisher_confirm_timeout, {default}).")


@fact("at-most-once (no strategy): a message whose target is missing is lost")
def target_missing_without_strategy(b):
    b.channel().queue_delete(TARGET)
    b.bucket(BUCKET, 100, strategy=None)
    b.publish("x", TARGET, BUCKET)
    time.sleep(1)
    b.queue(TARGET)
    return {"held": b.count(BUCKET), "arrived": b.take(TARGET, 1) is not None}


@fact("published by the default exchange the routing key is the bucket's own name: it comes back to itself")
def bucket_without_its_exchange(b):
    b.bucket(BUCKET, 200)
    b.publish("x", BUCKET)
    time.sleep(1.5)
    message = b.take(BUCKET, 0)
    held = b.held(BUCKET)
    return {"can be fetched": message is not None, "still counted": held}


@fact("reject-publish: a nack as soon as the bucket is full")
def full_bucket(b):
    b.queue(TARGET)
    b.bucket(BUCKET, 60000, x_max_length=3)
    wire = Wire(b)
    wire.call(pika.spec.Confirm.Select(), pika.spec.Confirm.SelectOk)
    answers = []
    for _ in range(8):
        wire.publish(b"x", TARGET, BUCKET)
        answers += wire.methods(0.3)
    wire.close()
    first = next((i + 1 for i, a in enumerate(answers) if "Nack" in a), None)
    return {"first nack at message": first, "limit": 3}


@fact("at-least-once: when the target refuses (full, reject-publish) the message stays in the bucket")
def target_full(b):
    b.queue(TARGET, x_max_length=1, x_overflow="reject-publish")
    b.bucket(BUCKET, 100)
    for i in range(6):
        b.publish(str(i), TARGET, BUCKET)
    time.sleep(1.5)
    target = b.count(TARGET)
    held = b.held(BUCKET)
    return {"none lost": target + held >= 6, "of 6 still held in the bucket": held}


@fact("at-least-once without reject-publish is accepted and falls back to at-most-once")
def strategy_without_reject_publish(b):
    b.channel().queue_delete(TARGET)
    b.queue(BUCKET, x_message_ttl=100, x_dead_letter_exchange="", x_dead_letter_strategy="at-least-once", x_dead_letter_routing_key=TARGET)
    b.publish("x", BUCKET)
    time.sleep(1)
    held = b.held(BUCKET)
    return {"held": held}


@fact("client-sent CC adds targets at the hop: strip it from copies")
def cc_on_a_copy(b):
    b.queue(TARGET)
    b.queue("facts.other")
    b.bucket(BUCKET, 100)
    b.publish("x", TARGET, BUCKET, headers={"CC": ["facts.other"]})
    time.sleep(0.6)
    return {"in the target": b.count(TARGET), "in the queue of CC": b.count("facts.other")}
