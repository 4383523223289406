"""Runs the tests that need a broker, on brokers that it starts and stops.

    test-on-brokers client [VERSION…]             the AMQP client, with tshark watching the wire, and the tutorials
    test-on-brokers engine [--cluster] [VERSION…] the RabbitMQ engine; on three nodes only what a cluster may do differently
    test-on-brokers --times 3 client engine VERSION   both, three times each, with a table of what failed

Versions as in `rabbitmq versions`; by default 3.10, 4.0 and 4.3. Each must be installed. Nothing may be skipped for want of
something: that fails a run of the client.

    FILTER=REGEX    only the tests whose name matches
    SCRATCH         the build folder (default .build)
    SANITIZE        thread or address; then the wire is not watched
    TEST_PRELOAD    a library that the tests load before all others
"""
import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile

from testing import repeat, runs
from testing.load import Load

SCRIPTS = runs.ROOT / "scripts"
TOOL = SCRIPTS / "rabbitmq"


@contextlib.contextmanager
def broker(*options):
    """The nodes of a broker, as `rabbitmq --json` describes them, until the end of the body."""
    started = subprocess.run([TOOL, *options, "--json", "--while", str(os.getpid())], stdout=subprocess.PIPE, text=True)
    if started.returncode != 0:
        raise SystemExit(f"test-on-brokers: rabbitmq {' '.join(map(str, options))} failed")
    nodes = [json.loads(line) for line in started.stdout.splitlines()]
    try:
        yield nodes
    finally:
        subprocess.run([TOOL, "stop", nodes[0]["dir"]])


def broker_environment(nodes):
    """What the tests are told about a broker; CONTRIBUTING.md lists the names."""
    return {
        "WARREN_TEST_URI": ",".join(node["amqp"] for node in nodes), "WARREN_TEST_MANAGEMENT": nodes[0]["management"],
        "WARREN_TEST_BROKER_SCRIPT": str(TOOL), "WARREN_TEST_BROKER_DIR": nodes[0]["dir"],
        "WARREN_TEST_BROKER_NODE": nodes[0]["name"],
    }


def tls_environment(node, strict):
    def tls(prefix, authority, certificate):
        return {f"{prefix}_CA": node["tls"][authority], f"{prefix}_CERT": node["tls"][certificate],
                f"{prefix}_KEY": node["tls"][f"{certificate}-key"]}

    return {"WARREN_TEST_TLS_URI": node["amqps"], **tls("WARREN_TEST_TLS", "ca", "client"),
            **tls("WARREN_TEST_TLS_STRANGER", "stranger-ca", "stranger"),
            "WARREN_TEST_STRICT_URI": strict["amqps"], "WARREN_TEST_STRICT_CA": strict["tls"]["ca"],
            "WARREN_TEST_STRICT_CERT": strict["tls"]["client"], "WARREN_TEST_STRICT_KEY": strict["tls"]["client-key"]}


def strict_options(folder):
    """A broker that speaks nothing but TLS 1.2, lets no client in without a certificate, and whose own has expired."""
    settings = ("ssl_options.versions.1 = tlsv1.2", "ssl_options.fail_if_no_peer_cert = true",
                f"ssl_options.certfile = {folder}/tls/expired.pem", f"ssl_options.keyfile = {folder}/tls/expired-key.pem")
    return ["--dir", folder, *(part for setting in settings for part in ("--set", setting))]


