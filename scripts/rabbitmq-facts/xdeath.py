"""x-death that a client sends back with a copy: whether the broker takes it for a cycle and drops the message."""
import time

from broker import fact

TARGET, ONE, TWO = "facts.target", "facts.one", "facts.two"


def retry_once_more(b, publish_to, strip):
    """Takes the message from the target and sends its copy into `publish_to` again, as a retry would."""
    taken = b.take(TARGET, 3)
    if taken is None:
        return "lost before"
    _, properties, body = taken
    headers = {k: v for k, v in properties.headers.items() if not (strip and (k.startswith("x-death") or "-death-" in k))}
    b.publish(body, TARGET, publish_to, headers=headers)
    again = b.take(TARGET, 2.5)
    if again is None:
        return "lost"
    return "arrived, counts " + " ".join(f"{d['queue'].split('.')[-1]}={d['count']}" for d in again[1].headers["x-death"])


def one_level(b, strategy, strip):
    b.queue(TARGET)
    b.bucket(ONE, 100, strategy)
    b.publish("x", TARGET, ONE)
    return retry_once_more(b, ONE, strip)


def two_levels(b, strategy, strip):
    """two -> one -> target, the shape of a ladder of delays."""
    b.queue(TARGET)
    b.bucket(ONE, 100, strategy)
    b.queue(TWO, x_message_ttl=100, x_dead_letter_exchange=ONE, x_overflow="reject-publish",
            **({"x_dead_letter_strategy": strategy} if strategy else {}))
    b.exchange(TWO)
    b.channel().queue_bind(TWO, TWO)
    b.publish("x", TARGET, TWO)
    return retry_once_more(b, TWO, strip)


@fact("one bucket, x-death sent back: arrives (the target itself is not in x-death)")
def one_level_at_least_once(b):
    return one_level(b, "at-least-once", strip=False)


@fact("the same at-most-once")
def one_level_at_most_once(b):
    return one_level(b, None, strip=False)


@fact("ladder of two, x-death sent back: below 4.0 dropped as a cycle")
def ladder_at_least_once(b):
    return two_levels(b, "at-least-once", strip=False)


@fact("the same at-most-once")
def ladder_at_most_once(b):
    return two_levels(b, None, strip=False)


@fact("ladder of two, x-death stripped: arrives everywhere")
def ladder_stripped(b):
    return two_levels(b, "at-least-once", strip=True)


@fact("a forged x-death naming the target: below 4.0 dropped at the hop")
def forged(b):
    b.queue(TARGET)
    b.bucket(ONE, 100)
    entry = {"queue": TARGET, "reason": "expired", "count": 1, "exchange": "", "routing-keys": [TARGET]}
    b.publish("x", TARGET, ONE, headers={"x-death": [entry]})
    taken = b.take(TARGET, 2)
    return "lost" if taken is None else "arrived"


@fact("reject to a dead-letter queue after retries with x-death: arrives")
def parked_after_retry(b):
    b.queue("facts.dlq")
    b.queue(TARGET, x_dead_letter_exchange="", x_dead_letter_routing_key="facts.dlq",
            x_dead_letter_strategy="at-least-once", x_overflow="reject-publish")
    b.bucket(ONE, 100)
    b.publish("x", TARGET, ONE)
    time.sleep(0.4)
    channel = b.channel()
    method, _, _ = channel.basic_get(TARGET)
    channel.basic_reject(method.delivery_tag, requeue=False)
    taken = b.take("facts.dlq", 3)
    return {"arrived": taken is not None, "first-death-reason": taken[1].headers["x-first-death-reason"] if taken else "",
            "reasons": " ".join(d["reason"] for d in taken[1].headers["x-death"]) if taken else ""}
