import contextlib
import io
import os
import pathlib
import shlex
import shutil
import socket
import subprocess
import tempfile
import unittest

from brokers import __main__ as command_line
from brokers import certificates, ports, processes, report, starting, versions
from brokers.broker import Broker, Node, explain, values
from brokers.messages import Failure


class InAFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name).resolve()

    def broker(self, *names, tls=False):
        """A broker that was never started, in a folder with a blank."""
        broker = Broker(self.folder / "a broker")
        broker.folder.mkdir()
        self.addCleanup(ports.release, broker.folder)
        broker.create("4.0", "/", tls)
        for name in names:
            Node(broker, name).create(["consumer_timeout = 10000"], ["{a, 1}", "{b, 2}"], ["rabbitmq_x"])
        return broker


class Versions(unittest.TestCase):
    def test_a_version_is_known_by_its_first_two_numbers(self):
        self.assertEqual([versions.short(text) for text in ("3.10", "4.0.5", "4.3")], ["3.10", "4.0", "4.3"])

    def test_others_are_refused_with_those_that_are_known(self):
        for text in ("3.7", "4", "4.00", "four", ""):
            with self.assertRaisesRegex(Failure, "known are 3.10, 4.0 and 4.3"):
                versions.short(text)

    def test_the_exact_version_is_read_off_a_tree(self):
        with tempfile.TemporaryDirectory() as root:
            self.assertEqual(versions.exact(root), "")
            os.makedirs(f"{root}/usr/lib/rabbitmq/lib/rabbitmq_server-4.0.5")
            self.assertEqual(versions.exact(root), "4.0.5")


class Processes(InAFolder):
    def test_a_process_is_known_until_it_is_gone(self):
        process = subprocess.Popen(["sleep", "60"])
        file = self.folder / "pid"
        processes.remember(process.pid, file)
        self.assertEqual(processes.living(file), process.pid)
        self.assertFalse(processes.wait_gone(0, [file]))
        process.kill()
        self.assertTrue(processes.wait_gone(10, [file]))  # a zombie is gone, too
        process.wait()
        self.assertIsNone(processes.living(file))

    def test_another_process_of_the_same_number_is_not_taken_for_it(self):
        file = self.folder / "pid"
        file.write_text(f"{os.getpid()} 1\n")
        self.assertIsNone(processes.living(file))
        self.assertIsNone(processes.living(self.folder / "none"))

    def test_what_is_launched_keeps_nothing_of_its_caller_open(self):
        read, write = os.pipe()
        os.set_inheritable(write, True)
        processes.launch(self.folder / "output", self.folder / "pid", args=["sleep", "60"])
        os.close(write)
        self.assertEqual(os.read(read, 1), b"")  # the end, although `sleep` still runs
        os.close(read)
        os.kill(processes.living(self.folder / "pid"), 9)


