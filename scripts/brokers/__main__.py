"""The command line of `scripts/rabbitmq`."""
import argparse
import os
import pathlib
import re
import signal
import sys
import time

from brokers import certificates, faults, ports, processes, report, starting, versions
from brokers.broker import Broker
from brokers.messages import PROGRAM, Failure, note

HELP = f"""Real RabbitMQ brokers for tests, on loopback, with free ports, in a temporary folder.

  {PROGRAM} install VERSION...         fetch a version (3.10, 4.0, 4.3); nothing to do if it is there
  {PROGRAM} uninstall VERSION...       remove it from the cache
  {PROGRAM} versions                   what is installed, and from where

  {PROGRAM} start [options]            start one node and print where it listens
  {PROGRAM} cluster [options]          start three nodes, joined (--nodes N for another number)
      --version V     3.10, 4.0 or 4.3 (default: $WARREN_RABBITMQ_VERSION, else 3.10)
      --name N        node name (default rabbit; a cluster's are N1, N2, N3)
      --dir D         folder of the broker (default: a new temporary one). Starting a node that runs
                      already prints where it listens; another --name adds a second node with the same
                      cookie and epmd, not clustered; a stopped node starts again with its data
      --set 'K = V'   a line for rabbitmq.conf (may be repeated): --set 'consumer_timeout = 10000'
      --advanced T    an Erlang term for rabbit in advanced.config (may be repeated), for what rabbitmq.conf cannot say:
                      --advanced '{{dead_letter_worker_publisher_confirm_timeout, 10000}}'
      --plugin P      another plugin to enable (may be repeated)
      --tls           an amqps listener beside the plain one, and logging in by client certificate
                      (EXTERNAL; the client certificate made here logs in as guest)
      --while PID     stop the broker by itself when process PID is gone
      --json          one JSON object a node, instead of shell assignments

  {PROGRAM} env DIR [--json]           print the same again
  {PROGRAM} list                       brokers of this user, one folder a line with the state of its nodes
  {PROGRAM} stop DIR...                end every node and remove the folder (--keep: stop in good order
                                   and leave the folder; start --dir DIR runs it again)
  {PROGRAM} restart DIR NODE           stop in good order, start again on the same ports with its data;
                                   also starts a node that was killed
  {PROGRAM} halt DIR NODE              stop one node in good order and leave it stopped
  {PROGRAM} kill DIR NODE              SIGKILL
  {PROGRAM} pause DIR NODE             SIGSTOP: connections stay open and no answer comes
  {PROGRAM} continue DIR NODE          SIGCONT
  {PROGRAM} partition DIR NODE         cut a node of a cluster off from the others
  {PROGRAM} heal DIR NODE              join it to them again
  {PROGRAM} wait DIR NODE              wait until a node is ready
  {PROGRAM} ctl DIR NODE ARGS...       rabbitmqctl (a first ARG of queues, diagnostics or plugins
                                   runs rabbitmq-queues, rabbitmq-diagnostics, rabbitmq-plugins)
  {PROGRAM} log DIR NODE               the path of its log file
  {PROGRAM} tls DIR                    only make the certificates, in DIR, and print their paths

A shell uses it like this:
  eval "$({PROGRAM} start --version 4.0)"
  amqp-declare-queue --url="$WARREN_RABBITMQ_URL" -q hello
  {PROGRAM} stop "$WARREN_RABBITMQ_DIR"

A cluster prints _1, _2, _3 of each value, and WARREN_RABBITMQ_URLS with all of them, comma-separated.
Installing needs root, and so does running any version that is not the system's own package.

  WARREN_CACHE             folder for what is installed (default ~/.cache/warren)
  WARREN_DEBIAN_MIRROR     Debian mirror (default http://deb.debian.org/debian)
  WARREN_RABBITMQ_TIMEOUT  seconds that a node may take to start (default 90)"""


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Failure(f"{message} ({PROGRAM} --help)")


