"""Which versions of RabbitMQ there are, where they are installed, and how they get there."""
import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

from brokers import ports
from brokers.messages import PROGRAM, Failure, note

# The Debian release that ships a version. 4.3 follows Debian's unstable, which moves on: `install` checks.
SUITES = {"3.10": "bookworm", "4.0": "trixie", "4.3": "sid"}
KNOWN = "3.10, 4.0 and 4.3"
CACHE = pathlib.Path(os.environ.get("WARREN_CACHE")
                     or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "warren") / "rabbitmq"
MIRROR = os.environ.get("WARREN_DEBIAN_MIRROR") or "http://deb.debian.org/debian"
KEYRING = pathlib.Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PACKAGES = pathlib.Path(__file__).resolve().parents[1] / "packages"


def short(text):
    """`3.10.8` is `3.10`."""
    match = re.match(r"(\d+\.\d+)(?:\.|$)", text)
    if not match:
        raise Failure(f"'{text}' is not a version; known are {KNOWN}")
    if match[1] not in SUITES:
        raise Failure(f"version {match[1]} is not known; known are {KNOWN}")
    return match[1]


def exact(root):
    """The version in a tree, such as `4.0.5`, or nothing."""
    folders = sorted(pathlib.Path(root, "usr/lib/rabbitmq/lib").glob("rabbitmq_server-*"))
    return folders[-1].name.rpartition("-")[2] if folders else ""


def root_of(version):
    """Where a version is: "/" for this system's own package, else its tree in the cache; None if nowhere."""
    for root in ("/", str(CACHE / version)):
        if exact(root).startswith(version + "."):
            return root
    return None


def need_root(what):
    if os.geteuid() != 0:
        raise Failure(f"{what} needs root: run it with sudo")


def system_package_fits(version):
    """With systemd, installing the package would start a broker on the default ports: a tree is taken instead."""
    if version != "3.10" or os.path.isdir("/run/systemd/system"):
        return False
    with contextlib.suppress(OSError):
        return "VERSION_CODENAME=bookworm" in pathlib.Path("/etc/os-release").read_text()
    return False


def apt_install(*names):
    if subprocess.run([PACKAGES, *names], stdout=sys.stderr).returncode != 0:
        raise Failure(f"could not install {', '.join(names)}")


def install(text):
    version = short(text)
    if root := root_of(version):
        note(f"{version} is there: {exact(root)} in {root}")
        return
    need_root(f"install {version}")
    if system_package_fits(version):
        note(f"installing {version} with apt-get")
        apt_install("rabbitmq-server")
    else:
        install_tree(version)
    root = root_of(version)
    if not root:
        raise Failure(f"installed, but {version} is not there")
    note(f"installed {exact(root)} in {root}")


def install_tree(version):
    if not shutil.which("debootstrap"):
        apt_install("debootstrap")
    if not KEYRING.exists():
        apt_install("debian-archive-keyring")
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / ".lock", "w") as lock:
        wait_for(lock)
        if root_of(version):  # another process installed it meanwhile
            return
        new, log = CACHE / f".new-{version}", CACHE / f"install-{version}.log"
        shutil.rmtree(new, ignore_errors=True)  # left by an install that was killed
        note(f"installing {version} from Debian {SUITES[version]} into {CACHE / version} (about a minute; log: {log})")
        # In a mount namespace of its own: what debootstrap mounts in the tree goes with it, however it ends.
        with open(log, "w") as output:
            made = subprocess.run(
                ["unshare", "--mount", "--propagation", "private", "debootstrap", "--variant=minbase",
                 "--include=rabbitmq-server", f"--keyring={KEYRING}", SUITES[version], new, MIRROR], stdout=output, stderr=output)
        if made.returncode != 0:
            for file in (log, new / "debootstrap/debootstrap.log"):
                with contextlib.suppress(OSError):
                    print("\n".join(file.read_text(errors="replace").splitlines()[-20:]), file=sys.stderr)
            shutil.rmtree(new, ignore_errors=True)
            raise Failure("debootstrap failed")
        found = exact(new)
        if not found.startswith(version + "."):
            shutil.rmtree(new)
            raise Failure(f"Debian {SUITES[version]} now has RabbitMQ {found}, not {version}. Set WARREN_DEBIAN_MIRROR to a "
                          "dated https://snapshot.debian.org/archive/debian/… that still has it.")
        for folder in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"):
            shutil.rmtree(new / folder, ignore_errors=True)
        shutil.rmtree(CACHE / version, ignore_errors=True)
        new.rename(CACHE / version)


def wait_for(lock, minutes=20):
    end = time.monotonic() + minutes * 60
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise Failure(f"another install has been running for {minutes} minutes; its lock is {lock.name}") from None
            time.sleep(0.5)


def uninstall(text):
    version = short(text)
    root = CACHE / version
    if not root.is_dir():
        note(f"{version} is not in {CACHE}")
        return
    for folder in ports.known_brokers():
        if f"root={root}\n" in (folder / "broker").read_text():
            raise Failure(f"the broker in {folder} runs from it: stop it first")
    shutil.rmtree(root)
    (CACHE / f"install-{version}.log").unlink(missing_ok=True)


def listing():
    for version in SUITES:
        root = root_of(version)
        yield f"{version}\t{exact(root)}\t{root}" if root else f"{version}\t-\tnot installed: {PROGRAM} install {version}"