class Ports(InAFolder):
    def test_ports_are_reserved_until_they_are_released(self):
        registry, owner = self.folder / "registry", self.folder / "owner"
        owner.mkdir()
        first = ports.reserve(5, owner, registry)
        second = ports.reserve(5, owner, registry)
        self.assertEqual(len(set(first + second)), 10)
        self.assertEqual(set(ports.owners(registry)), set(first + second))
        ports.release(owner, registry)
        self.assertEqual(ports.owners(registry), {})

    def test_a_port_that_listens_is_seen(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            self.assertTrue(ports.listens(port))
        self.assertFalse(ports.listens(port))


class Folder(InAFolder):
    def test_a_node_has_its_configuration(self):
        node = self.broker("rabbit").node("rabbit")
        settings = {key.strip(): value.strip() for key, value in values(node.folder / "rabbitmq.conf").items()}
        self.assertEqual(settings["listeners.tcp.default"], f"127.0.0.1:{node.port('amqp')}")
        self.assertEqual(settings["consumer_timeout"], "10000")
        self.assertEqual((node.folder / "advanced.config").read_text(), "[{rabbit, [{a, 1},{b, 2}]}].\n")
        self.assertEqual((node.folder / "enabled_plugins").read_text(), "[rabbitmq_management,rabbitmq_x].\n")
        self.assertIsNone(node.pid)

    def test_a_node_that_is_not_there_is_refused_with_those_that_are(self):
        broker = self.broker("one", "two")
        with self.assertRaisesRegex(Failure, "no node 'three' in .*; it has: one two"):
            broker.node("three")
        with self.assertRaisesRegex(Failure, "which node"):
            broker.node("")
        with self.assertRaisesRegex(Failure, "there is no broker in /nonexistent"):
            Broker.at("/nonexistent")

    @unittest.skipUnless(shutil.which("openssl"), "there is no openssl")
    def test_a_shell_reads_where_a_node_listens(self):
        broker = self.broker("rabbit", tls=True)
        lines = dict(shlex.split(line)[0].split("=", 1) for line in report.assignments(broker.nodes))
        self.assertEqual(lines["WARREN_RABBITMQ_DIR"], str(broker.folder))
        self.assertEqual(lines["WARREN_RABBITMQ_TLS_STRANGER_KEY"], f"{broker.folder}/tls/stranger-key.pem")
        self.assertEqual(lines["WARREN_RABBITMQ_NODE"], "rabbit")
        self.assertNotIn("WARREN_RABBITMQ_URLS", lines)

    def test_several_nodes_are_numbered(self):
        lines = dict(line.split("=", 1) for line in report.assignments(self.broker("a", "b").nodes))
        self.assertEqual([lines["WARREN_RABBITMQ_NODE_1"], lines["WARREN_RABBITMQ_NODE_2"]], ["a", "b"])
        self.assertEqual(lines["WARREN_RABBITMQ_URLS"], f"{lines['WARREN_RABBITMQ_URL_1']},{lines['WARREN_RABBITMQ_URL_2']}")

    @unittest.skipUnless(shutil.which("openssl"), "there is no openssl")
    def test_certificates_are_for_whom_they_say(self):
        tls = self.broker(tls=True).folder / "tls"
        self.assertEqual({f"{name}.pem" for name in certificates.NAMES} - set(os.listdir(tls)), set())

        def accepted(name, authority):
            return subprocess.run(["openssl", "verify", "-CAfile", f"{authority}.pem", f"{name}.pem"], cwd=tls,
                                  capture_output=True).returncode == 0
        self.assertTrue(accepted("server", "ca") and accepted("client", "ca") and accepted("stranger", "stranger-ca"))
        self.assertFalse(accepted("expired", "ca") or accepted("stranger", "ca"))

    def test_removing_gives_the_ports_back(self):
        broker = self.broker("rabbit")
        self.assertIn(broker.folder, ports.owners().values())
        broker.remove()
        self.assertFalse(broker.folder.exists())
        self.assertNotIn(broker.folder, ports.owners().values())

    def test_a_new_broker_goes_away_when_its_start_fails(self):
        broker = self.broker("rabbit")
        with self.assertRaises(ZeroDivisionError), starting.undone_on_failure(broker, new=True):
            1 / 0
        self.assertFalse(broker.folder.exists())

    def test_the_cause_of_a_failed_start_comes_first(self):
        log = "2026-11-01 10:00:00.1+00:00 [error] <0.1> no setting with that name\n" + "unwinding\n" * 40
        shown = explain(log).splitlines()
        self.assertEqual(shown[:3], ["-- first errors:", "[error] <0.1> no setting with that name", "-- last lines:"])
        self.assertEqual(len(shown), 15)


class CommandLine(unittest.TestCase):
    def run_command(self, *arguments):
        """(status, standard output, standard error)."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = command_line.main(list(arguments))
        return status, out.getvalue(), err.getvalue()

    def test_mistakes_are_named(self):
        for arguments, text in (
            (["begin"], "unknown command 'begin'"), (["start", "--sett", "x"], "--sett"), (["start", "--name", "1x"], "'1x' cannot be"),
            (["cluster", "--nodes", "0"], "--nodes takes 1 to 9"), (["start", "--while", "99999999"], "no process 99999999"),
            (["start", "--version", "3.7"], "is not known"), (["kill", "/nonexistent", "rabbit"], "no broker in /nonexistent"),
            (["stop"], "which broker?"), (["install"], "which version?"), (["tls"], "in which folder?"), (["start", "--dir"], "--dir"),
        ):
            status, out, err = self.run_command(*arguments)
            self.assertEqual((status, out), (1, ""), arguments)
            self.assertTrue(err.startswith("rabbitmq: ") and text in err, err)

    def test_stopping_what_is_not_there_is_no_error(self):
        status, _, err = self.run_command("stop", "/nonexistent")
        self.assertEqual(status, 0)
        self.assertIn("no broker in /nonexistent (any more)", err)

    def test_help_and_versions_go_to_standard_output(self):
        self.assertIn("start [options]", self.run_command("--help")[1])
        self.assertEqual([line.split("\t")[0] for line in self.run_command("versions")[1].splitlines()], list(versions.SUITES))


if __name__ == "__main__":
    unittest.main()
