"""The folder of a broker and of its nodes: what they are told before they start."""
import pathlib
import secrets
import shutil
import subprocess
import time

from brokers import certificates, ports, versions
from brokers import processes
from brokers.messages import PROGRAM, Failure

BIN = "/usr/lib/rabbitmq/bin"


def values(file):
    """A file of `key=value` lines."""
    return dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)


class Node:
    def __init__(self, broker, name):
        self.broker, self.name = broker, name
        self.folder = broker.folder / "nodes" / name
        self.pid_file, self.log = self.folder / "pid", self.folder / "log/rabbit.log"

    @property
    def exists(self):
        return (self.folder / "node").exists()

    @property
    def pid(self):
        """Its process, if it runs."""
        return processes.living(self.pid_file)

    @property
    def erlang_name(self):
        return f"{self.name}@localhost"

    def port(self, which):
        """`amqp`, `amqps`, `management` or `distribution`."""
        return int(values(self.folder / "node")[which])

    def create(self, settings=(), terms=(), plugins=()):
        """Writes its configuration: lines for rabbitmq.conf, Erlang terms for advanced.config, plugins to enable."""
        amqp, management, distribution, amqps = ports.reserve(4, self.broker.folder)
        (self.folder / "data").mkdir(parents=True)
        (self.folder / "log").mkdir()
        lines = [
            f"listeners.tcp.default = 127.0.0.1:{amqp}",
            "management.tcp.ip = 127.0.0.1",
            f"management.tcp.port = {management}",
            "log.console = false",
            "log.file = rabbit.log",
            "log.file.level = info",
            "disk_free_limit.absolute = 50MB",
        ]
        plugins = ["rabbitmq_management", *plugins]
        if self.broker.has_tls:
            plugins.append("rabbitmq_auth_mechanism_ssl")
            tls = self.broker.folder / "tls"
            lines += [
                f"listeners.ssl.default = 127.0.0.1:{amqps}",
                f"ssl_options.cacertfile = {tls}/ca.pem",
                f"ssl_options.certfile = {tls}/server.pem",
                f"ssl_options.keyfile = {tls}/server-key.pem",
                "ssl_options.verify = verify_peer",
                # A client without a certificate may still come in by password.
                "ssl_options.fail_if_no_peer_cert = false",
                "ssl_cert_login_from = common_name",
                "auth_mechanisms.1 = PLAIN",
                "auth_mechanisms.2 = AMQPLAIN",
                "auth_mechanisms.3 = EXTERNAL",
            ]
        (self.folder / "rabbitmq-env.conf").touch()
        (self.folder / "rabbitmq.conf").write_text("\n".join([*lines, *settings, ""]))
        (self.folder / "advanced.config").write_text(f"[{{rabbit, [{','.join(terms)}]}}].\n")
        (self.folder / "enabled_plugins").write_text(f"[{','.join(plugins)}].\n")
        # Last, since a node is there once this is.
        (self.folder / "node").write_text(
            f"amqp={amqp}\nmanagement={management}\ndistribution={distribution}\namqps={amqps}\n")

    def environment(self):
        folder = self.folder
        return {
            "HOME": self.broker.home, "ERL_EPMD_PORT": self.broker.epmd_port, "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_CRASH_DUMP": folder / "log/erl_crash.dump", "RABBITMQ_NODENAME": self.erlang_name,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1", "RABBITMQ_NODE_PORT": self.port("amqp"),
            "RABBITMQ_DIST_PORT": self.port("distribution"), "RABBITMQ_BASE": folder,
            "RABBITMQ_MNESIA_BASE": folder / "data", "RABBITMQ_LOG_BASE": folder / "log",
            "RABBITMQ_CONF_ENV_FILE": folder / "rabbitmq-env.conf", "RABBITMQ_CONFIG_FILE": folder / "rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": folder / "advanced.config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": folder / "enabled_plugins",
            "RABBITMQ_FEATURE_FLAGS_FILE": folder / "data/feature_flags",
        }

    def launch(self):
        """Starts it and does not wait."""
        if self.pid:
            return
        self.broker.ensure_epmd()
        (self.folder / "log-offset").write_text(str(self.log.stat().st_size if self.log.exists() else 0))
        # RUNNING_UNDER_SYSTEMD makes the start script become the Erlang VM instead of its parent, so that the process started
        # here is the broker itself. The scheduler settings keep an idle broker from spinning.
        environment = {
            **self.environment(), "RUNNING_UNDER_SYSTEMD": "1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "+sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}",
        }
        processes.launch(self.folder / "log/output", self.pid_file,
                         **processes.program(self.broker.root, self.broker.folder, environment, [f"{BIN}/rabbitmq-server"]))

    def log_since_launch(self):
        try:
            with open(self.log, "rb") as log:
                log.seek(int((self.folder / "log-offset").read_text()))
                return log.read().decode(errors="replace")
        except OSError:
            return ""

    def wait_ready(self, seconds):
        port, deadline = self.port("amqp"), time.monotonic() + seconds
        while True:
            log = self.log_since_launch()
            # "Server startup complete" up to 4.2, "Time to start RabbitMQ" from 4.3 on: after either, clients are welcome.
            if ("Server startup complete" in log or "Time to start RabbitMQ" in log) and ports.listens(port):
                return
            if not self.pid:
                why = "ended while starting"
                break
            if time.monotonic() >= deadline:
                why = f"was not ready after {seconds} s"
                break
            time.sleep(0.1)
        output = (self.folder / "log/output").read_text(errors="replace")
        raise Failure(f"node {self.name} {why}.\n" + explain(output + self.log_since_launch()))

    def control(self, *arguments, **options):
        """Runs rabbitmqctl, or rabbitmq-queues, -diagnostics or -plugins if that is the first argument."""
        tool = "rabbitmqctl"
        if arguments and arguments[0] in ("queues", "diagnostics", "plugins"):
            tool, arguments = f"rabbitmq-{arguments[0]}", arguments[1:]
        command = [f"{BIN}/{tool}", "--node", self.erlang_name, *arguments]
        return subprocess.run(**processes.program(self.broker.root, self.broker.folder, self.environment(), command), **options)


