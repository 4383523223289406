"""A service that knows nothing of Warren, as Node's amqplib would write it, on pika.

  peer.py URL declare KIND PREFIX    its exchanges and queues: classic or quorum, durable, dead letters as it likes them
  peer.py URL publish PREFIX         each of documents.json once: JSON, persistent, no id, no type, no headers
  peer.py URL consume QUEUE COUNT    takes so many, one line of JSON for each, and acknowledges them
  peer.py URL delete PREFIX          what it declared
"""
import json
import os
import sys

try:
    import pika
except ImportError:
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    sys.exit("peer.py needs pika: scripts/install-peers python")

url, verb, *rest = sys.argv[1:]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "documents.json")) as file:
    documents = json.load(file)
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.confirm_delivery()

if verb == "declare":
    kind, prefix = rest
    channel.exchange_declare(prefix + "dlx", "direct", durable=True)
    for document in documents:
        queue, dead = prefix + document["queue"], prefix + document["queue"] + ".dead"
        arguments = {"x-dead-letter-exchange": prefix + "dlx", "x-dead-letter-routing-key": dead}
        if kind == "quorum":
            arguments["x-queue-type"] = "quorum"
        channel.queue_declare(queue, durable=True, arguments=arguments)
        channel.queue_declare(dead, durable=True, arguments={"x-queue-type": "quorum"} if kind == "quorum" else None)
        channel.queue_bind(dead, prefix + "dlx", dead)
        if document["exchange"]:
            exchange = prefix + document["exchange"]
            channel.exchange_declare(exchange, document["kind"], durable=True)
            channel.queue_bind(queue, exchange, document.get("pattern", ""))
elif verb == "publish":
    (prefix,) = rest
    for document in documents:
        direct = not document["exchange"]
        channel.basic_publish(
            "" if direct else prefix + document["exchange"], prefix + document["queue"] if direct else document["key"],
            json.dumps(document["body"], ensure_ascii=False).encode(),
            pika.BasicProperties(content_type="application/json", delivery_mode=2), mandatory=True)
elif verb == "consume":
    queue, count = rest
    for method, properties, body in channel.consume(queue, inactivity_timeout=20):
        if method is None:
            sys.exit("nothing came in 20 s")
        print(json.dumps({
            "body": json.loads(body), "type": properties.type, "id": properties.message_id, "key": method.routing_key,
            "contentType": properties.content_type, "mode": properties.delivery_mode, "source": properties.app_id,
            "headers": sorted(properties.headers or {})}, ensure_ascii=False))
        channel.basic_ack(method.delivery_tag)
        if method.delivery_tag == int(count):
            break
    channel.cancel()
elif verb == "delete":
    (prefix,) = rest
    for document in documents:
        channel.queue_delete(prefix + document["queue"])
        channel.queue_delete(prefix + document["queue"] + ".dead")
        if document["exchange"]:
            channel.exchange_delete(prefix + document["exchange"])
    channel.exchange_delete(prefix + "dlx")
else:
    sys.exit(__doc__)
connection.close()