def peers():
    """The other clients that the tests talk to."""
    subprocess.run([SCRIPTS / "install-peers", "tools", "go", "python", "wire"], check=True)
    relay = runs.scratch() / "relay"
    subprocess.run(["go", "build", "-o", relay, "Tests/Peers/relay.go"], cwd=runs.ROOT, check=True,
                   env={**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode"})
    return {"WARREN_TEST_TOOLS": "/usr/bin", "WARREN_TEST_PYTHON": "/usr/bin/python3", "WARREN_TEST_GO": str(relay)}


@contextlib.contextmanager
def client_brokers(version):
    """The environment for the tests of the client: a broker, a strict one, and other clients."""
    with tempfile.TemporaryDirectory(prefix="warren-strict-") as folder, \
            broker("start", "--version", version, "--tls", *strict_options(f"{os.path.realpath(folder)}/broker")) as strict, \
            broker("start", "--version", version, "--tls") as nodes:
        yield {**peers(), "LD_PRELOAD": os.environ.get("TEST_PRELOAD", ""), **broker_environment(nodes),
               **tls_environment(nodes[0], strict[0])}


def test_client(version, bundle, only):
    """The AMQP client on one version. Yields (what, Run)."""
    with client_brokers(version) as environment:
        # A sanitizer leaves the capture no time: it would miss packets.
        port = environment["WARREN_TEST_URI"].rpartition(":")[2]
        prefix = [] if os.environ.get("SANITIZE") else [SCRIPTS / "wire-check", port]
        # What talks to a broker has deadlines of its own, so these tests do not compete for the processors.
        run = runs.run(bundle, "--filter", only or r"^AMQPTests\.", "--no-parallel", prefix=prefix, environment=environment)
        for test, why in run.skipped.items():
            # A test that is disabled says so in other words than one that lacks something.
            if "skipped: " in why:
                run.failed[test] = why
        yield f"client {version}", run
        if not only:
            status = subprocess.run([SCRIPTS / "run-tutorials", environment["WARREN_TEST_URI"]]).returncode
            yield f"tutorials {version}", runs.Run(tests=1, failed={"run-tutorials": "see above"} if status else {})


def test_engine(version, bundle, only):
    """The RabbitMQ engine on one version. Yields (what, Run)."""
    subprocess.run([SCRIPTS / "install-peers", "python"], check=True)
    with broker("start", "--version", version, "--plugin", "rabbitmq_consistent_hash_exchange") as nodes:
        environment = broker_environment(nodes)
        # Those that break the broker run by themselves, on it while it is fresh.
        breaking, engine = r"^WarrenRabbitMQTests\.RecoveryTests", r"^WarrenRabbitMQTests\."
        conformance = r"^WarrenRabbitMQTests\.ConformanceTests"
        if only:
            yield f"engine {version}", runs.run(bundle, "--filter", only, environment=environment)
            return
        yield f"recovery {version}", runs.run(bundle, "--filter", breaking, environment=environment)
        # Before the others, some of which leave on the broker what diagnosis rightly finds.
        yield f"conformance {version}", runs.run(bundle, "--filter", conformance, environment=environment, limit=1800)
        yield f"engine {version}", runs.run(bundle, "--filter", engine, "--skip", rf"{breaking}|{conformance}",
                                            environment=environment, limit=1800)


def test_cluster(version, bundle, only):
    """What a cluster may do differently: retries, dead letters, recovery. Yields (what, Run)."""
    with broker("cluster", "--version", version) as nodes:
        environment = {"WARREN_TEST_LAWS": "3,4,5", **broker_environment(nodes)}
        del environment["WARREN_TEST_BROKER_DIR"]  # nothing is broken here
        yield f"cluster {version}", runs.run(bundle, "--filter", only or r"^WarrenRabbitMQTests\.ConformanceTests",
                                             environment=environment, limit=1800)


def read_arguments(arguments):
    """What to test, on which versions, and how. Options may stand anywhere, as the Makefile writes them."""
    parser = argparse.ArgumentParser(usage=__doc__, allow_abbrev=False)
    parser.add_argument("--cluster", action="store_true")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("words", nargs="+")
    options = parser.parse_intermixed_args(arguments)
    what = [word for word in options.words if word in ("client", "engine")]
    versions = [word for word in options.words if word not in what] or ["3.10", "4.0", "4.3"]
    if not what:
        parser.error("client or engine?")
    return options, what, versions


def main():
    options, what, versions = read_arguments(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sanitize = os.environ.get("SANITIZE")
    bundle = runs.build(".", *([f"--sanitize={sanitize}"] if sanitize else []))
    tests = {"client": test_client, "engine": test_cluster if options.cluster else test_engine}
    history = []
    with Load(repeat.number("LOAD", 0)):
        for _ in range(options.times):
            results = {}
            for version in versions:
                for name in what:
                    print(f"== the {name} on RabbitMQ {version}", flush=True)
                    for part, run in tests[name](version, bundle, os.environ.get("FILTER")):
                        results[part] = run
                        for test, text in run.problems().items():
                            print(f"{part}: {test}: {text}", file=sys.stderr, flush=True)
            history.append(results)
    print("\n".join(repeat.table(history)))
    sys.exit(0 if all(run.passed for results in history for run in results.values()) else 1)
