"""Ending a consumer: which messages that it never saw carry the mark of a delivery afterwards.

An acknowledgement makes the queue send more. What it sends while the channel learns of basic.cancel finds no consumer there any
more, and the channel returns it: below 4.3 that counts as a delivery.
"""
import time

from broker import Wire, fact
from pika import frame, spec

QUEUE = "facts.queue"
PREFETCH = 20


def marked(b, between, acknowledges=True, rounds=3):
    """Takes as much as the prefetch lets, acknowledges all of it, does something, cancels. How many of the messages that wait
    then have a delivery count, in all rounds together."""
    marked = 0
    for _ in range(rounds):
        b.queue(QUEUE, x_delivery_limit=1000)
        wire = Wire(b)
        for _ in range(3 * PREFETCH):
            wire.publish(b"x", queue=QUEUE)
        while b.count(QUEUE) < 3 * PREFETCH:
            time.sleep(0.01)
        wire.call(spec.Basic.Qos(0, PREFETCH, False), spec.Basic.QosOk)
        wire.send(1, spec.Basic.Consume(queue=QUEUE, consumer_tag="c"))
        last = deliveries(wire)
        out = frame.Method(1, spec.Basic.Ack(last, True)).marshal() if acknowledges else b""
        cancel = frame.Method(1, spec.Basic.Cancel("c")).marshal()
        if between is None:
            wire.socket.sendall(out + cancel)
        else:
            wire.socket.sendall(out)
            between(wire)
            wire.socket.sendall(cancel)
        while not isinstance(wire.read(), spec.Basic.CancelOk):
            pass
        # The connection stays, and with it what was delivered: only what no consumer holds is looked at.
        time.sleep(0.3)
        channel = b.channel(confirm=False)
        while True:
            method, properties, _body = channel.basic_get(QUEUE)
            if not method:
                break
            marked += bool((properties.headers or {}).get("x-delivery-count"))
        wire.close()
        b.close()
    return marked


def deliveries(wire):
    tag = None
    for _ in range(PREFETCH):
        value = wire.read()
        while not isinstance(value, spec.Basic.Deliver):
            value = wire.read()
        tag = value.delivery_tag
    return tag


def passive_declare(wire):
    wire.send(1, spec.Queue.Declare(queue=QUEUE, passive=True))
    while not isinstance(wire.read(), spec.Queue.DeclareOk):
        pass


@fact("cancel right behind an ack: below 4.3 as many messages are marked as the ack let through")
def right_behind_an_ack(b):
    return marked(b, None)


@fact("cancel after the answer to a passive declare that went behind the ack: none, the queue had sent what it had to send")
def after_a_round_trip(b):
    return marked(b, passive_declare)


@fact("cancel when the prefetch is full again: none, nothing is on its way")
def when_full_again(b):
    return marked(b, deliveries)


@fact("cancel without an ack: none, as the prefetch is full")
def without_an_ack(b):
    return marked(b, None, acknowledges=False)
