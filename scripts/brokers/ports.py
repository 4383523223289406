"""Free ports, reserved for a broker."""
import contextlib
import fcntl
import os
import pathlib
import random

# Not under TMPDIR: all brokers of a user share it, so that no two of them choose the same port.
REGISTRY = pathlib.Path(f"/tmp/warren-rabbitmq-{os.getuid()}")


def sockets():
    """(port, state) of every TCP socket of this system. Looks instead of connecting: a probe would show in the broker's log."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in pathlib.Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                yield int(fields[1].rpartition(":")[2], 16), fields[3]


def listens(port):
    return (port, "0A") in sockets()


def owners(registry=None):
    """The folder that each reserved port belongs to."""
    found = {}
    for file in sorted((registry or REGISTRY).glob("[0-9]*")):
        with contextlib.suppress(OSError):
            found[int(file.name)] = pathlib.Path(file.read_text().strip())
    return found


def reserve(count, folder, registry=None):
    """Free ports below the range of outgoing connections."""
    registry = registry or REGISTRY
    registry.mkdir(parents=True, exist_ok=True)
    with open(registry / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        taken = {port for port, owner in owners(registry).items() if owner.is_dir()} | {port for port, _ in sockets()}
        ports = random.sample([port for port in range(20000, 30000) if port not in taken], count)
        for port in ports:
            (registry / str(port)).write_text(f"{folder}\n")
    return ports


def release(folder, registry=None):
    for port, owner in owners(registry).items():
        if owner == pathlib.Path(folder):
            ((registry or REGISTRY) / str(port)).unlink(missing_ok=True)


def known_brokers():
    return sorted({owner for owner in owners().values() if (owner / "broker").exists()})
