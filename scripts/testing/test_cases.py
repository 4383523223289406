import pathlib
import tempfile
import unittest

from testing import cases, runs

FILE = """
# a comment
[client]
A  What must be true
    M.Suite/works
    scenario: 1: it is
B  Another
[engine]
A  A third
    not tested: it cannot be
"""
SOURCE = "@Suite struct Suite { @Test func works() {} \n @Test(arguments: x) func `other`<T>(a: T) {} }"


class Reading(unittest.TestCase):
    def test_findings_have_a_number_a_text_and_tests(self):
        found = cases.read(FILE)
        self.assertEqual([(f.group, f.number, f.tests, f.reason) for f in found], [
            ("client", "A", ["M.Suite/works", "scenario: 1: it is"], ""), ("client", "B", [], ""), ("engine", "A", [], "it cannot be")])

    def test_a_number_stands_once_in_its_group_and_a_test_below_a_finding(self):
        for text in ("[a]\nA one\nA two", "[a]\nA", "    M.Suite"):
            with self.assertRaises(ValueError):
                cases.read(text)

    def test_the_file_of_the_repository_names_each_finding_once(self):
        self.assertGreater(len(cases.read(cases.FILE.read_text())), 60)


class States(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        root = pathlib.Path(folder.name)
        (root / "M").mkdir()
        (root / "M/Suite.swift").write_text(SOURCE)
        (root / "BrokerConformance").mkdir()
        (root / "BrokerConformance/All.swift").write_text('Scenario("1: it is") { }')
        self.sources = cases.Sources(root)

    def state(self, test, **run):
        return cases.state(test, runs.Run(tests=1, **run), self.sources)

    def test_what_is_not_there_is_missing(self):
        for test in ("M.Suite/no", "M.Other", "N.Suite/works", "scenario: 2: it is not", "unit: nothing"):
            self.assertEqual(self.state(test), "MISSING", test)

    def test_a_test_is_what_its_run_says(self):
        works = {"M.Suite/works()"}
        self.assertEqual(self.state("M.Suite/works", ended=works), "passed")
        self.assertEqual(self.state("M.Suite/works", ended=works, known=works), "known issue")
        self.assertEqual(self.state("M.Suite/works", ended=works, failed={"M.Suite/works()": "x"}), "FAILED")
        self.assertEqual(self.state("M.Suite/works", unfinished=["M.Suite/works()"]), "FAILED")
        for why, said in (("hangs", "disabled (hangs)"), ("set WARREN_TEST_URI", "needs broker")):
            skipped = {"M.Suite/works()": f'Test "It works" skipped: "{why}"'}
            self.assertEqual(self.state("M.Suite/works", skipped=skipped), said)
        self.assertEqual(self.state("M.Suite/works"), "DID NOT RUN")
        self.assertEqual(self.state("M.Suite", ended={"M.Suite/other(a:)"}), "passed")
        self.assertEqual(self.state("M.Suite/other", ended=works), "DID NOT RUN")

    def test_a_scenario_failed_if_one_of_its_cases_did(self):
        name = f"{cases.CONFORMANCE}/inMemory(_:)"
        self.assertEqual(self.state("scenario: 1: it is", ended={name}, cases_failed={name: ["1: it is"]}), "FAILED")
        self.assertEqual(self.state("scenario: 1: it is", ended={name}, cases_failed={name: ["2: other"]}), "passed")


class Table(unittest.TestCase):
    def test_a_finding_is_as_good_as_its_worst_test(self):
        self.assertEqual(cases.worst_of(["passed", "needs broker", "disabled (hangs)"]), "disabled")
        self.assertEqual(cases.worst_of(["known issue", "MISSING"]), "MISSING")

    def test_open_findings_are_shown_and_counted(self):
        states = {"M.Suite/works": "passed", "scenario: 1: it is": "known issue"}
        lines = cases.table(cases.read(FILE), states)
        self.assertIn("    A  known issue   What must be true", lines)
        self.assertIn("    B  open          Another", lines)
        self.assertIn("    A  not tested    A third (it cannot be)", lines)
        self.assertEqual(lines[-1], "3 findings: 1 known issue, 1 not tested, 1 open")


if __name__ == "__main__":
    unittest.main()
