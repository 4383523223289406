"""What the fact scripts share: a broker, a recorder, and a bare AMQP connection that shows frames in order.

A fact is a function decorated with @fact("what the engine expects"). It returns what it saw: a string, a
number, a boolean, or a dictionary of them, and the same on every run (no ports, no times).
"""
import base64
import json
import os
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import pika
from pika import exceptions, frame, spec

FACTS = []
TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "rabbitmq")


def fact(expected):
    def register(function):
        FACTS.append((function.__module__, function.__name__, expected, function))
        return function

    return register


class Broker:
    """A node started by scripts/rabbitmq, named by its folder."""

    def __init__(self, directory):
        line = subprocess.check_output([TOOL, "env", directory, "--json"], text=True).splitlines()[0]
        node = json.loads(line)
        self.directory, self.node, self.url = directory, node["name"], node["amqp"]
        self.management, self.version = node["management"], node["version"]
        self.amqps, self.tls = node.get("amqps"), node.get("tls")
        self.short = ".".join(self.version.split(".")[:2])
        self.connections = []

    def connection(self, **capabilities):
        parameters = pika.URLParameters(self.url)
        if capabilities:
            parameters.client_properties = {"capabilities": capabilities}
        connection = pika.BlockingConnection(parameters)
        self.connections.append(connection)
        return connection

    def channel(self, confirm=True):
        channel = self.connection().channel()
        if confirm:
            channel.confirm_delivery()
        return channel

    def queue(self, name, _type="quorum", **arguments):
        """Declares a queue anew. A keyword x_message_ttl=1 is the argument x-message-ttl."""
        channel = self.channel()
        channel.queue_delete(name)
        table = {key.replace("_", "-"): value for key, value in arguments.items()}
        if _type:
            table["x-queue-type"] = _type
        channel.queue_declare(name, durable=True, arguments=table)
        return name

    def exchange(self, name, kind="fanout"):
        channel = self.channel()
        channel.exchange_delete(name)
        channel.exchange_declare(name, kind, durable=True)
        return name

    def bucket(self, name, ttl, strategy="at-least-once", **more):
        """A delay bucket behind a fanout exchange of the same name, so that the routing key stays the target's."""
        arguments = dict(x_message_ttl=ttl, x_dead_letter_exchange="", x_overflow="reject-publish", **more)
        if strategy:
            arguments["x_dead_letter_strategy"] = strategy
        self.queue(name, **arguments)
        self.exchange(name)
        self.channel().queue_bind(name, name)
        return name

    def publish(self, body, queue="", exchange="", **properties):
        properties.setdefault("delivery_mode", 2)
        self.channel().basic_publish(exchange, queue, body.encode(), pika.BasicProperties(**properties), mandatory=True)

    def take(self, queue, seconds=3.0, ack=True):
        """One message as (method, properties, body), or None. By basic.get with automatic acknowledgement."""
        channel = self.channel(confirm=False)
        end = time.monotonic() + seconds
        while True:
            method, properties, body = channel.basic_get(queue, auto_ack=ack)
            if method:
                return method, properties, body.decode()
            if time.monotonic() > end:
                return None
            time.sleep(0.02)

    def count(self, queue):
        return self.channel(confirm=False).queue_declare(queue, passive=True).method.message_count

    def held(self, queue):
        """Messages in a quorum queue, those that wait for their dead-lettering included: from the queue's own
        state, since the counts of rabbitmqctl and the management API are up to five seconds old."""
        overview = self.eval(
            f'{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"{queue}">>)), '
            "{ok, {_, O}, _} = ra:local_query(amqqueue:get_pid(Q), fun(S) -> rabbit_fifo:overview(S) end), "
            "lists:sum([maps:get(K, O) || K <- [num_ready_messages, num_checked_out, num_discarded, num_discard_checked_out]]).")
        return int(overview)

    def ctl(self, *arguments):
        return subprocess.check_output([TOOL, "ctl", self.directory, self.node, *arguments], text=True, stderr=subprocess.STDOUT)

    def eval(self, expression):
        return self.ctl("eval", expression).strip()

    def api(self, path):
        """What the management API answers."""
        address = urllib.parse.urlparse(self.management)
        request = urllib.request.Request(f"http://{address.hostname}:{address.port}/api/{path}")
        login = base64.b64encode(f"{address.username}:{address.password}".encode()).decode()
        request.add_header("Authorization", "Basic " + login)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def close(self):
        for connection in self.connections:
            try:
                connection.close()
            except (exceptions.AMQPError, AssertionError):
                pass  # pika asserts when a generator's consumer was cancelled
        self.connections = []


