"""Instructions and allocations of the AMQP client for one message, by valgrind, against a broker in its own process.

python3 -m harness.costs AMQP_COSTS [--record]

The counts of a run with 2,000 messages are taken from those of one with 12,000, so what is left is 10,000 messages. They hardly
depend on the machine and not at all on its load, so a run that costs more than what `costs.json` keeps has become slower.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

from harness.measuring import table

FEW, MANY = 20, 120  # hundreds of messages
MESSAGES = (MANY - FEW) * 100
# How far a run may be above what is kept, as a factor and what is added: threads meet in another order each time, most of all
# where each message waits.
TOLERANCE = {"instructions": (1.1, 0), "allocations": (1.1, 0.1)}
KEPT = pathlib.Path(__file__).parent.parent / "costs.json"
WHAT = {
    "single": "publish, each awaits its confirm",
    "batch": "publish, 100 in a call",
    "consume": "consume and settle each",
}


def valgrind(program, pattern, *options, case, hundreds):
    done = subprocess.run(
        ["valgrind", *options, program, case, str(hundreds)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        text=True, timeout=300)
    found = re.search(pattern, done.stderr)
    if done.returncode or not found:
        sys.exit(f"valgrind failed with {done.returncode}: {done.stderr[-2000:]}")
    return int(found.group(1).replace(",", ""))


def counts(program, case):
    def difference(pattern, *options):
        few, many = (valgrind(program, pattern, *options, case=case, hundreds=n) for n in (FEW, MANY))
        return (many - few) / MESSAGES

    return {
        "instructions": round(
            difference(r"Collected : (\d+)", "--tool=callgrind", "--callgrind-out-file=/dev/null")),
        "allocations": round(difference(r"total heap usage: ([\d,]+) allocs", "--leak-check=no"), 2),
    }


kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
with tempfile.TemporaryDirectory() as folder:
    # Valgrind cannot read the debug information of Swift.
    program = f"{folder}/amqp-costs"
    subprocess.run(["strip", "-o", program, sys.argv[1]], check=True)
    seen = {case: counts(program, case) for case in WHAT}

risen = []
rows = []
for case, what in WHAT.items():
    before = kept.get(case, {})
    for figure, value in seen[case].items():
        factor, more = TOLERANCE[figure]
        if figure in before and value > before[figure] * factor + more:
            risen.append(f"{what}: {value} {figure} a message, {before[figure]} are kept in {KEPT.name}")
    rows.append(
        [what, *(f"{seen[case][figure]:,}" for figure in TOLERANCE), *(f"{before.get(figure, 0):,}" for figure in TOLERANCE)])
table(["one message", "instructions", "allocations", "instructions kept", "allocations kept"], rows)
if "--record" in sys.argv:
    KEPT.write_text(json.dumps(seen, indent=2) + "\n")
    print(f"written to {KEPT.name}")
elif risen:
    sys.exit("it costs more than it did:\n" + "\n".join(risen) + "\nIf that is as it must be: scripts/bench costs --record")
