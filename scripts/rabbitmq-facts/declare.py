"""Declaring: what is checked, what is refused, with which words."""
import time

from pika import spec

from broker import Wire, fact, refusal

QUEUE, EXCHANGE = "facts.queue", "facts.exchange"


def declare(b, **more):
    arguments = more.pop("arguments", None)
    name = more.pop("name", QUEUE)
    more.setdefault("durable", True)
    return refusal(lambda: b.channel().queue_declare(name, arguments=arguments, **more))


def fresh(b, arguments, **more):
    b.close()  # an exclusive queue goes with its connection
    b.channel().queue_delete(QUEUE)
    return declare(b, arguments=arguments, **more)


@fact("404 and a closed channel")
def passive_missing(b):
    b.channel().queue_delete(QUEUE)
    b.channel().exchange_delete(EXCHANGE)
    return {"queue": declare(b, passive=True),
            "exchange": refusal(lambda: b.channel().exchange_declare(EXCHANGE, passive=True))}


@fact("a passive declare compares nothing: other arguments, type and durability pass")
def passive_ignores_differences(b):
    b.queue(QUEUE, x_message_ttl=1000)
    b.exchange(EXCHANGE, "fanout")
    return {"other argument": declare(b, passive=True, arguments={"x-message-ttl": 5}),
            "other queue type": declare(b, passive=True, arguments={"x-queue-type": "classic"}),
            "other durability": declare(b, passive=True, durable=False),
            "exchange of another type": refusal(lambda: b.channel().exchange_declare(EXCHANGE, "topic", passive=True))}


@fact("an exchange is a marker: passive declare tells whether it exists, without rights to write")
def exchange_as_marker(b):
    name = "warren.paused.facts"
    b.channel().exchange_delete(name)
    before = refusal(lambda: b.channel().exchange_declare(name, passive=True))
    b.channel().exchange_declare(name, "fanout", durable=True)
    after = refusal(lambda: b.channel().exchange_declare(name, passive=True))
    again = refusal(lambda: b.channel().exchange_declare(name, "fanout", durable=True))
    b.channel().exchange_delete(name)
    return {"before": before, "after": after, "declared twice": again, "deleted twice": refusal(lambda: b.channel().exchange_delete(name))}


