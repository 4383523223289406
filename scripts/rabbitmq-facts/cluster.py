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
