"""One key that is put off by many publishes from 8 processes, and a worker that counts its runs."""
import subprocess
import tempfile
import time

from harness.measuring import last


def debounced(results, name, bench, delay, longest, expect):
    """A case of 10,000 publishes."""
    def case():
        with tempfile.TemporaryDirectory(prefix="warren-bench.") as place:
            command = [bench, "debounce", "--dir", place, "--delay", str(delay), "--longest", str(longest)]
            worker = subprocess.Popen(
                [*command, "--role", "work"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            worker.stderr.readline()
            publishers = [
                subprocess.Popen([*command, "--role", "publish", "--process", str(n)], stdout=subprocess.PIPE) for n in range(8)]
            times = [last(publisher.communicate(timeout=240)[0]) for publisher in publishers]
            time.sleep(delay + 2)
            result = last(worker.communicate(timeout=60)[0])
        begin, end = min(t["first"] for t in times), max(t["last"] for t in times)
        result["published_s"] = end - begin
        result["first_run_s"] = result.pop("first") - begin
        result["after_last_s"] = result.pop("last") - end
        # The last run has the last content: that of the last publish of one of the processes.
        assert result["left"] == 0 and result["number"] == 1249 and expect(result), result
        results.add(name, result)

    return case