def explain(log):
    """The first errors of a log, which name the cause, and its last lines, which are mostly Erlang unwinding."""
    lines = log.splitlines()
    errors = [line.partition("[")[1] + line.partition("[")[2] if line[:1].isdigit() else line
              for line in lines if "[error]" in line or "[critical]" in line or line.startswith('{"')]
    return "\n".join(["-- first errors:", *errors[:12], "-- last lines:", *lines[-12:]])


class Broker:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder).resolve()
        self.home = self.folder / "home"

    @classmethod
    def at(cls, folder):
        """The broker in a folder that a caller named."""
        if not folder:
            raise Failure(f"which broker? Give its folder ({PROGRAM} list)")
        if not (pathlib.Path(folder) / "broker").exists():
            raise Failure(f"there is no broker in {folder}")
        return cls(folder)

    @property
    def exists(self):
        return (self.folder / "broker").exists()

    def value(self, key):
        return values(self.folder / "broker")[key]

    @property
    def root(self):
        return self.value("root")

    @property
    def version(self):
        return self.value("version")

    @property
    def has_tls(self):
        return self.value("tls") == "yes"

    @property
    def epmd_port(self):
        return int(self.value("epmd"))

    @property
    def nodes(self):
        return [Node(self, folder.parent.name) for folder in sorted(self.folder.glob("nodes/*/node"))]

    def node(self, name):
        """A node that a caller named."""
        names = " ".join(node.name for node in self.nodes)
        if not name:
            raise Failure(f"which node? It has: {names}")
        node = Node(self, name)
        if not node.exists:
            raise Failure(f"no node '{name}' in {self.folder}; it has: {names}")
        return node

    def create(self, version, root, tls):
        port, = ports.reserve(1, self.folder)
        self.home.mkdir(parents=True)
        (self.folder / "nodes").mkdir()
        cookie = self.home / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
        (self.folder / "broker").write_text(f"root={root}\nversion={version}\nepmd={port}\ntls={'yes' if tls else 'no'}\n")
        if tls:
            certificates.make(self.folder / "tls")

    def ensure_epmd(self):
        port = self.epmd_port
        if not processes.living(self.folder / "epmd.pid"):
            command = ["epmd", "-address", "127.0.0.1", "-port", str(port)]
            processes.launch(self.folder / "epmd.log", self.folder / "epmd.pid",
                             **processes.program(self.root, self.folder, {"HOME": self.home}, command))
        for _ in range(200):
            if ports.listens(port):
                return
            time.sleep(0.05)
        raise Failure(f"epmd did not start on port {port}: {(self.folder / 'epmd.log').read_text(errors='replace')}")

    def exact_version(self):
        return versions.exact(self.root)

    def remove(self):
        """Removes the folder, once nothing runs in it."""
        root = self.root if self.exists else "/"
        ports.release(self.folder)
        if f" {self.folder}" in pathlib.Path("/proc/self/mounts").read_text():
            raise Failure(f"something is mounted below {self.folder}: unmount it first")
        shutil.rmtree(self.folder)
        if root != "/":  # the empty folders that were its mount point in the tree
            place = pathlib.Path(root) / str(self.folder)[1:]
            while place != pathlib.Path(root):
                try:
                    place.rmdir()
                except OSError:
                    break
                place = place.parent