def start_options(arguments):
    parser = Parser(prog=PROGRAM, add_help=False, allow_abbrev=False)
    parser.add_argument("--version", default="")
    parser.add_argument("--name", default="rabbit")
    parser.add_argument("--dir", default="")
    parser.add_argument("--set", dest="settings", action="append", default=[])
    parser.add_argument("--advanced", dest="terms", action="append", default=[])
    parser.add_argument("--plugin", dest="plugins", action="append", default=[])
    parser.add_argument("--nodes", default="3")
    parser.add_argument("--while", dest="while_pid", default="")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", options.name):
        raise Failure(f"'{options.name}' cannot be a node name: letters, digits, - and _")
    if not re.fullmatch("[1-9]", options.nodes):
        raise Failure("--nodes takes 1 to 9")
    if options.while_pid and not processes.began(options.while_pid):
        raise Failure(f"--while: there is no process {options.while_pid}")
    options.nodes = int(options.nodes)
    return options


def print_nodes(nodes, json):
    print("\n".join(report.as_json(nodes) if json else report.assignments(nodes)))


def started(start):
    def command(arguments):
        options = start_options(arguments)
        print_nodes(start(options), options.json)
    return command


def each_version(act):
    def command(arguments):
        if not arguments:
            raise Failure("which version? 3.10, 4.0 or 4.3")
        for version in arguments:
            act(version)
    return command


def env(arguments):
    unknown = [argument for argument in arguments[1:] if argument != "--json"]
    if unknown:
        raise Failure(f"unknown option '{unknown[0]}'")
    print_nodes(Broker.at(arguments[0] if arguments else "").nodes, "--json" in arguments)


def listing(_):
    for folder in ports.known_brokers():
        broker = Broker(folder)
        states = []
        for node in broker.nodes:
            pid = node.pid
            paused = " (paused)" if pid and processes.is_paused(pid) else ""
            states.append(f"{node.name}: " + (f"pid {pid}{paused}" if pid else "stopped"))
        print("\t".join([str(folder), broker.version, *states]))


def stop(arguments):
    keep = arguments[:1] == ["--keep"]
    folders = arguments[1:] if keep else arguments
    if not folders:
        raise Failure(f"which broker? Give its folder ({PROGRAM} list)")
    for folder in folders:
        broker = Broker(folder)
        if broker.exists:
            faults.stop(broker, keep)
        else:
            note(f"there is no broker in {folder} (any more)")


def tls(arguments):
    if not arguments:
        raise Failure("in which folder?")
    folder = pathlib.Path(arguments[0]).resolve()
    certificates.make(folder)
    print("\n".join(report.tls_assignments(folder)))


def watch(arguments):
    """Stops a broker once a process is gone; `--while` starts it."""
    pid, start, folder = arguments
    broker = Broker(folder)
    while broker.exists and processes.began(pid) == start:
        time.sleep(1)
    if broker.exists:
        faults.stop(broker)


def on_node(act):
    """A command that takes the folder of a broker and a node of it."""
    def command(arguments):
        broker = Broker.at(arguments[0] if arguments else "")
        return act(broker, broker.node(arguments[1] if len(arguments) > 1 else ""), arguments[2:])
    return command


COMMANDS = {
    "install": each_version(versions.install),
    "uninstall": each_version(versions.uninstall),
    "versions": lambda _: print("\n".join(versions.listing())),
    "start": started(starting.start),
    "cluster": started(starting.cluster),
    "env": env,
    "list": listing,
    "stop": stop,
    "tls": tls,
    "watch": watch,
    "restart": on_node(lambda broker, node, _: faults.restart(node, starting.TIMEOUT)),
    "halt": on_node(lambda broker, node, _: faults.halt(node)),
    "kill": on_node(lambda broker, node, _: faults.kill(node)),
    "pause": on_node(lambda broker, node, _: 0 if faults.send(node, signal.SIGSTOP) else 1),
    "continue": on_node(lambda broker, node, _: 0 if faults.send(node, signal.SIGCONT) else 1),
    "partition": on_node(lambda broker, node, _: faults.set_partition(broker, node, cut=True)),
    "heal": on_node(lambda broker, node, _: faults.set_partition(broker, node, cut=False)),
    "wait": on_node(lambda broker, node, _: node.wait_ready(starting.TIMEOUT)),
    "ctl": on_node(lambda broker, node, rest: node.control(*rest).returncode),
    "log": on_node(lambda broker, node, _: print(node.log)),
}


def main(arguments):
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(HELP)
        return 0
    try:
        if arguments[0] not in COMMANDS:
            raise Failure(f"unknown command '{arguments[0]}' ({PROGRAM} --help)")
        return COMMANDS[arguments[0]](arguments[1:]) or 0
    except Failure as failure:
        note(failure)
        return 1
    except BrokenPipeError:
        os._exit(141)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
