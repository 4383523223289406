"""Busy loops that make a machine slow while tests run."""
import os
import subprocess
import sys

# Each ends with the process that started it, however that ends, and after six hours in any case.
LOOP = """
import os, time
parent, end = int(os.sys.argv[1]), time.monotonic() + 6 * 3600
while os.getppid() == parent and time.monotonic() < end:
    for _ in range(1_000_000): pass
"""


class Load:
    """So many busy loops, from `with` to its end."""

    def __init__(self, count):
        self.count, self.loops = count, []

    def __enter__(self):
        self.loops = [subprocess.Popen([sys.executable, "-c", LOOP, str(os.getpid())]) for _ in range(self.count)]
        return self

    def __exit__(self, *_):
        for loop in self.loops:
            loop.kill()
        for loop in self.loops:
            loop.wait()
