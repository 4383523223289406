import json
import pathlib
import signal
import tempfile
import time
import unittest

from testing import repeat, runs
from testing.load import Load

TEST = "M.Suite/works()/File.swift:3:4"


def event(kind, test=TEST, **more):
    return json.dumps({"kind": "event", "payload": {"kind": kind, "testID": test, "messages": [{"text": kind}], **more}})


def declared(test=TEST):
    return json.dumps({"kind": "test", "payload": {"kind": "function", "id": test}})


class Reading(unittest.TestCase):
    def test_a_test_that_passes(self):
        run = runs.read_events([declared(), event("testStarted"), event("testEnded")])
        self.assertTrue(run.passed)
        self.assertEqual((run.tests, run.problems()), (1, {}))

    def test_an_issue_fails_its_test_and_the_first_is_shown(self):
        issue = {"isKnown": False, "sourceLocation": {"fileID": "M/File.swift", "line": 7}}
        run = runs.read_events([declared(), event("testStarted"), event("issueRecorded", issue=issue),
                                event("issueRecorded", issue={}), event("testEnded")])
        self.assertEqual(run.problems(), {"M.Suite/works()": "M/File.swift:7: issueRecorded"})

    def test_known_issues_and_warnings_fail_nothing(self):
        run = runs.read_events([declared(), event("testStarted"), event("issueRecorded", issue={"isKnown": True}),
                                event("issueRecorded", issue={"severity": "warning"}), event("testEnded")])
        self.assertTrue(run.passed)
        self.assertEqual(run.known, {"M.Suite/works()"})

    def test_suites_are_not_counted(self):
        run = runs.read_events([event("testStarted", test="M.Suite"), event("testEnded", test="M.Suite")])
        self.assertEqual(run.problems(), {"(no test)": "nothing matched, so nothing was tested"})

    def test_a_process_that_dies_names_what_was_running(self):
        run = runs.read_events([declared(), event("testStarted"), '{"kind":"ev'])
        run.ending = runs.describe(-signal.SIGSEGV)
        self.assertFalse(run.passed)
        self.assertEqual(run.problems(), {"(the process was ended by SIGSEGV)": "running then: M.Suite/works()"})

    def test_skipped_tests_are_kept_with_the_reason(self):
        run = runs.read_events([declared(), event("testSkipped")])
        self.assertEqual(run.skipped, {"M.Suite/works()": "testSkipped"})


class Adding(unittest.TestCase):
    def test_runs_are_added(self):
        total = runs.Run(tests=1, failed={"a": "x"}, ended={"a"})
        total.add(runs.Run(tests=2, failed={"b": "y"}, ended={"b", "c"}, ending="was ended by SIGSEGV", seconds=2))
        self.assertEqual((total.tests, sorted(total.failed), sorted(total.ended), total.seconds), (3, ["a", "b"], ["a", "b", "c"], 2))
        self.assertFalse(total.passed)


class Closing(unittest.TestCase):
    def test_the_table_says_which_test_failed_in_which_run(self):
        good, bad = runs.Run(tests=2, seconds=1), runs.Run(tests=2, failed={"M.a()": "wrong"}, seconds=3)
        lines = repeat.table([{"M": good}, {"M": bad}, {"M": bad}])
        self.assertEqual(lines, [
            "test   failed in runs",
            "M.a()  2, 3 (2 of 3)",
            "M: 1 of 3 runs passed, 2 tests, 1.0 to 3.0 s a run, 0 skipped, 0 with known issues",
            "1 of 3 runs passed, 2 failed"])


class Running(unittest.TestCase):
    def bundle(self, body):
        """A program that stands in for a test bundle; $4 is the file of its events."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name) / "bundle"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o700)
        return path

    def test_what_a_bundle_reports_is_read(self):
        lines = "\n".join([declared(), event("testStarted"), event("issueRecorded", issue={}), event("testEnded")])
        run = runs.run(self.bundle(f"cat >\"$4\" <<'END'\n{lines}\nEND\nexit 1"))
        self.assertEqual((run.tests, run.problems()), (1, {"M.Suite/works()": "issueRecorded"}))

    def test_a_bundle_that_does_not_end_is_ended_and_said_so(self):
        run = runs.run(self.bundle("exec sleep 60"), limit=0.1)
        self.assertEqual(run.problems(), {"(the process did not end within 0.1 s)": "no test was running"})

    def test_a_bundle_that_fails_without_a_failed_test_has_failed(self):
        self.assertEqual(list(runs.run(self.bundle("exit 1")).problems()), ["(the process ended with status 1)"])
        self.assertEqual(list(runs.run(self.bundle("kill -SEGV $$")).problems()), ["(the process was ended by SIGSEGV)"])

    def test_busy_loops_run_and_are_gone_afterwards(self):
        with Load(1) as load:
            stat = pathlib.Path(f"/proc/{load.loops[0].pid}/stat")
            end = time.monotonic() + 20
            while int(stat.read_text().split()[13]) < 2 and time.monotonic() < end:
                time.sleep(0.01)
            self.assertLess(time.monotonic(), end)
        self.assertFalse(stat.exists())


if __name__ == "__main__":
    unittest.main()
