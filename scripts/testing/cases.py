"""Finding → test: prints what each finding of a review is tested by, and runs those tests.

    review-cases [--list] [TEXT…]    --list runs nothing; TEXT: only findings whose number or group is one of these

Tests/review-cases.txt holds the findings: `[group]`, then a line for each with its number and what must be true, and below it,
indented, its tests:

    Module.Suite/function            or only Module.Suite
    scenario: TEXT                   a scenario of the conformance suite
    unit: scripts.module             a test of the scripts, in Python
    not tested: WHY

BROKER=3.10 runs those that need a broker too. A finding without a test is shown as open. The exit status is 1 if a test failed or is
not there.
"""
import dataclasses
import os
import re
import subprocess
import sys

from testing import runs

FILE = runs.ROOT / "Tests/review-cases.txt"
EXAMPLES = runs.ROOT / "Examples/Tests"
CONFORMANCE = "WarrenSQLiteTests.ConformanceTests"


@dataclasses.dataclass
class Finding:
    group: str
    number: str
    text: str
    tests: list
    reason: str = ""


def read(text):
    """The findings of a file."""
    found, group = [], ""
    for count, line in enumerate(text.splitlines(), 1):
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        if match := re.fullmatch(r"\[(.+)\]", words):
            group = match[1]
        elif not line[0].isspace():
            number, _, text = words.partition(" ")
            if not text or any((other.group, other.number) == (group, number) for other in found):
                raise ValueError(f"line {count}: a finding is a number of its own and what must be true, not '{words}'")
            found.append(Finding(group, number, text.strip(), []))
        elif not found:
            raise ValueError(f"line {count}: '{words}' belongs to no finding")
        elif words.startswith("not tested:"):
            found[-1].reason = words.partition(":")[2].strip()
        else:
            found[-1].tests.append(words)
    return found


class Sources:
    """Which tests there are, by the sources."""

    def __init__(self, *folders):
        self.suites, self.scenarios = {}, ""
        for folder, path in ((folder, path) for folder in folders for path in sorted(folder.rglob("*.swift"))):
            text = path.read_text()
            module = path.relative_to(folder).parts[0]
            if module == "BrokerConformance":
                self.scenarios += " ".join(text.split())
            for suite in re.findall(r"\b(?:struct|class|enum|actor|extension)\s+(\w+)", text):
                self.suites.setdefault(f"{module}.{suite}", set()).update(re.findall(r"\bfunc\s+`?([^`(<]+)`?\s*[(<]", text))

    def has(self, test):
        if test.startswith("scenario: "):
            # A long name is a concatenation of several texts.
            return test.partition(": ")[2] in self.scenarios.replace('" + "', "")
        if test.startswith("unit: "):
            return (runs.ROOT / "scripts" / (test.partition(": ")[2].split(".")[0])).is_dir()
        suite, _, function = test.partition("/")
        return suite in self.suites and (not function or function in self.suites[suite])


def pattern(test):
    """The regular expression that finds a test by its identifier in Swift Testing."""
    if test.startswith("scenario: "):
        return "^" + re.escape(CONFORMANCE) + "/"
    suite, _, function = test.partition("/")
    return f"^{re.escape(suite)}/" + (re.escape(function) + r"\(" if function else "")


def state(test, run, sources):
    """What is to be said about a test after a run."""
    if not sources.has(test):
        return "MISSING"
    if test.startswith("unit: "):
        module = test.partition(": ")[2].split(".")[0]
        command = [sys.executable, "-B", "-m", "unittest", "discover", "-q", "-s", module, "-t", "."]
        passed = subprocess.run(command, cwd=runs.ROOT / "scripts", capture_output=True).returncode == 0
        return "passed" if passed else "FAILED"
    finds = re.compile(pattern(test)[1:])
    text = test.partition(": ")[2] if test.startswith("scenario: ") else ""

    def of(names):
        return [name for name in names if finds.match(name + "(") or finds.match(name)]

    if text:
        failed = [name for name in of(run.cases_failed) if any(text in shown for shown in run.cases_failed[name])]
    else:
        failed = of(run.failed) + of(run.unfinished)
    if failed:
        return "FAILED"
    if of(run.known):
        return "known issue"
    ran = of(run.ended)
    if not ran:
        skipped = of(run.skipped)
        if not skipped:
            return "DID NOT RUN"
        why = re.sub(r'^.* skipped: "?|"$', "", run.skipped[skipped[0]])
        return "needs broker" if "WARREN_TEST_" in why else f"disabled ({why})"
    return "passed"


# From the worst to the best, of a finding with several tests.
ORDER = ("MISSING", "FAILED", "DID NOT RUN", "disabled", "known issue", "needs broker", "passed", "there")


def worst_of(states):
    """The state of a finding, of those of its tests, without its reason."""
    return min((state.split(" (")[0] for state in states), key=ORDER.index)


def table(findings, states):
    """The lines that are printed: findings with their tests, and a count of each state."""
    lines, counts, group = [], {}, None
    for finding in findings:
        if finding.group != group:
            group = finding.group
            lines += ["", f"{group}:"]
        own = [states[test] for test in finding.tests]
        short = worst_of(own) if own else "not tested" if finding.reason else "open"
        counts[short] = counts.get(short, 0) + 1
        lines.append(f"{finding.number:>5}  {short:<12}  {finding.text}" + (f" ({finding.reason})" if finding.reason else ""))
        for test, said in zip(finding.tests, own):
            lines.append(f"{'':21}{test}" + ("" if said == short == "passed" else f": {said}"))
    lines += ["", f"{len(findings)} findings: " + ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))]
    return lines


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--list"]
    if any(argument.startswith("-") for argument in arguments):
        sys.exit(__doc__)
    findings = read(FILE.read_text())
    if arguments:
        findings = [f for f in findings if f.number in arguments or f.group in arguments]
    sources = Sources(runs.ROOT / "Tests", EXAMPLES)
    tests = sorted({test for finding in findings for test in finding.tests})
    if "--list" in sys.argv:
        states = {test: "there" if sources.has(test) else "MISSING" for test in tests}
    else:
        run = run_all([test for test in tests if sources.has(test) and not test.startswith("unit: ")])
        states = {test: state(test, run, sources) for test in tests}
        for test, text in run.problems().items():
            print(f"{test}: {text}", file=sys.stderr)
    print("\n".join(table(findings, states)))
    sys.exit(1 if any(said.isupper() or said.startswith("DID") for said in states.values()) else 0)


def run_all(tests):
    """Runs these tests, those of the examples in their own bundle; on a broker, if there is to be one."""
    examples = [test for test in tests if (EXAMPLES / test.split(".")[0]).is_dir()]
    total = runs.Run()
    for package, chosen in ((".", [test for test in tests if test not in examples]), ("Examples", examples)):
        if chosen:
            total.add(run_in(package, chosen))
    return total if tests else runs.Run(tests=1)


def run_in(package, tests):
    bundle = runs.build(package)
    filters = [part for test in sorted({pattern(test) for test in tests}) for part in ("--filter", test)]
    version = os.environ.get("BROKER") if package == "." else None
    with open(os.devnull, "w") as quiet:
        if not version:
            return runs.run(bundle, *filters, output=quiet)
        from testing import on_brokers
        with on_brokers.client_brokers(version) as environment:
            return runs.run(bundle, *filters, "--no-parallel", environment=environment, output=quiet, limit=1800)
