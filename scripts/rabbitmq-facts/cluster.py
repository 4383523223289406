"""A cluster of three that loses nodes: what a publisher sees. Each fact starts its own cluster."""
import json
import subprocess
import time
from types import SimpleNamespace

import pika
from pika import spec

from broker import TOOL, Wire, fact

QUEUE = "facts.clustered"


def tool(*arguments):
    return subprocess.check_output([TOOL, *arguments], text=True)


def wait_for(wire, seconds):
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        value = wire.read(0.2)
        if isinstance(value, str):
            return "end of stream"
        if value is not None and hasattr(value, "NAME"):
            return value.NAME
    return f"nothing in {seconds} s"


@fact("one node of three dead: confirms pause and go on; two dead: neither ack nor nack; one back: confirmed after all")
def losing_nodes(b):
    nodes = [json.loads(line) for line in tool("cluster", "--version", b.short, "--json").splitlines()]
    directory, urls = nodes[0]["dir"], {n["name"]: n["amqp"] for n in nodes}
    try:
        # Declared by way of rabbit2, so that the leader is there (client-local is the default).
        second = pika.BlockingConnection(pika.URLParameters(urls["rabbit2"]))
        second.channel().queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
        second.close()
        wire = Wire(SimpleNamespace(url=urls["rabbit1"]))
        wire.call(spec.Confirm.Select(), spec.Confirm.SelectOk)
        seen = {}
        wire.publish(b"1", QUEUE)
        seen["all three alive"] = wait_for(wire, 5)
        tool("kill", directory, "rabbit2")
        start = time.monotonic()
        wire.publish(b"2", QUEUE)
        seen["the leader killed"] = wait_for(wire, 20)
        print(f"    confirmed {time.monotonic() - start:.1f} s after the leader was killed", flush=True)
        tool("kill", directory, "rabbit3")
        time.sleep(1)
        wire.publish(b"3", QUEUE)
        seen["two of three killed"] = wait_for(wire, 8)
        tool("restart", directory, "rabbit3")
        seen["one of them back"] = wait_for(wire, 30)
        check = pika.BlockingConnection(pika.URLParameters(urls["rabbit1"]))
        time.sleep(1)
        seen["messages in the queue"] = check.channel().queue_declare(QUEUE, passive=True).method.message_count
        check.close()
        wire.close()
        return seen
    finally:
        tool("stop", directory)


def elect_twice(directory, queue):
    """Two leaders in succession, so quickly that the first is told what it was told as a leader."""
    tool("ctl", directory, "rabbit1", "eval", f"""
      {{ok, Queue}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"{queue}">>)), {{Name, _}} = amqqueue:get_pid(Queue),
      {{ok, Members, Leader}} = ra:members({{Name, node()}}), [First, Second] = Members -- [Leader],
      catch ra:transfer_leadership(Leader, First), catch ra:transfer_leadership(First, Second).""")


def leader(directory, queue):
    listed = tool("ctl", directory, "rabbit1", "list_queues", "--quiet", "name", "leader")
    return next(line.split("\t")[1].split("@")[0] for line in listed.splitlines() if line.startswith(f"{queue}\t"))


@fact("a message whose time is over goes on, whichever node leads the bucket and however quickly the leaders change")
def elections_of_a_bucket(b):
    nodes = [json.loads(line) for line in tool("cluster", "--version", b.short, "--json").splitlines()]
    directory, bucket = nodes[0]["dir"], "facts.bucket"
    try:
        connection = pika.BlockingConnection(pika.URLParameters(nodes[0]["amqp"]))
        channel = connection.channel()
        channel.queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
        channel.queue_declare(bucket, durable=True, arguments={
            "x-queue-type": "quorum", "x-message-ttl": 3000, "x-overflow": "reject-publish", "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": QUEUE, "x-dead-letter-strategy": "at-least-once"})
        channel.confirm_delivery()

        def arrived():
            return channel.queue_declare(QUEUE, passive=True).method.message_count

        sent = 0
        for _ in range(5):
            channel.basic_publish("", bucket, b"x", pika.BasicProperties(delivery_mode=2))
            sent += 1
            elect_twice(directory, bucket)
            connection.sleep(5)
            if arrived() < sent:
                break
        seen = {"stranded after two elections": arrived() < sent}
        if arrived() < sent:
            connection.sleep(20)
            seen["still there 20 s later"] = arrived() < sent
        connection.close()
        if seen["stranded after two elections"]:
            node = leader(directory, bucket)
            tool("ctl", directory, node, "stop_app")
            tool("ctl", directory, node, "start_app")
            time.sleep(3)
            connection = pika.BlockingConnection(pika.URLParameters(nodes[1]["amqp"]))
            channel = connection.channel()
            seen["arrived after the node that leads it was restarted"] = arrived() == sent
            connection.close()
        return seen
    finally:
        tool("stop", directory)
