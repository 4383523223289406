"""The resident memory of processes over time."""
import pathlib
import threading


def resident_mb(pid):
    for entry in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if entry.startswith("VmRSS:"):
            return int(entry.split()[1]) / 1024
    return 0.0


class Watch:
    """Samples a process five times a second while the `with` block runs."""

    def __init__(self, pid):
        self._pid = pid
        self._over = threading.Event()
        self.samples = []

    def __enter__(self):
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _watch(self):
        while not self._over.wait(0.2):
            try:
                self.samples.append(resident_mb(self._pid))
            except OSError:
                return

    @property
    def peak(self):
        return max(self.samples)