def watch(channel):
    """A list that is filled with the reason when the broker closes this channel; pika itself only says so at
    the next call."""
    closed = []
    channel._impl.add_on_close_callback(
        lambda _channel, reason: closed.append(f"channel {reason.reply_code} {reason.reply_text}" if hasattr(reason, "reply_code") else str(reason)))
    return closed


def refusal(action):
    """What the broker says to something: "accepted", or where it closed, with code and text."""
    try:
        action()
        return "accepted"
    except exceptions.ChannelClosedByBroker as error:
        return f"channel {error.reply_code} {error.reply_text}"
    except exceptions.ConnectionClosedByBroker as error:
        return f"connection {error.reply_code} {error.reply_text}"
    except exceptions.AMQPError as error:
        return f"client: {type(error).__name__} {error}"


class Wire:
    """A connection that hides nothing: frames are sent one by one and come back in the order of the wire."""

    def __init__(self, broker):
        address = urllib.parse.urlparse(broker.url)
        self.socket = socket.create_connection((address.hostname, address.port), 10)
        self.data = b""
        self.socket.sendall(b"AMQP\x00\x00\x09\x01")
        self.expect(spec.Connection.Start)
        capabilities = {"publisher_confirms": True, "basic.nack": True, "consumer_cancel_notify": True}
        self.send(0, spec.Connection.StartOk({"capabilities": capabilities}, "PLAIN", b"\0guest\0guest", "en_US"))
        tune = self.expect(spec.Connection.Tune)
        self.frame_max = tune.frame_max or 131072
        self.send(0, spec.Connection.TuneOk(tune.channel_max, self.frame_max, 0))
        self.send(0, spec.Connection.Open("/"))
        self.expect(spec.Connection.OpenOk)
        self.send(1, spec.Channel.Open())
        self.expect(spec.Channel.OpenOk)

    def send(self, channel, method):
        self.socket.sendall(frame.Method(channel, method).marshal())

    def call(self, method, reply):
        self.send(1, method)
        return self.expect(reply)

    def publish(self, body, queue="", exchange="", mandatory=False, immediate=False, **properties):
        method = spec.Basic.Publish(exchange=exchange, routing_key=queue, mandatory=mandatory, immediate=immediate)
        out = [frame.Method(1, method).marshal(), frame.Header(1, len(body), spec.BasicProperties(delivery_mode=2, **properties)).marshal()]
        size = self.frame_max - 8
        out += [frame.Body(1, body[start:start + size]).marshal() for start in range(0, len(body), size)]
        self.socket.sendall(b"".join(out))

    def read(self, seconds=5.0):
        """The next method, content header or body; None when nothing comes, "end" at the end of the stream."""
        self.socket.settimeout(seconds)
        while True:
            used, value = frame.decode_frame(self.data)
            if value:
                self.data = self.data[used:]
                if isinstance(value, frame.Heartbeat):
                    continue
                return value.method if isinstance(value, frame.Method) else value
            try:
                more = self.socket.recv(1 << 20)
            except socket.timeout:
                return None
            except OSError:
                return "end"
            if not more:
                return "end"
            self.data += more

    def expect(self, kind):
        value = self.read()
        assert isinstance(value, kind), f"{kind.__name__} wanted, {value} came"
        return value

    def methods(self, seconds=1.0):
        """Names of the methods that come until there is silence; a close with its code and text."""
        names = []
        while True:
            value = self.read(seconds)
            if value is None:
                return names
            if isinstance(value, str):
                return names + ["end of stream"]
            if isinstance(value, (spec.Channel.Close, spec.Connection.Close)):
                names.append(f"{value.NAME} {value.reply_code} {value.reply_text}")
            elif isinstance(value, (spec.Basic.Ack, spec.Basic.Nack)):
                names.append(f"{value.NAME} {value.delivery_tag}{' multiple' if value.multiple else ''}")
            elif isinstance(value, spec.Basic.Return):
                names.append(f"{value.NAME} {value.reply_code} {value.reply_text}")
            elif hasattr(value, "NAME"):
                names.append(value.NAME)

    def close(self):
        self.socket.close()
