"""The code samples of the five documents, in Swift: each is compiled, and does here what its document says."""
import os
import signal
import subprocess

from running import PROGRAMS, wait_for, warren


class Sample:
    """One snippet of Examples/Samples as a process. What it prints is read from a file, so that it never waits for a reader."""

    def __init__(self, name, data, broker, service="posts"):
        self.name = name
        self.path = data / f"{name}-{len(list(data.glob('*.out')))}.out"
        self.log = self.path.with_suffix(".log")
        self.process = subprocess.Popen(
            [PROGRAMS / name], stdin=subprocess.PIPE, stdout=open(self.path, "wb"), stderr=open(self.log, "wb"),
            env={**os.environ, "WARREN_BROKER": broker, "SERVICE_NAME": service})

    @property
    def printed(self):
        return self.path.read_text()

    def prints(self, *texts, seconds=30):
        for text in texts:
            wait_for(f"{self.name} prints '{text}', and not only\n{self.printed}", lambda: text in self.printed, seconds)
        return self

    def stop(self):
        """Asks it to stop as a person does: a line for the one that waits for that, SIGTERM for the others."""
        if self.name == "TutorGoConsumer":
            self.process.communicate(b"\n", timeout=30)
        else:
            self.process.send_signal(signal.SIGTERM)
        self.ends()

    def ends(self):
        status = self.process.wait(60)
        assert status == 0, f"{self.name} ended with {status}: {self.log.read_text()[-500:]}"
        return self


def checks(data, broker, seed):
    yield from backstage(data, broker)
    yield from bookspace(data, broker)
    yield from event_booking(data, broker)
    yield from movie_booking(data, broker)
    yield from tutorgo(data, broker)


def has_consumer(broker, queue):
    return lambda: any(row["name"] == queue and row["consumers"] for row in warren(broker, "queue", "ls") or [])


def backstage(data, broker):
    listener = Sample("BackstageSubscribing", data, broker, service="audit")
    wait_for("it consumes audit.queue", has_consumer(broker, "audit.queue"))
    Sample("BackstagePublishing", data, broker).ends().prints("post.created: stored", "notification.like: stored")
    listener.prints('Received event: {"data":{"post_id":123,"title":"My Post","user_id":456},"service":"posts"').stop()
    yield "backstage, Publishing Events, Subscribing to Events: post.created with post_id, user_id and title reaches who subscribed to post.*"
    notifications = Sample("BackstageNotifications", data, broker, service="reminders")
    wait_for("it consumes reminders.queue", has_consumer(broker, "reminders.queue"))
    Sample("BackstagePublications", data, broker, service="publications").ends().prints("event.created: stored")
    yield "backstage, Publications Service: event.created is stored"
    reminder = '{"type":"event.reminder","data":{"event_id":7,"event_name":"Night of the Strings"}}'
    warren(broker, "event", "publish", "backstage.events", "event.reminder", "--plain", "--data", reminder)
    notifications.prints("Notification of event.reminder for all: Night of the Strings").stop()
    assert "event.created" not in notifications.printed, notifications.printed
    yield "backstage, Notifications Service: an event.reminder becomes a notification, and event.created does not"


def bookspace(data, broker):
    sample = Sample("BookSpaceEvents", data, broker).prints(
        '"documentId":"doc123"', '"type":"document.created"', "Your document 'API Guide' has been created",
        "Attempt 1: Fail", "Attempt 2: Fail", "Attempt 3: Fail", "Attempt 4: Fail")
    letters = wait_for("it is in bookspace.events.dlq", lambda: warren(broker, "dead", "ls", "--queue", "bookspace.events.dlq"))
    assert len(letters) == 1 and letters[0]["attempts"] == 4, letters
    sample.stop()
    yield "bookspace, Event Flow: the event as it is there; four attempts after 1, 2 and 4 s, then the dead-letter queue"


def event_booking(data, broker):
    sample = Sample("EventBookingFanOut", data, broker).prints(
        "vera@example.org: Swift Night has changed", "ada@example.org: Swift Night has changed")
    letters = wait_for("a dead letter", lambda: warren(broker, "dead", "ls", "--queue", "emailQueue.dlq"))
    assert len(letters) == 1 and "no such address" in letters[0]["detail"], letters
    sample.stop()
    yield "event-booking, Email Fan-out Pattern: one mail for each customer, and the failing address alone is a dead letter"


def movie_booking(data, broker):
    sample = Sample("MovieBookingQueue", data, broker)
    sample.prints("Sending otp to ada@example.org", "Sending booking_confirmation to ada@example.org").stop()
    yield "movie-booking, Implementation Steps: OTP and EMAIL through email_queue"


def tutorgo(data, broker):
    consumer = Sample("TutorGoConsumer", data, broker)
    wait_for("it consumes notification.booking", has_consumer(broker, "notification.booking"))
    Sample("TutorGoPublisher", data, broker).ends().prints("booking.created: stored")
    consumer.prints("Received message: booking.created booking-123").stop()
    yield "tutorgo, Setting Up a Publisher, Setting Up a Consumer: booking.created reaches notification.booking"
