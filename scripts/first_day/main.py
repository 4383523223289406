"""first-day [VERSION]: does what the guide for newcomers says (Sources/Warren/Warren.docc/GettingStarted.md).

Its package is generated from its text, compiled as it is written, and run on a SQLite file and on a RabbitMQ (4.0 by
default): ten first starts on an empty one with orders from the first moment, and four wrong addresses, twenty times each.
Then the same with the second page (GrowingTheShop.md), whose processes are killed while orders come.
A line for each check; the exit status is 1 when one failed.
"""
import base64
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

from first_day import grown, guide
from first_day.shop import EFFECTS, Shop, free_port, orders, reason

SCRATCH = pathlib.Path(os.environ.get("SCRATCH", guide.ROOT / ".build"))
STARTS = 10
TIMES = 20
LIMIT = 2.0  # seconds


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, what, is_true, why=""):
        if is_true:
            self.passed += 1
        else:
            self.failed += 1
        print(f"  {'ok    ' if is_true else 'FAILED'} {what}{'' if is_true else f': {why}'}", flush=True)


def build(name, *pages):
    """Generates and builds the package of these pages; returns its folder and its files."""
    package = SCRATCH / "first-day" / name
    paths = guide.write(package, *pages)
    script = guide.ROOT / "scripts/build"
    # The versions of dependencies that this clone is built with already.
    for resolved in (guide.ROOT / "Examples/Package.resolved", guide.ROOT / "Package.resolved"):
        if resolved.exists() and not (package / "Package.resolved").exists():
            (package / "Package.resolved").write_bytes(resolved.read_bytes())
    subprocess.run([script, package, "--build-tests"], check=True)
    return package, paths


def check_package(report, package, paths, tests):
    report.check(f"{package.name}: {len(paths)} files compile as they are written", True)
    run = subprocess.run(
        ["swift", "test", "--disable-xctest", "--skip-build", "--package-path", package, "--scratch-path", SCRATCH],
        capture_output=True, text=True, timeout=300)
    output = run.stdout + run.stderr
    report.check(f"its {tests} tests pass", run.returncode == 0 and f"{tests} tests" in output, output[-2000:])


def check_sqlite(report, program, warren):
    with tempfile.TemporaryDirectory(prefix="warren-first-day-") as folder:
        folder = pathlib.Path(folder)
        shop = Shop(program, folder, "sqlite:shop.db")
        check_start(report, shop, "SQLite, API and worker as two processes", "s", "api", "worker", keep=True)
        shop.post("bad", "nowhere")
        broker = f"sqlite:{folder / 'shop.db'}"
        found = shop.wait_for(lambda text: "Message dead-lettered" in text)
        letters = subprocess.run([warren, "dead", "ls", "--broker", broker], capture_output=True, text=True, timeout=30)
        report.check(
            "SQLite: a receipt without an address is a dead letter with its reason",
            found and "no address: nowhere" in letters.stdout, letters.stdout + letters.stderr)
        status = subprocess.run([warren, "status", "--broker", broker], capture_output=True, text=True, timeout=30)
        report.check(
            "SQLite: `warren status` shows the queues and that a dead letter waits",
            all(name in status.stdout for name in ("shop.warehouse", "shop.receipts", "1 dead letter waits")),
            status.stdout + status.stderr)
        check_stop(report, shop, "SQLite")


def check_start(report, shop, what, prefix, *roles, keep=False):
    """Starts a shop with orders from the first moment: what was accepted must be handled, once in each queue."""
    shop.start(*roles)
    accepted, refused = shop.post_from_the_first_moment(prefix, 40)

    def is_handled(text):
        return all(accepted <= set(orders(text, effect)) for effect in EFFECTS)

    shop.wait_for(is_handled)
    text = shop.text()
    counts = {effect: len(set(orders(text, effect)) & accepted) for effect in EFFECTS}
    good = len(accepted) >= 40 and all(count == len(accepted) for count in counts.values())
    numbers = f"accepted {len(accepted)}, handled {', '.join(map(str, counts.values()))}"
    if refused:
        numbers += f", refused {refused}"
    report.check(f"{what}: {numbers}", good, text[-3000:])
    if not keep:
        check_stop(report, shop, None)


def check_stop(report, shop, what):
    statuses = shop.stop()
    bad = [line for line in shop.text().splitlines() if " error " in line and "Message dead-lettered" not in line]
    good = not any(statuses) and "Worker stopped" in shop.text() and not bad
    if what or not good:
        why = f"{statuses}, {bad[:3]}, {shop.text()[-1000:]}"
        report.check(f"{what or 'the stop'}: ends in good order, with 0, and its log says so", good, why)


