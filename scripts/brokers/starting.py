"""Starting one node, or several that form a cluster. What a start has made is taken away again if it does not succeed."""
import contextlib
import os
import pathlib
import re
import signal
import sys
import tempfile

from brokers import faults, processes, versions
from brokers.broker import Broker, Node
from brokers.messages import PROGRAM, Failure

TIMEOUT = int(os.environ.get("WARREN_RABBITMQ_TIMEOUT") or 90)


def open_broker(options):
    """The broker of a folder, or a new one. Returns it and whether it is new."""
    folder = pathlib.Path(options.dir) if options.dir else None
    if folder and (folder / "broker").exists():
        broker = Broker(folder)
        if options.version and versions.short(options.version) != broker.version:
            raise Failure(f"the broker in {broker.folder} is {broker.version}, not {options.version}")
        if options.tls and not broker.has_tls:
            raise Failure(f"the broker in {broker.folder} has no TLS")
        return broker, False
    version = versions.short(options.version or os.environ.get("WARREN_RABBITMQ_VERSION") or "3.10")
    root = versions.root_of(version)
    if not root:
        raise Failure(f"RabbitMQ {version} is not installed: {PROGRAM} install {version}")
    if root != "/":
        versions.need_root(f"running RabbitMQ {version}")
    if not folder:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="warren-rabbitmq."))
    else:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise Failure(f"{folder} is not empty and holds no broker")
    broker = Broker(folder)
    with undone_on_failure(broker, new=True):
        broker.create(version, root, options.tls)
    return broker, True


@contextlib.contextmanager
def undone_on_failure(broker, new, nodes=()):
    """Removes a new broker, and kills the nodes that were started in an old one, if the body fails or is told to end."""
    def end(number, _):
        sys.exit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    except BaseException:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        if new:
            faults.stop(broker)
        for node in [] if new else nodes:
            if node.pid:
                faults.kill(node)
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def start(options):
    """One node. Returns a list of it."""
    broker, new = open_broker(options)
    node = Node(broker, options.name)
    with undone_on_failure(broker, new, [] if node.pid else [node]):
        if not node.exists:
            node.create(options.settings, options.terms, options.plugins)
        node.launch()
        node.wait_ready(TIMEOUT)
    return finish([node], options)


def cluster(options):
    """Several nodes, joined. Returns them."""
    broker, new = open_broker(options)
    nodes = [Node(broker, f"{options.name}{number}") for number in range(1, options.nodes + 1)]
    settings = [*options.settings, "cluster_formation.peer_discovery_backend = classic_config"]
    settings += [f"cluster_formation.classic_config.nodes.{number} = {node.erlang_name}" for number, node in enumerate(nodes, 1)]
    # From 4.0 on a node waits for the others that its configuration names: all at once. Before, the first must be up, or all
    # try without success to join each other's empty node.
    one_by_one = broker.version.startswith("3.")
    if one_by_one:
        settings += ["cluster_formation.discovery_retry_limit = 1", "cluster_formation.discovery_retry_interval = 100"]
    with undone_on_failure(broker, new, [node for node in nodes if not node.pid]):
        for node in nodes:
            if not node.exists:
                node.create(settings, options.terms, options.plugins)
        if one_by_one:
            nodes[0].launch()
            nodes[0].wait_ready(TIMEOUT)
        for node in nodes:
            node.launch()
        for node in nodes:
            node.wait_ready(TIMEOUT)
        check_members(nodes)
    return finish(nodes, options)


def check_members(nodes):
    count = ""
    for question in ("rabbit_nodes:list_running()", "rabbit_mnesia:cluster_nodes(running)"):
        answer = nodes[0].control("eval", f'io:format("~b", [length({question})]).', capture_output=True, text=True)
        if answer.returncode == 0:
            count = re.match(r"\d*", answer.stdout).group()
            break
    if count != str(len(nodes)):
        raise Failure(f"only {count or 'none'} of {len(nodes)} nodes joined; log of {nodes[-1].name}: {nodes[-1].log}")


def finish(nodes, options):
    if options.while_pid:
        processes.watch(options.while_pid, nodes[0].broker.folder)
    return nodes
