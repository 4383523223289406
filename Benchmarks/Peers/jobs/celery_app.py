"""Celery as it comes: no confirms, acknowledged before the job runs. `celery_app.py COUNT` enqueues."""
import os
import sys

import celery

from probe import FILL, Span, handled

app = celery.Celery("celery_app", broker=os.environ["BROKER"])
app.conf.task_ignore_result = True
app.conf.task_default_queue = "bench-celery"
app.conf.worker_prefetch_multiplier = 100
app.conf.broker_connection_retry_on_startup = True


@app.task(name="bench.task")
def task(number, fill):
    handled()


if __name__ == "__main__":
    count = int(sys.argv[1])
    task.delay(0, FILL)
    span = Span()
    for number in range(1, count):
        task.delay(number, FILL)
    span.report(count - 1)
