"""What is done to nodes: stopping them in good order or not, cutting them off, and undoing that."""
import contextlib
import os
import signal

from brokers import processes
from brokers.messages import Failure, note


def send(node, number):
    """Sends a signal to a node. Returns whether it ran."""
    pid = node.pid
    if not pid:
        note(f"node {node.name} is not running")
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
    return True


def kill(node):
    if send(node, signal.SIGKILL) and not processes.wait_gone(10, [node.pid_file]):
        raise Failure(f"node {node.name} outlives SIGKILL")


def halt(node):
    """Ends a node in good order; by force if it does not end."""
    if not send(node, signal.SIGTERM):
        return
    if node.pid:
        send(node, signal.SIGCONT)  # a paused one must wake to take the signal
    if not processes.wait_gone(30, [node.pid_file]):
        note(f"node {node.name} does not end: SIGKILL")
        kill(node)


def restart(node, seconds):
    """Also starts a node that was killed."""
    if node.pid:
        halt(node)
    node.launch()
    node.wait_ready(seconds)


def stop(broker, keep=False):
    """Ends all nodes and removes the folder, or keeps it for another start."""
    running = [node for node in broker.nodes if node.pid]
    # An orderly end takes 5 s and saves what is about to be deleted, so it is for folders that stay.
    if keep:
        for node in running:
            for number in (signal.SIGTERM, signal.SIGCONT):
                if node.pid:
                    send(node, number)
        if not processes.wait_gone(30, [node.pid_file for node in running]):
            note(f"the nodes of {broker.folder} do not end: SIGKILL")
    for node in running:
        if node.pid:
            send(node, signal.SIGKILL)
    if not processes.wait_gone(10, [node.pid_file for node in running]):
        raise Failure(f"some nodes of {broker.folder} outlive SIGKILL")
    epmd = broker.folder / "epmd.pid"
    for number in (signal.SIGTERM, signal.SIGKILL):
        if pid := processes.living(epmd):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            processes.wait_gone(5, [epmd])
    epmd.unlink(missing_ok=True)
    if not keep:
        broker.remove()


def set_partition(broker, node, cut):
    """Cuts a node off from the others, or joins it again.

    A partition between Erlang nodes: the others are given a cookie that this node does not have, so that they refuse each
    other, and the connections that exist are closed.
    """
    others = ",".join(f"'{other.erlang_name}'" for other in broker.nodes if other.name != node.name)
    cookie = "partitioned" if cut else (broker.home / ".erlang.cookie").read_text()
    act = "erlang:disconnect_node(N)" if cut else "net_kernel:connect_node(N)"
    term = f"[begin erlang:set_cookie(N, '{cookie}'), {act} end || N <- [{others}]]."
    if node.control("eval", term, capture_output=True).returncode != 0:
        raise Failure(f"node {node.name} could not be {'cut off' if cut else 'joined'}: it does not answer")
