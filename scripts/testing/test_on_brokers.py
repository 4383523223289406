import pathlib
import re
import unittest

from testing import on_brokers, runs


def node(name="rabbit"):
    return {"name": name, "amqp": f"amqp://{name}", "management": f"http://{name}", "dir": "/d", "amqps": f"amqps://{name}",
            "tls": {part: f"/tls/{part}.pem" for part in ("ca", "client", "client-key", "stranger-ca", "stranger", "stranger-key")}}


class Arguments(unittest.TestCase):
    def test_options_may_stand_between_the_words(self):
        options, what, versions = on_brokers.read_arguments(["engine", "--cluster", "4.0", "4.3"])
        self.assertEqual((options.cluster, what, versions), (True, ["engine"], ["4.0", "4.3"]))

    def test_and_in_front_of_them(self):
        options, what, versions = on_brokers.read_arguments(["--times", "3", "client", "engine", "3.10"])
        self.assertEqual((options.times, what, versions), (3, ["client", "engine"], ["3.10"]))


class Environment(unittest.TestCase):
    def test_all_nodes_of_a_cluster_are_named_and_the_first_can_be_broken(self):
        found = on_brokers.broker_environment([node("a"), node("b")])
        self.assertEqual((found["WARREN_TEST_URI"], found["WARREN_TEST_BROKER_NODE"]), ("amqp://a,amqp://b", "a"))

    def test_certificates_are_paired_with_their_authority(self):
        found = on_brokers.tls_environment(node(), node("strict"))
        self.assertEqual(found["WARREN_TEST_TLS_CERT"], "/tls/client.pem")
        self.assertEqual(found["WARREN_TEST_TLS_STRANGER_CA"], "/tls/stranger-ca.pem")
        self.assertEqual(found["WARREN_TEST_STRICT_URI"], "amqps://strict")

    def test_the_strict_broker_is_told_so_in_settings(self):
        options = on_brokers.strict_options("/f")
        self.assertEqual(options[:2], ["--dir", "/f"])
        self.assertEqual(options[2::2], ["--set"] * 4)

    def test_every_name_is_documented(self):
        sources = [*runs.ROOT.glob("Tests/**/*.swift"), *runs.ROOT.glob("scripts/testing/*.py")]
        used = {name for path in sources for name in re.findall(r'WARREN_TEST_[A-Z_]*[A-Z]', path.read_text())}
        page = pathlib.Path(runs.ROOT, "CONTRIBUTING.md").read_text()
        self.assertEqual(sorted(name for name in used if name not in page), [])


if __name__ == "__main__":
    unittest.main()