def check_rabbitmq(report, program, warren, broker):
    for number in range(1, STARTS + 1):
        host = f"first-{number}"
        add_virtual_host(broker, host)
        # By turns one process, both at once, and the API before its worker.
        roles = ((), ("worker", "api"), ("api", "worker"))[number % 3]
        name = " and ".join(roles) or "one process"
        with tempfile.TemporaryDirectory(prefix="warren-first-day-") as folder:
            shop = Shop(program, pathlib.Path(folder), f"{broker['amqp']}/{host}")
            check_start(report, shop, f"RabbitMQ, first start {number}, {name}", host, *roles)
    check_refusals(report, program, warren, broker["amqp"])


@contextlib.contextmanager
def rabbitmq(version):
    answer = subprocess.run(
        [guide.ROOT / "scripts/rabbitmq", "start", "--version", version, "--while", str(os.getpid()), "--json"],
        capture_output=True, text=True, check=True)
    broker = json.loads(answer.stdout)
    try:
        yield broker
    finally:
        subprocess.run([guide.ROOT / "scripts/rabbitmq", "stop", broker["dir"]], check=False)


def add_virtual_host(broker, name):
    url = urllib.parse.urlsplit(broker["management"])
    request = urllib.request.Request(
        f"http://{url.hostname}:{url.port}/api/vhosts/{name}", b"{}", {"content-type": "application/json"}, method="PUT")
    token = base64.b64encode(f"{url.username}:{url.password}".encode()).decode()
    request.add_header("authorization", f"Basic {token}")
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30).close()


def check_refusals(report, program, warren, url):
    right = urllib.parse.urlsplit(url)
    wrong = {
        "password": (url.replace(":guest@", ":wrong@"), "user name or password"),
        "virtual host": (url + "/nosuchhost", "virtual host"),
        "port": (url.replace(f":{right.port}", f":{free_port()}"), "refused"),
        "host": (url.replace(right.hostname, "nosuchhost.invalid"), "nosuchhost.invalid"),
    }
    for what, (address, words) in wrong.items():
        for name, command in (("the program", [program, "worker"]), ("`warren status`", [warren, "status"])):
            runs = [refuse(command, address) for _ in range(TIMES)]
            statuses, reasons = {run[0] for run in runs}, {run[1] for run in runs}
            longest = max(run[2] for run in runs)
            good = len(statuses) == len(reasons) == 1 and 0 not in statuses and all(words in text for text in reasons)
            report.check(
                f"wrong {what}: {name} ends {TIMES} of {TIMES} times with {sorted(statuses)} and one reason, in at most "
                f"{longest:.2f} s",
                good and longest < LIMIT, "\n".join(sorted(reasons)))
            if good:
                print(f"           {sorted(reasons)[0]}", flush=True)


def refuse(command, address):
    """The exit status, the reason and the seconds of a run that cannot reach its broker."""
    # A question to the name server that is lost on its way is asked again after five seconds, unless the resolver is told to give up.
    environment = {**os.environ, "SHOP_BROKER": address, "WARREN_BROKER": address, "RES_OPTIONS": "timeout:1 attempts:1"}
    begin = time.monotonic()
    try:
        run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    except subprocess.TimeoutExpired:
        return "nothing", "it did not end", 30.0
    return run.returncode, reason(run.stderr or run.stdout), time.monotonic() - begin


def main():
    version = sys.argv[1] if len(sys.argv) > 1 else "4.0"
    subprocess.run([guide.ROOT / "scripts/build", ".", "--product", "warren"], check=True)
    program, warren = SCRATCH / "debug/shop-server", SCRATCH / "debug/warren"
    report = Report()
    with rabbitmq(version) as broker:
        check_package(report, *build("shop", guide.PAGE), tests=3)
        check_sqlite(report, program, warren)
        check_rabbitmq(report, program, warren, broker)
        # The same names: what was built before is replaced.
        check_package(report, *build("grown", *guide.PAGES), tests=7)
        grown.check(report, program, warren, "sqlite:shop.db", "SQLite")
        add_virtual_host(broker, "grown")
        grown.check(report, program, warren, f"{broker['amqp']}/grown", f"RabbitMQ {version}")
    print(f"{report.passed} passed, {report.failed} failed")
    sys.exit(1 if report.failed else 0)
