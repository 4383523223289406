"""A real RabbitMQ broker of the benchmarks' own."""
import json
import os
import pathlib
import subprocess
import urllib.parse

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts/rabbitmq"
TICKS = os.sysconf("SC_CLK_TCK")


class Broker:
    """One node, for as long as the `with` block runs."""

    def __enter__(self):
        version = os.environ.get("VERSION", "3.10")
        out = self._call("start", "--version", version, "--json", "--while", str(os.getpid()))
        self._node = json.loads(out)
        self.version = self._node["version"]
        self.url = self._node["amqp"]
        self.management = self._node["management"]
        self.port = urllib.parse.urlparse(self.url).port
        return self

    def __exit__(self, *_):
        self._call("stop", self._node["dir"])

    def pause(self):
        self._do("pause")

    def resume(self):
        self._do("continue")

    def kill(self):
        self._do("kill")

    def restart(self):
        self._do("restart")
        self._node = json.loads(self._call("env", self._node["dir"], "--json"))

    @property
    def cpu(self):
        """Processor seconds that the node has used so far."""
        fields = pathlib.Path(f"/proc/{self._node['pid']}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def _do(self, what):
        self._call(what, self._node["dir"], self._node["name"])

    @staticmethod
    def _call(*arguments):
        return subprocess.run([SCRIPT, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout
