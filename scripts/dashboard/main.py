"""Fills a broker, serves the dashboard, looks at every page with Chromium, and does everything that can be done on them.

By default, or by `sqlite`, the broker is a file of its own; `rabbitmq:4.0` starts one of that version, any other value is its URL. Each page
is loaded by a headless browser as it is on a desktop, at 390 px and dark; a picture of each goes into FOLDER. Then a browser that is
driven clicks on every action and finds its way by the keyboard. On SQLite the dashboard's process is killed within a bulk
operation, which the next one has to bring to its end. It fails when a page does not answer, when the browser reports an error
(a violation of the content security policy is one), when elements do not end in order, or when an action is not done; when something
to press is cut off at 390 px; when axe finds on a page what keeps people out (WCAG 2.0 AA, light and dark), or when schemathesis finds
a request whose answer is 500.
"""
import argparse
import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

from dashboard import judges, looks
from dashboard.browser import Browser
from dashboard.stage import ROOT, Stage
from dashboard.walk import Walk

PAGES = {"overview": "", "queues": "queues", "queue": "queue?name=invoices", "paused": "queue?name=reports",
         "dead-letters": "dead-letters", "filtered": "dead-letters?error=Relay", "failures": "failures", "workers": "workers",
         "topology": "topology", "audit": "audit", "confirm": "dead-letters/all?do=replay&origin=invoices",
         "purge": "queue/purge?name=thumbnails", "none": "dead-letters?name=none", "schedules": "schedules", "outbox": "outbox",
         "broker": "broker", "doctor": "broker?look=all", "operations": "operations"}
# What only an engine has that shows single messages.
MESSAGES = {"deleted": "dead-letters/deleted", "messages": "messages?queue=reminders", "message-paused": "messages?queue=reports"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--broker", help="sqlite:PATH, amqp://…, or rabbitmq:VERSION to start one; a file of its own by default")
    parser.add_argument("--out", type=pathlib.Path, help="where the pictures go")
    parser.add_argument("--only", help="only these pages, with commas in between, and no actions; 'actions' or 'api' only those")
    options = parser.parse_args()
    subprocess.run([ROOT / "scripts/packages", "chromium", "chromium-driver", "fonts-dejavu-core"], check=True)
    judges.install()
    with tempfile.TemporaryDirectory() as folder, opened(options.broker, folder) as broker:
        out = options.out or pathlib.Path(folder) / "pictures"
        out.mkdir(parents=True, exist_ok=True)
        is_file = broker.startswith("sqlite:")
        stage = Stage(broker, folder)
        stage.start()
        failures = []
        try:
            if options.only not in ("actions", "api"):
                pages = chosen(stage, is_file, options.only)
                failures += looks.check(stage, pages, out, folder)
                browser = Browser(folder)
                try:
                    failures += judges.fits(browser, stage, pages)
                    failures += judges.accessible(browser, stage, pages)
                finally:
                    browser.close()
            if options.only in (None, "actions"):
                browser = Browser(folder)
                try:
                    failures += Walk(browser, stage, is_file, out).all()
                finally:
                    browser.close()
                if is_file:
                    failures += killed(stage)
            # Last, since it does to the broker whatever can be done.
            if options.only in (None, "api"):
                failures += judges.requested(stage, folder)
        finally:
            stage.stop()
    for failure in failures:
        print(failure)
    if failures:
        sys.exit(f"{len(failures)} failures")
    print(f"all is as it should be on {broker.split('@')[-1]}; pictures in {out}")


@contextlib.contextmanager
def opened(broker, folder):
    """The URL of the broker; one that is started here ends with the body."""
    if broker in (None, "sqlite"):
        yield f"sqlite:{folder}/broker.db"
    elif not broker.startswith("rabbitmq:"):
        yield broker
    else:
        tool = ROOT / "scripts/rabbitmq"
        node = json.loads(subprocess.run(
            [tool, "start", "--version", broker.partition(":")[2], "--json"], check=True, stdout=subprocess.PIPE, text=True).stdout)
        try:
            yield f"{node['amqp']}?management={node['management']}"
        finally:
            subprocess.run([tool, "stop", node["dir"]], check=True)


def chosen(stage, is_file, only):
    pages = {**PAGES, **(MESSAGES if is_file else {})}
    pages["dead-letter"] = stage.first(r'href="/(dead-letter\?[^"]*)"', "dead-letters?origin=email")
    if is_file:
        pages["message"] = stage.first(r'href="/(message\?[^"]*)"', "messages?queue=reports")
    return {name: pages[name] for name in only.split(",")} if only else pages


def killed(stage):
    """An operation whose process is killed is brought to its end by the next one, and every letter is counted once."""
    count = json.loads(stage.read("api/v1/dead-letters/count?origin=invoices"))
    if not count["count"]:
        return [f"there is nothing to delete: {stage.read('api/v1/queue?name=invoices')}"]
    fields = {"do": "delete", "origin": "invoices", "count": str(count["count"]), "until": str(count["until"]), "rate": "5"}
    request = urllib.request.Request(stage.base + "api/v1/dead-letters/all", data=json.dumps(fields).encode(),
                                     headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        identity = json.load(answer)["operation"]

    def operation():
        return json.loads(stage.read(f"api/v1/operation?id={identity}"))

    stage.wait_until(lambda: operation()["done"] >= 0.4 * count["count"], "the operation did not come to 40 %")
    stage.kill()
    stage.start("--no-seed")
    broken = operation()
    if broken["state"] != "running" or not 0 < broken["done"] < count["count"]:
        return [f"the killed operation is {broken}"]
    stage.wait_until(lambda: operation()["state"] == "done", "the next dashboard did not go on", seconds=90)
    after = operation()
    print(f"killed at {broken['done']} of {count['count']}, brought to {after['done']} by the next process")
    left = json.loads(stage.read("api/v1/dead-letters/count?origin=invoices"))["count"]
    skipped = sum(after["skipped"].values())
    if after["done"] + skipped != count["count"] or left != 0:
        return [f"{count['count']} were to be deleted; {after}; {left} are left"]
    return []


if __name__ == "__main__":
    main()
