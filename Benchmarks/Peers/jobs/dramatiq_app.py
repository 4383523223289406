"""Dramatiq: acknowledged after the job; with confirms if $CONFIRMS is set. `dramatiq_app.py COUNT` enqueues."""
import os
import sys

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker

from probe import FILL, Span, handled

dramatiq.set_broker(RabbitmqBroker(url=os.environ["BROKER"], confirm_delivery="CONFIRMS" in os.environ))


@dramatiq.actor(queue_name="bench-dramatiq", max_retries=0)
def task(number, fill):
    handled()


if __name__ == "__main__":
    count = int(sys.argv[1])
    task.send(0, FILL)
    span = Span()
    for number in range(1, count):
        task.send(number, FILL)
    span.report(count - 1)
