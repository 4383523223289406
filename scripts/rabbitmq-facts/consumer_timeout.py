"""consumer_timeout: how long a delivery may stay unacknowledged, and what happens then.

Channels look once a minute, so the facts turn that down to one second; the timeouts are a few seconds.
"""
import time

from broker import fact, watch

QUEUE = "facts.queue"


def impatient(b, milliseconds):
    b.eval(f"application:set_env(rabbit, consumer_timeout, {milliseconds}), application:set_env(rabbit, channel_tick_interval, 1000), "
           "application:set_env(rabbit, quorum_tick_interval, 1000).")


def patient(b):
    b.eval("application:set_env(rabbit, consumer_timeout, 1800000), application:set_env(rabbit, channel_tick_interval, 60000), "
           "application:set_env(rabbit, quorum_tick_interval, 5000).")


def hold(b, seconds, arguments=None, **capabilities):
    """Holds one delivery; what the broker does about it, and whether the message came back to the queue."""
    b.publish("x", QUEUE)
    connection = b.connection(**capabilities)
    channel = connection.channel()
    channel.basic_qos(prefetch_count=5)
    got, cancelled, closed = [], [], watch(channel)
    channel.add_on_cancel_callback(lambda _frame: cancelled.append("basic.cancel"))
    channel.basic_consume(QUEUE, lambda _channel, method, _properties, _body: got.append(method.delivery_tag), arguments=arguments)
    start = time.monotonic()
    while time.monotonic() - start < seconds and not cancelled and not closed:
        connection.process_data_events(0.2)
    outcome = (closed + cancelled + ["nothing"])[0]
    print(f"    after {time.monotonic() - start:.1f} s: {outcome}", flush=True)
    if outcome == "nothing":
        return outcome
    outcome += "; the message is back" if b.take(QUEUE, 1.0) else "; the message is not back"
    if not closed:
        channel.basic_ack(got[0])
        connection.process_data_events(0.5)
        outcome += "; a late ack: " + (closed + ["accepted"])[0]
    return outcome


@fact("global limit on a quorum queue: 406 closes the channel; on 4.3 a basic.cancel instead, if the client knows it")
def global_limit(b):
    impatient(b, 2000)
    try:
        b.queue(QUEUE)
        known = hold(b, 12, **{"consumer_cancel_notify": True, "publisher_confirms": True, "basic.nack": True})
        b.queue(QUEUE)
        unknown = hold(b, 12, **{"publisher_confirms": True})
    finally:
        patient(b)
    return {"consumer_cancel_notify declared": known, "not declared": unknown}


@fact("global limit on a classic queue: 406; on 4.3 never")
def global_limit_classic(b):
    impatient(b, 2000)
    try:
        b.queue(QUEUE, _type="classic")
        return hold(b, 8)
    finally:
        patient(b)


@fact("x-consumer-timeout of the queue: not on 3.10")
def of_the_queue(b):
    impatient(b, 1800000)
    try:
        b.queue(QUEUE, x_consumer_timeout=2000)
        return hold(b, 8)
    finally:
        patient(b)


@fact("x-consumer-timeout of the consumer: not on 3.10")
def of_the_consumer(b):
    impatient(b, 1800000)
    try:
        b.queue(QUEUE)
        return hold(b, 8, arguments={"x-consumer-timeout": 2000})
    finally:
        patient(b)


@fact("30 minutes everywhere")
def default_value(b):
    return b.eval("application:get_env(rabbit, consumer_timeout).")


@fact("a timed-out delivery counts toward the delivery limit")
def counts_toward_the_limit(b):
    impatient(b, 2000)
    try:
        b.queue(QUEUE, x_delivery_limit=100)
        b.publish("x", QUEUE)
        connection = b.connection()
        channel = connection.channel()
        gone = watch(channel)
        channel.add_on_cancel_callback(gone.append)
        channel.basic_consume(QUEUE, lambda *_: None)
        start = time.monotonic()
        while time.monotonic() - start < 12 and not gone:
            connection.process_data_events(0.2)
        taken = b.take(QUEUE, 2)
        headers = (taken[1].headers or {}) if taken else {}
        return {k[2:]: v for k, v in headers.items()} or ("no header" if taken else "not back")
    finally:
        patient(b)
