"""Priorities: in which order a queue gives out what waits in it."""
import pika

from broker import fact

QUEUE = "facts.queue"


def drained(b, sent, **arguments):
    """Publishes messages of these priorities in this order, then takes all with one consumer."""
    b.queue(QUEUE, **arguments)
    channel = b.channel()
    for priority in sent:
        channel.basic_publish("", QUEUE, str(priority).encode(), pika.BasicProperties(delivery_mode=2, priority=priority), mandatory=True)
    out = []
    channel.basic_qos(prefetch_count=1)
    for method, _, body in channel.consume(QUEUE, inactivity_timeout=1):
        if method is None:
            break
        channel.basic_ack(method.delivery_tag)
        out.append(body.decode().replace("None", "-"))
        if len(out) == len(sent):
            break
    channel.cancel()
    channel.connection.close()
    return " ".join(out)


@fact("quorum: by arrival on 3.10; two levels, 2:1, on 4.0; strict on 4.3")
def quorum_order(b):
    return {"0…9 sent in that order": drained(b, list(range(10))),
            "six of 0, then six of 9": drained(b, [0] * 6 + [9] * 6),
            "4 and 5 in turn": drained(b, [4, 5] * 4),
            "none, 3, 4, 5": drained(b, [None, 3, 4, 5]),
            "30 31 32 33 255": drained(b, [30, 31, 32, 33, 255])}


@fact("classic with x-max-priority 10: strict, none is 0, above 10 counts as 10")
def classic_order(b):
    return {"0…9 sent in that order": drained(b, list(range(10)), _type="classic", x_max_priority=10),
            "none, 0, 1, 10, 200": drained(b, [None, 0, 1, 10, 200], _type="classic", x_max_priority=10)}


@fact("classic without x-max-priority: by arrival")
def classic_without(b):
    return drained(b, [1, 9, 5], _type="classic")


@fact("consumer priority x-priority: the higher one is served first while it has room")
def consumer_priority(b):
    b.queue(QUEUE)
    got = {"low": 0, "high": 0}
    channel = b.channel()
    channel.basic_qos(prefetch_count=10)

    def take(name):
        def callback(ch, method, _properties, _body):
            got[name] += 1
            ch.basic_ack(method.delivery_tag)
        return callback

    channel.basic_consume(QUEUE, take("low"))
    channel.basic_consume(QUEUE, take("high"), arguments={"x-priority": 10})
    publisher = b.channel()
    for _ in range(20):
        publisher.basic_publish("", QUEUE, b"x")
        channel.connection.process_data_events(0.02)
    channel.connection.process_data_events(0.3)
    return got
