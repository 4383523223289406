"""Runs commands that print a line of JSON, and keeps what they printed until it becomes a table."""
import json
import statistics
import subprocess
import sys
from collections import defaultdict


def line(*command, timeout=300, **options):
    """The last line that a command prints, read as JSON."""
    command = [str(part) for part in command]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=timeout, **options)
    if done.returncode:
        sys.exit(f"failed with {done.returncode}: {' '.join(command)}")
    return last(done.stdout)


def last(output):
    """The last line of what a command has printed, read as JSON."""
    return json.loads(output.splitlines()[-1])


class Results:
    """What was measured: by case, for each round a dictionary."""

    def __init__(self):
        self.rounds = defaultdict(list)

    def add(self, case, result):
        self.rounds[case].append(result)
        figures = {
            key: round(value, 3) for key, value in result.items()
            if isinstance(value, (int, float)) and key not in ("begin", "end")
        }
        print(f"  {case}: {figures}", file=sys.stderr, flush=True)

    def __contains__(self, case):
        return case in self.rounds

    def median(self, case, key):
        return statistics.median(result[key] for result in self.rounds[case])

    def total(self, case, key):
        return sum(result[key] for result in self.rounds[case])

    def text(self, case, key, digits=2):
        """The median, and in brackets the smallest and the largest."""
        values = [result[key] for result in self.rounds[case]]
        return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"

    def ratio(self, case, other, key):
        return self.median(case, key) / self.median(other, key)

    def paired(self, case, other, key):
        """The median of the ratios of each round, for two cases that run one after the other: what changes between rounds, such as the
        pace of the disk, changes both."""
        return statistics.median(a[key] / b[key] for a, b in zip(self.rounds[case], self.rounds[other]))


def in_turn(cases, rounds):
    """Calls all cases once a round, each second round in the opposite order."""
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        for case in cases if number % 2 == 0 else reversed(cases):
            case()


def table(head, rows):
    print("\n| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def goal(figure, limit, *, at_least=False, unit="×"):
    """A figure beside its goal."""
    met = figure >= limit if at_least else figure <= limit
    sign = "≥" if at_least else "≤"
    return f"{figure:.2f}{unit and ' ' + unit}, goal {sign} {limit:.3g}: {'met' if met else '**missed**'}"
