"""The whole cycle of queues on SQLite for Python, each job durable (`synchronous=FULL`): enqueued, handed out, handled, settled.

queues.py NAME FILE COUNT   NAME: huey, litequeue, persist-queue; prints one line of JSON

First all are enqueued, then all are handled: with a process for each side at once, huey and litequeue fail with "database is
locked", and persist-queue is slower. Huey deletes a job before it runs, so that it is lost when its worker dies; the others do not.
"""
import json
import logging
import sys
import threading
import time

FILL = "x" * 29


class Huey:
    """Its own worker, with the one thread that is its fastest."""

    def __init__(self, file):
        from huey import SqliteHuey

        self._huey = SqliteHuey("bench", filename=file, fsync=True, results=False)
        self._handle = lambda number: None
        self.task = self._huey.task()(self.run)

    def run(self, number, fill):
        self._handle(number)

    def enqueue(self, number):
        self.task(number, FILL)

    def work(self, handle, done):
        self._handle = handle
        logging.getLogger("huey").setLevel(logging.ERROR)
        consumer = self._huey.create_consumer(workers=1, initial_delay=0.001, max_delay=0.01, periodic=False)
        consumer.start()
        done.wait()
        consumer.stop(graceful=True)

    def left(self):
        return self._huey.pending_count()


class LiteQueue:
    def __init__(self, file):
        from litequeue import LiteQueue

        self._queue = LiteQueue(file)
        self._queue.conn.execute("PRAGMA synchronous = FULL")

    def enqueue(self, number):
        self._queue.put(json.dumps({"number": number, "fill": FILL}))

    def work(self, handle, done):
        while not done.is_set():
            message = self._queue.pop()
            if message is None:
                time.sleep(0.001)
                continue
            handle(json.loads(message.data)["number"])
            self._queue.done(message.message_id)

    def left(self):
        return self._queue.qsize()


class PersistQueue:
    def __init__(self, file):
        from persistqueue import SQLiteAckQueue

        self._queue = SQLiteAckQueue(file)

    def enqueue(self, number):
        self._queue.put({"number": number, "fill": FILL})

    def work(self, handle, done):
        from persistqueue import Empty

        while not done.is_set():
            try:
                item = self._queue.get(block=False, raw=True)
            except Empty:
                time.sleep(0.001)
                continue
            handle(item["data"]["number"])
            self._queue.ack(id=item["pqid"])

    def left(self):
        return self._queue.ready_count() + self._queue.unack_count()


QUEUES = {"huey": Huey, "litequeue": LiteQueue, "persist-queue": PersistQueue}


def main():
    name, file, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    queue, seen, done = QUEUES[name](file), [], threading.Event()

    def handle(number):
        seen.append(number)
        if len(seen) == count:
            done.set()

    begin = time.monotonic(), time.process_time()
    for number in range(count):
        queue.enqueue(number)
    queue.work(handle, done)
    secs, cpu = time.monotonic() - begin[0], time.process_time() - begin[1]
    print(json.dumps({
        "n": count, "secs": secs, "per_s": count / secs, "cpu_s_per_100k": cpu * 100_000 / count, "handled": len(set(seen)),
        "twice": len(seen) - len(set(seen)), "left": queue.left(),
    }))


if __name__ == "__main__":
    main()
