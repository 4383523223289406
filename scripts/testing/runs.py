"""One run of a test bundle, and what became of each of its tests.

A bundle is started by itself, without `swift test` around it, which would plan the package again each time. What happened is
read from Swift Testing's event stream, a line of JSON an event; what the runner prints goes where the caller wants it.
"""
import dataclasses
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# How many tests run at a time. All at once, 500 tests wait for the processors and not for what they test.
WIDTH = "SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH"


def scratch():
    return pathlib.Path(os.environ.get("SCRATCH") or ROOT / ".build")


def build(package=".", *arguments):
    """Builds a package (`.` or Examples) with its tests and returns the test bundle."""
    subprocess.run([ROOT / "scripts/build", package, "--build-tests", *arguments], cwd=ROOT, check=True)
    name = re.search(r'Package\(\s*name: "([^"]+)"', (ROOT / package / "Package.swift").read_text()).group(1)
    bundle = scratch() / "debug" / f"{name}PackageTests.xctest"
    if not bundle.exists():
        raise SystemExit(f"there is no {bundle} although it was built")
    return bundle


@dataclasses.dataclass
class Run:
    """What became of the tests of one run."""

    tests: int = 0
    # The name of a test that failed, and the first thing that it found wrong.
    failed: dict = dataclasses.field(default_factory=dict)
    skipped: dict = dataclasses.field(default_factory=dict)
    known: set = dataclasses.field(default_factory=set)
    ended: set = dataclasses.field(default_factory=set)
    # The name of a test with arguments, and the arguments for which it failed.
    cases_failed: dict = dataclasses.field(default_factory=dict)
    # Tests that had begun and not ended when the process did.
    unfinished: list = dataclasses.field(default_factory=list)
    # How the process ended, in words; empty if it ended by itself and said that all is well.
    ending: str = ""
    seconds: float = 0.0

    @property
    def passed(self):
        return not self.failed and not self.ending and self.tests > 0

    def add(self, other):
        """Counts another run to this one."""
        self.tests += other.tests
        self.seconds += other.seconds
        self.unfinished += other.unfinished
        self.ending = self.ending or other.ending
        for mine, more in ((self.failed, other.failed), (self.skipped, other.skipped), (self.known, other.known),
                           (self.ended, other.ended), (self.cases_failed, other.cases_failed)):
            mine.update(more)

    def problems(self):
        """Every problem by the name that the closing table shows."""
        found = dict(self.failed)
        if self.ending and (self.unfinished or not self.failed):
            running = ", ".join(self.unfinished[:3]) + (", …" if len(self.unfinished) > 3 else "")
            found[f"(the process {self.ending})"] = f"running then: {running}" if running else "no test was running"
        elif self.tests == 0:
            found["(no test)"] = "nothing matched, so nothing was tested"
        return found


def short(test_id):
    """`Module.Suite/test(of:)/File.swift:1:2` without the place in the file."""
    return re.sub(r"/[^/]+\.swift:\d+:\d+$", "", test_id)


def read_events(lines):
    """The events of one run as a Run; how the process ended is not among them."""
    run, functions, running = Run(), set(), {}
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue  # cut off when the process died
        payload = record.get("payload", {})
        if record.get("kind") == "test":
            if payload.get("kind") == "function":
                functions.add(payload["id"])
            continue
        kind, test = payload.get("kind"), payload.get("testID", "")
        if kind == "testStarted" and test in functions:
            running[test] = True
            run.tests += 1
        elif kind == "testEnded":
            if running.pop(test, None):
                run.ended.add(short(test))
        elif kind == "testSkipped" and test in functions:
            run.skipped[short(test)] = text_of(payload)
        elif kind == "issueRecorded":
            issue = payload.get("issue", {})
            if issue.get("isKnown"):
                run.known.add(short(test))
            elif issue.get("severity", "error") == "error":
                run.failed.setdefault(short(test) or "(no test)", text_of(payload))
                run.cases_failed.setdefault(short(test), []).append(payload.get("_testCase", {}).get("displayName", ""))
    run.unfinished = [short(test) for test in running]
    return run


def text_of(payload):
    """The message of an event in one line, with the place in the file in front."""
    place = payload.get("issue", {}).get("sourceLocation") or {}
    where = f"{place['fileID']}:{place['line']}: " if "fileID" in place else ""
    return where + " ".join(" ".join(m.get("text", "").split()) for m in payload.get("messages", [])[:2])


def describe(status):
    """How a process ended, in words; nothing if well or as a test runner ends when tests fail."""
    if status in (0, 1):
        return ""
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def run(bundle, *arguments, prefix=(), environment=None, limit=900, output=None):
    """Runs a bundle, with a program in front of it or none, and waits for it, no longer than `limit` seconds.

    `output` is a file or None to inherit.
    """
    started = time.monotonic()
    # The tests open many descriptors; shells often allow 1,024 unless they are asked for more.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix="warren-run-") as folder:
        events = pathlib.Path(folder) / "events"
        events.touch()
        process = subprocess.Popen(
            [*prefix, bundle, "--testing-library", "swift-testing", "--event-stream-output-path", events,
             "--event-stream-version", "0", *arguments],
            cwd=ROOT, env={WIDTH: "8", **os.environ, **(environment or {})}, stdout=output,
            stderr=subprocess.STDOUT if output else None)
        try:
            status = process.wait(limit)
            ending = describe(status)
        except subprocess.TimeoutExpired:
            process.kill()
            status, ending = process.wait(), f"did not end within {limit} s"
        except BaseException:
            process.kill()
            raise
        with open(events, errors="replace") as lines:
            result = read_events(lines)
    if status == 1 and not result.failed:
        ending = "ended with status 1"
    result.ending, result.seconds = ending, time.monotonic() - started
    return result
