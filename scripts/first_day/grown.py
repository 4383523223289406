"""The shop of the guide's second page: what it promises, while its processes are killed."""
import collections
import pathlib
import random
import sqlite3
import subprocess
import tempfile
import threading
import time

from first_day.shop import Shop

ORDERS = 100
KILLS = 20


def check(report, program, warren, broker, engine):
    with tempfile.TemporaryDirectory(prefix="warren-first-day-") as folder:
        folder = pathlib.Path(folder)
        (folder / "mails").mkdir()
        shop = Shop(program, folder, broker, {"SHOP_REMINDER": "3"})
        shop.start("api", "worker")
        try:
            check_kills(report, shop, engine)
            check_reminders(report, shop, engine)
            check_mail_server(report, shop, warren, engine)
            check_catalogue(report, shop, engine)
            check_report(report, shop, warren, engine)
        finally:
            statuses = shop.stop()
        report.check(f"{engine}: both processes end in good order, with 0", not any(statuses), f"{statuses}")


def mails(shop):
    """What was sent, and how often."""
    texts = collections.Counter()
    for file in (shop.folder / "mails").glob("*.mail"):
        texts[file.read_text().strip()] += 1
    return texts


def rows(shop, sql):
    database = sqlite3.connect(shop.folder / "orders.db", timeout=10)
    try:
        return database.execute(sql).fetchall()
    finally:
        database.close()


def receipts(shop):
    """How often each order got a receipt, and for which parcel."""
    return sorted(text.removeprefix("receipt of ") for text in mails(shop).elements() if text.startswith("receipt of "))


def expected_receipts(shop):
    return sorted(f"{order}, parcel {number}" for number, order in rows(shop, "SELECT number, orderID FROM parcel"))


def check_kills(report, shop, engine):
    chance, accepted, is_over = random.Random(1), set(), threading.Event()

    def post(prefix):
        number = 0
        while not is_over.is_set():
            number += 1
            # As a client does that got no answer: again, with the same id.
            while (status := shop.post(f"{prefix}-{number}", "ada@example.com")) not in (200, 201) and not is_over.is_set():
                time.sleep(0.02)
            if status in (200, 201):
                accepted.add(f"{prefix}-{number}")
            time.sleep(0.05)

    threads = [threading.Thread(target=post, args=(prefix,)) for prefix in "abcd"]
    for thread in threads:
        thread.start()
    shop.wait_for(lambda _: accepted)
    for number in range(KILLS):
        time.sleep(chance.uniform(0.1, 0.9))
        shop.kill(("api", "worker")[number % 2])
    shop.wait_for(lambda _: len(accepted) >= ORDERS)
    is_over.set()
    for thread in threads:
        thread.join()

    orders = {order for order, in rows(shop, "SELECT id FROM orders")}
    shop.wait_for(lambda _: receipts(shop) == expected_receipts(shop) and len(receipts(shop)) == len(orders), 60)
    taken, parcels = rows(shop, "SELECT taken FROM stock")[0][0], len(rows(shop, "SELECT number FROM parcel"))
    sent = receipts(shop)
    report.check(
        f"{engine}: {KILLS} times SIGKILL to API and worker: {len(accepted)} orders accepted, {taken} taken from the stock, "
        f"{parcels} parcels, {len(sent)} receipts",
        len(accepted) >= ORDERS and accepted <= orders and taken == parcels == len(orders)
        and sent == expected_receipts(shop),
        f"{len(orders)} orders; {shop.text()[-3000:]}")


def check_reminders(report, shop, engine):
    shop.post("has-paid", "ada@example.com")
    shop.request("POST", "/orders/has-paid/payment")
    shop.post("has-not-paid", "ada@example.com")
    is_reminded = shop.wait_for(lambda _: mails(shop)["reminder of has-not-paid"] == 1, 30)
    report.check(
        f"{engine}: who has not paid is reminded, and who has paid is not",
        is_reminded and not mails(shop)["reminder of has-paid"], shop.text()[-2000:])


def check_mail_server(report, shop, warren, engine):
    (shop.folder / "mails").rename(shop.folder / "away")
    for number in range(8):
        shop.post(f"down-{number}", "ada@example.com")
    command = [warren, "breaker", "ls", "--store", "sqlite:orders.db"]
    shown = []

    def is_open(_):
        run = subprocess.run(command, cwd=shop.folder, capture_output=True, text=True, timeout=30)
        shown[:] = [run.stdout + run.stderr]
        return "mail-server" in run.stdout

    opened = shop.wait_for(is_open, 30)
    (shop.folder / "away").rename(shop.folder / "mails")
    came = shop.wait_for(lambda _: sum(text.startswith("down-") for text in receipts(shop)) == 8, 60)
    report.check(
        f"{engine}: while the mail server is down its breaker is open, and all mails come when it is back", opened and came,
        f"{shown}, {receipts(shop)[-9:]}, {shop.text()[-2000:]}")


def check_catalogue(report, shop, engine):
    for number in range(1, 21):
        shop.request("PUT", "/catalogue", {"text": f"edition {number}"})
    shop.wait_for(lambda _: mails(shop)["catalogue: edition 20"], 30)
    printed = [text for text in mails(shop).elements() if text.startswith("catalogue")]
    report.check(
        f"{engine}: a catalogue that changed 20 times is printed once, as it was last",
        printed == ["catalogue: edition 20"], f"{printed}, {shop.text()[-2000:]}")


def check_report(report, shop, warren, engine):
    run = subprocess.run(
        [warren, "schedule", "run", "report", "--store", "sqlite:orders.db"], cwd=shop.folder, capture_output=True, text=True,
        timeout=30)
    count = len(rows(shop, "SELECT id FROM orders"))
    came = shop.wait_for(lambda _: mails(shop)[f"report of {count} orders"] == 1, 30)
    report.check(
        f"{engine}: `warren schedule run report` makes the report of {count} orders, in a packed message", came,
        f"{run.stdout}{run.stderr}{shop.text()[-2000:]}")
