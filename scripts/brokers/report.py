"""Where nodes listen, as assignments that a shell evaluates, or as JSON."""
import json
import shlex

from brokers import certificates


def describe(node):
    found = {
        "name": node.name, "node": node.erlang_name, "version": node.broker.exact_version(),
        "amqp": f"amqp://guest:guest@127.0.0.1:{node.port('amqp')}",
        "management": f"http://guest:guest@127.0.0.1:{node.port('management')}",
        "pid": node.pid, "dir": str(node.broker.folder), "log": str(node.log),
    }
    if node.broker.has_tls:
        found["amqps"] = f"amqps://guest:guest@localhost:{node.port('amqps')}"
        found["tls"] = {name: f"{node.broker.folder}/tls/{name}.pem" for name in certificates.NAMES}
    return found


def as_json(nodes):
    return [json.dumps(describe(node), separators=(",", ":")) for node in nodes]


def tls_assignments(folder):
    return [f"WARREN_RABBITMQ_TLS_{name.upper().replace('-', '_')}={shlex.quote(f'{folder}/{name}.pem')}"
            for name in certificates.NAMES]


def assignments(nodes):
    """A cluster's values end in _1, _2, _3."""
    found = [describe(node) for node in nodes]
    broker = nodes[0].broker
    lines = [f"WARREN_RABBITMQ_DIR={shlex.quote(str(broker.folder))}", f"WARREN_RABBITMQ_VERSION={found[0]['version']}"]
    if broker.has_tls:
        lines += tls_assignments(broker.folder / "tls")
    for number, node in enumerate(found, 1):
        suffix = f"_{number}" if len(found) > 1 else ""
        lines += [f"WARREN_RABBITMQ_NODE{suffix}={node['name']}", f"WARREN_RABBITMQ_URL{suffix}={node['amqp']}",
                  f"WARREN_RABBITMQ_MANAGEMENT_URL{suffix}={node['management']}",
                  f"WARREN_RABBITMQ_PID{suffix}={node['pid'] or ''}"]
        if "amqps" in node:
            lines.append(f"WARREN_RABBITMQ_TLS_URL{suffix}={node['amqps']}")
    if len(found) > 1:
        lines.append("WARREN_RABBITMQ_URLS=" + ",".join(node["amqp"] for node in found))
    return lines
