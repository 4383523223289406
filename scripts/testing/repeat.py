"""Runs the tests again and again beside busy loops, and says which failed when.

    TIMES=20 LOAD=4 FILTER='^WarrenTests\\.' scripts/test-repeat

Built once. All bundles that need no broker, as `make test` runs them; FILTER takes only what matches, of the root package.
TIMES says how often (20), LOAD beside how many busy loops (4), LIMIT how many seconds one run may take (300), KEEP=1 keeps
the output of runs that passed, too. The exit status is 1 if any run failed.
"""
import dataclasses
import os
import pathlib
import signal
import sys
import tempfile

from testing import runs
from testing.load import Load


@dataclasses.dataclass
class Part:
    """A bundle, or what matches of it."""

    name: str
    bundle: pathlib.Path
    arguments: tuple


def parts_without_broker(filter_text):
    bundle = runs.build()
    if filter_text:
        return [Part(filter_text, bundle, ("--filter", filter_text))]
    client = r"^AMQPTests\."
    parts = [
        Part("Warren", bundle, ("--skip", client)),
        # These have deadlines of their own, so they do not compete for the processors among themselves.
        Part("AMQP", bundle, ("--filter", client, "--no-parallel")),
    ]
    if (runs.ROOT / "Examples/Tests").is_dir():
        parts.append(Part("Examples", runs.build("Examples"), ()))
    return parts


def repeat(parts, times, limit, logs, keep=False, say=print):
    """Runs each part so many times. Returns per run a dictionary from the part's name to its Run."""
    history = []
    for number in range(1, times + 1):
        results = {}
        for part in parts:
            log = logs / f"run-{number:02}-{parts.index(part) + 1}.log"
            with open(log, "w") as output:
                result = runs.run(part.bundle, *part.arguments, limit=limit, output=output)
            results[part.name] = result
            say(f"run {number:2} of {times}  {part.name:<10} {result.tests:4} tests {result.seconds:7.1f} s  "
                + ("passed" if result.passed else "FAILED"))
            for test, text in result.problems().items():
                say(f"    {test}: {text}")
            if result.passed and not keep:
                log.unlink()
            elif not result.passed:
                say(f"    its output: {log}")
        history.append(results)
    return history


def table(history):
    """The closing lines: one for each test that ever failed, and one for all."""
    seen = {}
    for number, results in enumerate(history, 1):
        for result in results.values():
            for test in result.problems():
                seen.setdefault(test, []).append(number)
    lines = []
    if seen:
        width = max(map(len, seen))
        lines = [f"{'test':<{width}}  failed in runs"]
        for test, numbers in sorted(seen.items(), key=lambda item: (-len(item[1]), item[0])):
            lines.append(f"{test:<{width}}  {', '.join(map(str, numbers))} ({len(numbers)} of {len(history)})")
    good = sum(all(result.passed for result in results.values()) for results in history)
    for name in history[0] if history else []:
        part = [results[name] for results in history]
        seconds = sorted(result.seconds for result in part)
        known = set().union(*(result.known for result in part))
        lines.append(
            f"{name}: {sum(r.passed for r in part)} of {len(part)} runs passed, {part[0].tests} tests, "
            f"{seconds[0]:.1f} to {seconds[-1]:.1f} s a run, {len(part[0].skipped)} skipped, "
            f"{len(known)} with known issues")
    lines.append(f"{good} of {len(history)} runs passed, {len(history) - good} failed")
    return lines


def number(name, default):
    text = os.environ.get(name) or str(default)
    if not text.isdigit():
        sys.exit(f"test-repeat: {name} is '{text}' and must be a whole number")
    return int(text)


def main():
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    times, load, limit = number("TIMES", 20), number("LOAD", 4), number("LIMIT", 300)
    parts = parts_without_broker(os.environ.get("FILTER"))
    logs = pathlib.Path(tempfile.mkdtemp(prefix="warren-repeat-"))
    print(f"{times} runs beside {load} busy loops", flush=True)
    with Load(load):
        history = repeat(parts, times, limit, logs, bool(os.environ.get("KEEP")), lambda line: print(line, flush=True))
    if not any(logs.iterdir()):
        logs.rmdir()
    print("\n".join(table(history)))
    sys.exit(0 if all(result.passed for results in history for result in results.values()) else 1)