@fact("406 inequivalent arg, naming the first difference only")
def inequivalent(b):
    base = {"x-queue-type": "quorum", "x-message-ttl": 1000, "x-delivery-limit": 10, "x-dead-letter-exchange": "d",
            "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}
    b.channel().queue_delete(QUEUE)
    assert declare(b, arguments=base) == "accepted"

    def other(**changes):
        table = dict(base)
        for key, value in changes.items():
            key = key.replace("_", "-")
            if value is None:
                del table[key]
            else:
                table[key] = value
        return declare(b, arguments=table)

    return {"the same": other(),
            "ttl 2000": other(x_message_ttl=2000), "ttl left out": other(x_message_ttl=None),
            "ttl \"1000\" (string)": other(x_message_ttl="1000"),
            "limit 11": other(x_delivery_limit=11), "limit left out": other(x_delivery_limit=None),
            "limit too high for 32 bits": other(x_delivery_limit=1 << 40),
            "strategy at-most-once": other(x_dead_letter_strategy="at-most-once"),
            "strategy left out": other(x_dead_letter_strategy=None),
            "overflow drop-head": other(x_overflow="drop-head"),
            "max-length added": other(x_max_length=5),
            "initial group size added": other(**{"x_quorum_initial_group_size": 3}),
            "leader locator added": other(**{"x_queue_leader_locator": "balanced"}),
            "unknown argument added": other(x_warren_note="v1"),
            "type classic": other(x_queue_type="classic"),
            "not durable": declare(b, arguments=base, durable=False),
            "ttl and limit both": other(x_message_ttl=2000, x_delivery_limit=11)}


@fact("a classic queue adopted by its name: 406 names the type")
def classic_redeclared_as_quorum(b):
    b.channel().queue_delete(QUEUE)
    b.channel().queue_declare(QUEUE, durable=True)
    return {"declared quorum": declare(b, arguments={"x-queue-type": "quorum"}), "declared without type": declare(b),
            "declared classic": declare(b, arguments={"x-queue-type": "classic"}),
            "declared classic with max-priority": declare(b, arguments={"x-max-priority": 5})}


@fact("an exchange of another type or durability: 406")
def exchange_inequivalent(b):
    b.exchange(EXCHANGE, "fanout")
    return {"type": refusal(lambda: b.channel().exchange_declare(EXCHANGE, "topic", durable=True)),
            "durable": refusal(lambda: b.channel().exchange_declare(EXCHANGE, "fanout", durable=False))}


@fact("unknown arguments pass; those of another queue type are refused; known ones with a bad value too")
def arguments_of_a_quorum_queue(b):
    seen = {}
    for argument, value in (("x-warren-note", "v1"), ("x-max-priority", 5), ("x-queue-mode", "lazy"), ("x-queue-version", 2),
                            ("x-consumer-timeout", 60000), ("x-delayed-retry-type", "all"), ("x-single-active-consumer", True),
                            ("x-expires", 60000), ("x-stream-offset", "first"), ("x-max-age", "1D"), ("x-delivery-limit", "ten"),
                            ("x-delivery-limit", 1000000), ("x-message-ttl", -1), ("x-overflow", "reject-publish-dlx"),
                            ("x-dead-letter-strategy", "sometimes"), ("x-max-in-memory-length", 5), ("x-quorum-target-group-size", 3)):
        seen[f"{argument} = {value}"] = fresh(b, {"x-queue-type": "quorum", argument: value})
    seen["at-least-once without an exchange"] = fresh(b, {"x-queue-type": "quorum", "x-dead-letter-strategy": "at-least-once"})
    seen["routing key without an exchange"] = fresh(b, {"x-queue-type": "quorum", "x-dead-letter-routing-key": "k"})
    return seen


@fact("the same of a classic queue")
def arguments_of_a_classic_queue(b):
    seen = {}
    for argument, value in (("x-warren-note", "v1"), ("x-max-priority", 5), ("x-max-priority", 256), ("x-queue-mode", "lazy"), ("x-queue-version", 1),
                            ("x-queue-version", 2), ("x-delivery-limit", 10), ("x-consumer-timeout", 60000),
                            ("x-dead-letter-strategy", "at-least-once"), ("x-queue-master-locator", "min-masters")):
        seen[f"{argument} = {value}"] = fresh(b, {"x-queue-type": "classic", argument: value})
    return seen


@fact("a quorum queue must be durable and neither exclusive nor auto-delete")
def shapes_of_a_quorum_queue(b):
    table = {"x-queue-type": "quorum"}
    return {"not durable": fresh(b, table, durable=False), "exclusive": fresh(b, table, exclusive=True),
            "auto-delete": fresh(b, table, auto_delete=True)}


@fact("transient non-exclusive queues are refused on 4.3")
def transient_queues(b):
    return {"transient": fresh(b, None, durable=False), "transient, auto-delete": fresh(b, None, durable=False, auto_delete=True),
            "transient, exclusive": fresh(b, None, durable=False, exclusive=True),
            "durable, exclusive": fresh(b, None, exclusive=True),
            "server-named, exclusive": declare(b, name="", durable=False, exclusive=True)}


@fact("an exclusive queue of another connection: 405")
def exclusive_queue(b):
    b.channel().queue_delete(QUEUE)
    owner = b.channel()
    owner.queue_declare(QUEUE, exclusive=True)
    return {"passive": declare(b, passive=True), "consume": refusal(lambda: b.channel().basic_consume(QUEUE, lambda *_: None))}


@fact("an exclusive queue is a lock: 405 for the second owner, free when the first connection ends or breaks")
def lock_by_exclusive_queue(b):
    name = "facts.lock"
    first = b.channel()
    first.queue_declare(name, exclusive=True, durable=False)
    second = refusal(lambda: b.channel().queue_declare(name, exclusive=True, durable=False))
    first.connection.close()
    after_close = refusal(lambda: b.channel().queue_declare(name, exclusive=True, durable=False))
    b.close()
    wire = Wire(b)
    wire.call(spec.Queue.Declare(queue=name, exclusive=True), spec.Queue.DeclareOk)
    wire.close()
    time.sleep(0.5)
    after_break = refusal(lambda: b.channel().queue_declare(name, exclusive=True, durable=False))
    return {"second owner": second, "after the first closed": after_close, "after its socket broke": after_break}


@fact("a single-active consumer is the lock that a quorum queue enforces: the second waits")
def single_active_consumer(b):
    b.queue(QUEUE, x_single_active_consumer=True)
    got = {"first": 0, "second": 0}
    channels = {}
    for name in got:
        channels[name] = b.channel(confirm=False)
        channels[name].basic_consume(QUEUE, lambda *_, who=name: got.__setitem__(who, got[who] + 1), auto_ack=True)
    for i in range(4):
        b.publish(str(i), QUEUE)
    for channel in channels.values():
        channel.connection.sleep(0.3)
    before = dict(got)
    channels["first"].connection.close()
    b.publish("x", QUEUE)
    channels["second"].connection.sleep(0.6)
    return {"both there": str(before), "after the first left, the second got": got["second"]}


@fact("403 for a second consumer of an exclusively consumed queue, and for an exclusive one beside another")
def exclusive_consumer(b):
    seen = {}
    for kind in ("quorum", "classic"):
        b.queue(QUEUE, _type=kind)
        b.publish("x", QUEUE)
        first = b.channel()
        first.basic_consume(QUEUE, lambda *_: None, exclusive=True)
        seen[f"{kind}: second, exclusive"] = refusal(lambda: b.channel().basic_consume(QUEUE, lambda *_: None, exclusive=True))
        seen[f"{kind}: second, plain"] = refusal(lambda: b.channel().basic_consume(QUEUE, lambda *_: None))
        seen[f"{kind}: basic.get beside it"] = refusal(lambda: b.channel().basic_get(QUEUE))
        first.connection.close()
        plain = b.channel()
        plain.basic_consume(QUEUE, lambda *_: None)
        seen[f"{kind}: exclusive beside a plain one"] = refusal(lambda: b.channel().basic_consume(QUEUE, lambda *_: None, exclusive=True))
        plain.connection.close()
    return seen


@fact("global qos: refused by quorum queues when consuming, denied by 4.3 altogether")
def global_qos(b):
    b.queue(QUEUE)
    b.channel().queue_delete("facts.classic")
    b.channel().queue_declare("facts.classic", durable=True)

    def consume(queue):
        channel = b.channel()
        channel.basic_qos(prefetch_count=5, global_qos=True)
        channel.basic_consume(queue, lambda *_: None)

    return {"qos": refusal(lambda: b.channel().basic_qos(prefetch_count=5, global_qos=True)),
            "consuming a quorum queue": refusal(lambda: consume(QUEUE)), "a classic one": refusal(lambda: consume("facts.classic")),
            "two consumers on a channel of limit 2, held in all": held_by_two_consumers(b)}


def held_by_two_consumers(b):
    """2 if the limit holds for the channel, 4 if for each consumer."""
    b.channel().queue_delete("facts.classic")
    b.channel().queue_declare("facts.classic", durable=True)
    for i in range(10):
        b.publish(str(i), "facts.classic")
    channel, held = b.channel(confirm=False), []
    channel.basic_qos(prefetch_count=2, global_qos=True)
    for _ in range(2):
        channel.basic_consume("facts.classic", lambda _c, method, *_: held.append(method.delivery_tag))
    channel.connection.sleep(0.5)
    return len(held)


@fact("a queue deleted and declared again under a live consumer: the consumer is cancelled and disturbs no other")
def redeclared_under_a_consumer(b):
    seen = {}
    for kind in ("quorum", "classic"):
        b.queue(QUEUE, _type=kind)
        old = b.channel()
        old.basic_qos(prefetch_count=1)
        cancelled = []
        old.add_on_cancel_callback(cancelled.append)
        old.basic_consume(QUEUE, lambda channel, method, *_: channel.basic_ack(method.delivery_tag))
        for i in range(3):
            b.publish(str(i), QUEUE)
        old.connection.sleep(0.2)
        b.queue(QUEUE, _type=kind)
        for i in range(6):
            b.publish(str(i), QUEUE)
        new, got = b.channel(confirm=False), []
        new.basic_consume(QUEUE, lambda _c, _m, _p, body, into=got: into.append(body), auto_ack=True)
        new.connection.sleep(0.4)
        old.connection.sleep(0.4)
        at_once = len(got)
        old.connection.close()
        new.connection.sleep(0.4)
        seen[kind] = (f"old consumer {'cancelled' if cancelled else 'not cancelled'}; the new one gets {at_once} of 6, "
                      f"{len(got)} after the old one closed")
    return seen


@fact("deleting what is not there is no error; if-unused and if-empty are checked")
def deleting(b):
    b.queue(QUEUE)
    b.publish("x", QUEUE)
    return {"missing": refusal(lambda: b.channel().queue_delete("facts.missing")),
            "if-empty, not empty": refusal(lambda: b.channel().queue_delete(QUEUE, if_empty=True)),
            "if-unused, unused": refusal(lambda: b.channel().queue_delete(QUEUE, if_unused=True))}


@fact("binding to a missing exchange or queue: 404")
def binding(b):
    b.queue(QUEUE)
    return {"exchange": refusal(lambda: b.channel().queue_bind(QUEUE, "facts.missing", "k")),
            "queue": refusal(lambda: b.channel().queue_bind("facts.missing", "amq.topic", "k")),
            "reserved name": refusal(lambda: b.channel().queue_declare("amq.mine")),
            "reserved exchange": refusal(lambda: b.channel().exchange_declare("amq.mine", "fanout"))}
