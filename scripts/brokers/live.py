"""Tries scripts/rabbitmq on real brokers: `make test-brokers VERSIONS="3.10 4.0 4.3" CLUSTER=1`.

VERSIONS says on which, by default on all that are installed; CLUSTER=1 also starts three nodes of each.
"""
import os
import pathlib
import re
import shlex
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request

from brokers import processes, versions

TOOL = pathlib.Path(__file__).resolve().parents[1] / "rabbitmq"
VERSIONS = (os.environ.get("VERSIONS") or " ".join(v for v in versions.SUITES if versions.root_of(v))).split()


def rabbitmq(*arguments):
    return subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, timeout=300)


def version_on_the_wire(url):
    """What the broker itself says: the version in the server properties of connection.start; None if it does not answer."""
    try:
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 2) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            said = b""
            while not (match := re.search(rb"versionS.{4}(\d+\.\d+\.\d+)", said, re.S)):
                said += (more := connection.recv(4096))
                if not more:
                    return None
            return match[1].decode()
    except OSError:
        return None


class Live(unittest.TestCase):
    def run_tool(self, *arguments):
        result = rabbitmq(*arguments)
        self.assertEqual(result.returncode, 0, f"{arguments}: {result.stderr}")
        return result.stdout

    def start(self, *arguments):
        values = dict(shlex.split(line)[0].split("=", 1) for line in self.run_tool(*arguments).splitlines())
        self.addCleanup(rabbitmq, "stop", values["WARREN_RABBITMQ_DIR"])
        return values

    def one_node(self, version):
        found = self.start("start", "--version", version, "--tls")
        folder, url, exact = found["WARREN_RABBITMQ_DIR"], found["WARREN_RABBITMQ_URL"], found["WARREN_RABBITMQ_VERSION"]
        self.assertTrue(exact.startswith(version + "."))
        self.assertEqual(version_on_the_wire(url), exact)
        api = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        management = found["WARREN_RABBITMQ_MANAGEMENT_URL"].replace("guest:guest@", "")
        api.add_password(None, management, "guest", "guest")
        opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(api))
        with opener.open(f"{management}/api/overview", timeout=20) as answer:
            self.assertIn(f'"rabbitmq_version":"{exact}"', answer.read().decode())
        self.run_tool("ctl", folder, "rabbit", "status")
        tls = subprocess.run(
            ["openssl", "s_client", "-connect", "127.0.0.1:" + found["WARREN_RABBITMQ_TLS_URL"].rpartition(":")[2],
             "-CAfile", found["WARREN_RABBITMQ_TLS_CA"], "-cert", found["WARREN_RABBITMQ_TLS_CLIENT"],
             "-key", found["WARREN_RABBITMQ_TLS_CLIENT_KEY"], "-verify_return_error", "-verify_hostname", "localhost"],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
        self.assertEqual(tls.returncode, 0, tls.stderr)
        self.assertEqual(self.run_tool("env", folder), self.run_tool("start", "--dir", folder))  # it runs already
        self.assertIn(f"{folder}\t{version}\trabbit: pid {found['WARREN_RABBITMQ_PID']}\n", self.run_tool("list"))
        self.run_tool("pause", folder, "rabbit")
        self.assertIn("(paused)", next(line for line in self.run_tool("list").splitlines() if line.startswith(folder)))
        self.assertIsNone(version_on_the_wire(url))
        self.run_tool("continue", folder, "rabbit")
        self.assertEqual(version_on_the_wire(url), exact)
        self.run_tool("kill", folder, "rabbit")
        self.assertIsNone(version_on_the_wire(url))
        self.run_tool("restart", folder, "rabbit")  # on the same port
        self.assertEqual(version_on_the_wire(url), exact)
        return found

    def test_versions_run_side_by_side_and_leave_nothing(self):
        running = []
        for version in VERSIONS:
            with self.subTest(version=version):
                running.append(self.one_node(version))
        for found in running:
            with self.subTest(stopping=found["WARREN_RABBITMQ_VERSION"]):
                folder = found["WARREN_RABBITMQ_DIR"]
                self.assertEqual(version_on_the_wire(found["WARREN_RABBITMQ_URL"]), found["WARREN_RABBITMQ_VERSION"])
                pids = [pathlib.Path(folder, "nodes/rabbit/pid"), pathlib.Path(folder, "epmd.pid")]
                pids = [int(file.read_text().split()[0]) for file in pids]
                self.run_tool("stop", folder)
                self.assertFalse(os.path.exists(folder))
                self.assertEqual([processes.began(pid) for pid in pids], [None, None])
                self.run_tool("stop", folder)  # is no error
        self.assertNotIn("warren-rabbitmq", pathlib.Path("/proc/self/mounts").read_text())

    @unittest.skipUnless(os.environ.get("CLUSTER"), "CLUSTER=1 starts clusters")
    def test_a_cluster_is_cut_and_healed(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                found = self.start("cluster", "--version", version)
                folder = found["WARREN_RABBITMQ_DIR"]
                self.assertEqual(len(found["WARREN_RABBITMQ_URLS"].split(",")), 3)
                self.assertNotEqual(self.run_tool("ctl", folder, "rabbit3", "eval", "nodes().").strip(), "[]")
                self.run_tool("partition", folder, "rabbit3")
                self.assertEqual(self.run_tool("ctl", folder, "rabbit3", "eval", "nodes() -- [node(self())].").strip(), "[]")
                self.run_tool("heal", folder, "rabbit3")
                self.run_tool("stop", folder)
                self.assertFalse(os.path.exists(folder))

    def test_the_end_of_a_process_stops_its_broker(self):
        owner = subprocess.Popen(["sleep", "600"])
        self.addCleanup(owner.kill)
        found = self.start("start", "--version", VERSIONS[0], "--while", owner.pid)
        owner.kill()
        owner.wait()
        node = pathlib.Path(found["WARREN_RABBITMQ_DIR"], "nodes/rabbit/pid")
        self.assertTrue(processes.wait_gone(20, [node]))

    def test_a_stopped_broker_starts_again_with_its_data(self):
        found = self.start("start", "--version", VERSIONS[-1])
        folder = found["WARREN_RABBITMQ_DIR"]
        self.run_tool("ctl", folder, "rabbit", "add_vhost", "kept")
        self.run_tool("stop", "--keep", folder)
        again = self.start("start", "--dir", folder)
        self.assertEqual(again["WARREN_RABBITMQ_URL"], found["WARREN_RABBITMQ_URL"])
        self.assertIn("kept", self.run_tool("ctl", folder, "rabbit", "list_vhosts"))

    def test_a_bad_setting_is_shown_from_the_log_of_the_broker_and_nothing_stays(self):
        with tempfile.TemporaryDirectory() as folder:
            place = f"{folder}/broker"
            result = rabbitmq("start", "--version", VERSIONS[0], "--dir", place, "--set", "nonsense.key = 1")
            self.assertEqual(result.returncode, 1)
            self.assertIn("no setting with that name", result.stderr)
            self.assertEqual(os.listdir(folder), [])

    def test_a_start_that_is_told_to_end_leaves_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            place = pathlib.Path(folder, "broker")
            starting = subprocess.Popen([TOOL, "start", "--version", VERSIONS[0], "--dir", place], stdout=subprocess.DEVNULL)
            end = time.monotonic() + 30
            while not (place / "nodes/rabbit/pid").exists() and time.monotonic() < end:
                time.sleep(0.01)
            node = int((place / "nodes/rabbit/pid").read_text().split()[0])
            starting.terminate()
            self.assertEqual(starting.wait(60), 143)
            self.assertEqual(os.listdir(folder), [])
            self.assertIsNone(processes.began(node))


if __name__ == "__main__":
    unittest.main()
