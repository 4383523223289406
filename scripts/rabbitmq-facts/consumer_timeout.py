"""consumer_timeout: how long a delivery may stay unacknowledged, and what happens then.

Channels look once a minute, so the facts turn that down to one second; the timeouts are a few seconds.
"""
import subprocess
import time

from broker import fact, refusal, watch

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


def after(b, low, high, arguments=None):
    """Which of two limits, in milliseconds, took a delivery away."""
    start = time.monotonic()
    outcome = hold(b, high / 1000 + 4, arguments=arguments)
    if outcome == "nothing":
        return outcome
    return low if time.monotonic() - start < (low + high) / 2000 else high


@fact("a queue's limit goes before the broker's, also when it is longer; not on 3.10")
def of_the_queue_and_the_broker(b):
    impatient(b, 2000)
    try:
        b.queue(QUEUE, x_consumer_timeout=8000)
        return {"queue 8000, broker 2000": after(b, 2000, 8000)}
    finally:
        patient(b)


@fact("a policy does the same as the queue's argument, and the lower of both counts; 3.10 refuses the policy")
def of_a_policy(b):
    impatient(b, 1800000)
    try:
        b.ctl("set_policy", "slow", "^facts", '{"consumer-timeout": 2000}', "--apply-to", "queues")
    except subprocess.CalledProcessError as error:
        return "refused" if "consumer-timeout" in error.output else error.output
    try:
        b.queue(QUEUE)
        alone = after(b, 2000, 8000)
        b.queue(QUEUE, x_consumer_timeout=8000)
        return {"policy 2000": alone, "policy 2000, queue 8000": after(b, 2000, 8000)}
    finally:
        b.ctl("clear_policy", "slow")
        patient(b)


@fact("on 4.3 a consumer's own limit goes before the queue's and the broker's, also when it is longer")
def of_the_consumer_and_the_queue(b):
    impatient(b, 2000)
    try:
        b.queue(QUEUE)
        broker = after(b, 2000, 8000, {"x-consumer-timeout": 8000})
        b.queue(QUEUE, x_consumer_timeout=2000)
        return {"consumer 8000, broker 2000": broker, "consumer 8000, queue 2000": after(b, 2000, 8000, {"x-consumer-timeout": 8000})}
    finally:
        patient(b)


@fact("a consumer of a classic queue that asks for a limit: accepted; refused on 4.3")
def of_a_consumer_of_a_classic_queue(b):
    b.queue(QUEUE, _type="classic")
    return refusal(lambda: b.channel(confirm=False).basic_consume(QUEUE, lambda *_: None, arguments={"x-consumer-timeout": 5000}))


@fact("the management API shows the broker's limit beside each consumer from 4.0 on, and what the consumer asked for everywhere")
def what_the_api_tells(b):
    impatient(b, 1234000)
    try:
        b.queue(QUEUE)
        connection = b.connection()
        connection.channel().basic_consume(QUEUE, lambda *_: None, arguments={"x-consumer-timeout": 5678000})
        end = time.monotonic() + 15
        while time.monotonic() < end:
            connection.process_data_events(0.2)
            for consumer in b.api("consumers/%2F"):
                if consumer["queue"]["name"] == QUEUE:
                    return {"consumer_timeout": consumer.get("consumer_timeout", "absent"), "arguments": str(consumer["arguments"])}
        return "not shown"
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
