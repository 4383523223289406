"""Processes, by id, in the tree of a broker."""
import ctypes
import os
import pathlib
import subprocess
import sys
import time

# A process id alone may be another process tomorrow, so it is kept with the moment the process began.


def began(pid):
    """Clock ticks since boot when a process began; None if there is none, or only its zombie."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def remember(pid, file):
    file.write_text(f"{pid} {began(pid) or 'gone'}\n")


def living(file):
    """The process id in a file, if that very process lives."""
    try:
        pid, start = file.read_text().split()
    except (OSError, ValueError):
        return None
    return int(pid) if began(pid) == start else None


def is_paused(pid):
    try:
        return "\nState:\tT" in pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def wait_gone(seconds, files):
    """Waits until the processes of these files are gone. Returns whether they are."""
    deadline = time.monotonic() + seconds
    for file in files:
        while living(file):
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)
    return True


def in_tree(root, folder):
    """What a new process does before it becomes a program of that tree; None if the tree is this system.

    It gets a mount namespace of its own, in which it sees /proc, /dev, /etc/hosts and the folder of the broker.
    """
    if root == "/":
        return None
    (pathlib.Path(root) / str(folder)[1:]).mkdir(parents=True, exist_ok=True)
    (pathlib.Path(root) / "etc/hosts").touch()
    libc = ctypes.CDLL(None, use_errno=True)
    new_namespace, bind, recursive, private = 0x20000, 0x1000, 0x4000, 0x40000

    def call(what, result):
        if result != 0:
            os.write(2, f"rabbitmq: {what}: {os.strerror(ctypes.get_errno())}\n".encode())
            os._exit(126)

    def mount(source, target, flags):
        call(f"mounting {target}", libc.mount(source.encode(), target.encode(), None, ctypes.c_ulong(flags), None))

    def enter():
        call("a mount namespace", libc.unshare(new_namespace))
        mount("none", "/", recursive | private)
        mount("/proc", f"{root}/proc", bind)
        mount("/dev", f"{root}/dev", bind | recursive)
        mount("/etc/hosts", f"{root}/etc/hosts", bind)
        mount(str(folder), f"{root}{folder}", bind)
        os.chroot(root)
        os.chdir("/")

    return enter


def program(root, folder, environment, command):
    """The arguments for `subprocess` that run a command in the tree of a broker, with an environment of ours alone."""
    environment = {**environment, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
    # The command is looked for after the change of root, by the PATH that it will have.
    return {"args": ["/usr/bin/env", "-i", *(f"{key}={value}" for key, value in environment.items()), *command],
            "preexec_fn": in_tree(root, folder)}


def launch(output, pid_file, **arguments):
    """Starts a process that outlives this one, in a session of its own, without any file that the caller left open."""
    with open(output, "wb") as file:
        process = subprocess.Popen(stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True, **arguments)
    remember(process.pid, pid_file)
    process.returncode = 0  # it outlives this program, and its end is no news to it


def watch(pid, folder):
    """Stops the broker in a folder once a process is gone, from a small process that outlives this one."""
    start = began(pid)
    if start:
        subprocess.Popen([sys.executable, "-B", "-m", "brokers", "watch", str(pid), start, str(folder)],
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                         start_new_session=True, cwd=pathlib.Path(__file__).resolve().parents[1]).returncode = 0
