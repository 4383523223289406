"""Does everything that the dashboard's pages can do, as a person with a mouse and one with a keyboard."""
import re

from dashboard.browser import ENTER, TAB


class Walk:
    """Each method is a visit; what goes wrong is told with its name."""

    def __init__(self, browser, stage, keeps_operations, out):
        self.browser, self.stage, self.keeps_operations, self.out = browser, stage, keeps_operations, out

    def all(self):
        visits = [self.keyboard, self.theme, self.live, self.pause, self.purge, self.replay_one, self.replay_selected,
                  self.edit, self.reveal, self.delete_selected, self.failures, self.replay_all, self.end_handler, self.schedules,
                  self.outbox, self.broker]
        if self.keeps_operations:
            visits += [self.message, self.cancel_operation]
        failures = []
        for visit in visits:
            try:
                visit()
            except AssertionError as error:
                failures.append(f"{visit.__name__}: {error}")
                self.browser.picture(self.out / f"failed-{visit.__name__}.png")
            failures += [f"{visit.__name__}: {line}" for line in self.browser.complaints()]
            print(f"did {visit.__name__}", flush=True)
        return failures

    def open(self, path):
        self.browser.go(self.stage.base + path)

    # With the keyboard

    def keyboard(self):
        browser = self.browser
        self.open("")
        browser.keys(TAB)
        assert browser.run("return document.activeElement.textContent") == "Skip to the content", "the first stop is not the way past"
        browser.keys(ENTER)
        assert browser.address_bar.endswith("#content")
        for key, page in (("q", "queues"), ("d", "dead-letters"), ("w", "workers"), ("b", "broker"), ("o", "")):
            browser.keys("g", key)
            browser.wait(lambda: browser.address_bar == self.stage.base + page, f"g {key} does not lead to /{page}:")
        self.open("dead-letters")
        browser.keys("/")
        assert browser.run("return document.activeElement.name") == "q", "/ does not lead into the search"
        browser.keys(*"error~Relay", ENTER)
        browser.wait(lambda: "q=error" in browser.address_bar, "the search was not sent")
        # Every stop shows where it is.
        stops = browser.run("return document.querySelectorAll('a[href], button:not([hidden]), input:not([type=hidden]), select').length")
        unseen = 0
        for _ in range(min(stops, 40)):
            browser.keys(TAB)
            style = browser.run("const s = getComputedStyle(document.activeElement); return [s.outlineStyle, document.activeElement.tagName]")
            unseen += style[0] == "none" and style[1] != "BODY"
        assert unseen == 0, f"{unseen} stops of the keyboard are not seen"

    def theme(self):
        self.open("")
        self.browser.press_button("Light or dark")
        dark = self.browser.run("return document.documentElement.dataset.theme")
        self.open("queues")
        assert dark and self.browser.run("return document.documentElement.dataset.theme") == dark, "the theme is not kept"
        self.browser.press_button("Light or dark")

    def live(self):
        self.open("queues")
        self.browser.wait_for("Live")
        before = self.browser.run("return document.querySelector('.foot time').textContent")
        self.browser.wait(
            lambda: self.browser.run("return document.querySelector('.foot time').textContent") != before, "nothing is kept up to date")
        self.browser.press_button("Live")
        self.browser.wait_for("Live updates are off")
        self.browser.press_button("Live updates are off")

    # Queues

    def pause(self):
        self.open("queue?name=thumbnails")
        self.browser.press_button("Pause")
        self.browser.wait_for("The queue is paused")
        self.browser.wait_for("'thumbnails' is paused")
        self.browser.press_button("Resume")
        self.browser.wait_for("The queue is resumed")

    def purge(self):
        self.open("queue?name=thumbnails")
        self.browser.press_button("Purge…")
        self.browser.wait_for("To confirm")
        self.browser.type("input[name=typed]", "thumbnail")
        label = self.browser.press_button("Purge 8 messages")
        self.browser.wait_for("nothing was deleted")
        self.open("queue/purge?name=thumbnails")
        self.browser.type("input[name=typed]", "thumbnails")
        self.browser.press_button(label)
        self.browser.wait_for("8 messages deleted")

    # Dead letters

    def dead(self):
        return sum(int(n) for n in re.findall(r'"count":(\d+)', self.stage.read("api/v1/dead-letters/count")))

    def open_letter(self):
        self.open(self.stage.first(r'href="/(dead-letter\?[^"]*)"', "dead-letters?origin=email"))

    def replay_one(self):
        self.open_letter()
        self.browser.press_button("Replay to email")
        self.browser.wait_for("1 dead letter sent back to work")

    def replay_selected(self):
        self.open("dead-letters?origin=invoices")
        for box in (1, 2):
            self.browser.click(self.browser.find(f"tbody tr:nth-child({box}) input[name=pick]"))
        assert self.browser.press_button("Replay 2 selected") == "Replay 2 selected"
        self.browser.wait_for("2 dead letters sent back to work")

    def delete_selected(self):
        self.open("dead-letters?origin=email")
        self.browser.click(self.browser.find("tbody tr:nth-child(1) input[name=pick]"))
        self.browser.press_button("Delete 1 selected")
        self.browser.wait_for("will be deleted")
        self.browser.press_button("Delete 1 dead letter")
        self.browser.wait_for("1 dead letter deleted")
        if self.keeps_operations:
            self.browser.press_button("Undo: see what was deleted")
            self.browser.wait_for("Put back 0 selected")
            self.browser.click(self.browser.find("tbody tr:nth-child(1) input[name=pick]"))
            self.browser.press_button("Put back 1 selected")
            self.browser.wait_for("1 dead letter put back")

    def edit(self):
        browser = self.browser
        self.open_letter()
        browser.press_button("Edit and replay")
        browser.wait_for("The copy goes to")
        body = browser.run("return document.querySelector('textarea[name=body]').value")
        assert "hunter2" not in body and "***1***" in body, f"a secret is shown while editing: {body}"
        browser.type("textarea[name=body]", body.replace("***1***", "x***1***"))
        browser.press_button("Show the difference")
        browser.wait_for("a part of a hidden value")
        browser.type("textarea[name=body]", body.replace("broken.example", "fine.example"))
        browser.press_button("Show the difference")
        browser.wait_for("What will be published")
        assert "fine.example" in browser.text
        browser.picture(self.out / "edit-difference.png")
        browser.press_button("Publish to email")
        browser.wait_for("The changed copy was published")

    def reveal(self):
        self.open_letter()
        assert "hunter2" not in self.browser.text
        self.browser.press_button("Show it")
        self.browser.wait_for("hunter2")

    def failures(self):
        self.open("failures")
        self.browser.press_button("Show them")
        self.browser.wait(lambda: "group=" in self.browser.address_bar, "a group does not lead to its dead letters")

    def replay_all(self):
        browser = self.browser
        # They go back to a queue that stands still, so that the count stays.
        self.open("queue?name=invoices")
        browser.press_button("Pause")
        browser.wait_for("The queue is paused")
        self.open("dead-letters?origin=invoices")
        browser.press_button("Replay all matching")
        browser.wait_for("will go back to the queues")
        browser.picture(self.out / "confirm-all.png")
        count = re.search(r"Replay ([\d,]+) dead letters?", browser.press_button("Replay ", "//form[@method='post']")).group(1)
        if self.keeps_operations:
            browser.wait_for(f"{count} of {count}", 30)
            browser.wait_for("done")
            browser.picture(self.out / "operation.png")
        else:
            browser.wait_for(f"{count} dead letters sent back to work", 60)
        assert f'"count":{count.replace(",", "")}' not in self.stage.read("api/v1/dead-letters/count?origin=invoices")
        self.open("queue?name=invoices")
        browser.press_button("Resume")
        browser.wait_for("The queue is resumed")

    def cancel_operation(self):
        browser = self.browser
        self.stage.wait_until(self.stage.is_quiet, "the replayed jobs have not failed again")
        self.open("dead-letters/all?do=replay&first=20")
        browser.wait_for("Replay 20 dead letters")
        browser.type("input[name=rate]", "1")
        browser.press_button("Replay 20 dead letters")
        browser.wait_for("Cancel: leave")
        browser.picture(self.out / "operation-running.png")
        browser.press_button("Cancel: leave")
        browser.wait_for("It ends before its next step")
        self.open("operations")
        browser.wait_for("cancelled")
        browser.picture(self.out / "operations.png")

    # The rest

    def end_handler(self):
        self.open("workers")
        self.browser.press_button("End")
        self.browser.wait_for("1 handler asked to end")

    def message(self):
        self.open("queue?name=reports")
        self.browser.press_button("Show its messages")
        self.browser.wait_for("report.make")
        self.browser.press_button("report.make")
        self.browser.wait_for("Why is this not running?")
        self.browser.wait_for("'reports' is paused")

    def schedules(self):
        self.open("schedules")
        self.browser.wait_for("at 06:00 on the 1st, Europe/Berlin")
        for button, told in (("Run now", "A run is asked for"), ("Pause", "The schedule is paused"), ("Resume", "The schedule is resumed")):
            self.browser.press_button(button)
            self.browser.wait_for(told)

    def outbox(self):
        self.open("outbox")
        self.browser.wait_for("nowhere")
        self.browser.press_button("Try ")
        self.browser.wait_for("tried again now")
        self.open("outbox")
        self.browser.press_button("Discard…")
        self.browser.wait_for("cannot be brought back")
        self.browser.press_button("Discard 1 message")
        self.browser.wait_for("1 message of the outbox discarded")

    def broker(self):
        self.open("broker")
        self.browser.press_button("Look at everything")
        self.browser.wait_for("What the doctor finds")
