"""movie-booking: each row of its requirements and each fault of such systems, on real processes."""
import concurrent.futures
import random
import re
import statistics
import time

from running import MailServer, Process, wait_for, warren

SYSTEM = "movie-booking"
PASSWORD = "a long password"


def checks(data, broker, seed):
    """Yields a sentence for what holds now; an AssertionError for what does not."""
    mail = MailServer()
    mail.start(data)
    environment = {"SMTP_URL": mail.url}

    def start(role):
        return Process(SYSTEM, role, data, broker, environment)

    api, worker = start("api"), start("worker")

    def code_for(email):
        texts = [m["text"] for m in mail.mails if m["to"] == email and "otp-" in m["id"]]
        return texts and re.search(r"Subject: (\d{6})", texts[-1]).group(1)

    def register(email):
        answer = api.request("POST", "/api/auth/register", {"name": "Ada", "email": email, "password": PASSWORD})
        assert answer.status == 201 and answer.json["userId"], answer.text

    def verify(email, code):
        return api.request("POST", "/api/auth/verify-otp", {"email": email, "otp": code})

    register("ada@example.org")
    code = wait_for("the code is mailed", lambda: code_for("ada@example.org"))
    yield "register: 201 with userId, and the worker mails a code of six digits"
    assert api.request("POST", "/api/auth/login", {"email": "ada@example.org", "password": PASSWORD}).status == 401
    wrong = "000000" if code != "000000" else "000001"
    assert verify("ada@example.org", wrong).status == 400
    token = verify("ada@example.org", code).json["token"]
    assert verify("ada@example.org", code).status == 400
    yield "verify-otp: a token for the right code; a wrong one, and one that was used, is refused"
    register("eve@example.org")
    right = wait_for("the code is mailed", lambda: code_for("eve@example.org"))
    for _ in range(5):
        verify("eve@example.org", "999999" if right != "999999" else "999998")
    assert verify("eve@example.org", right).status in (400, 429)
    yield "after five wrong tries the right code is refused too"
    assert api.request("POST", "/api/auth/login", {"email": "ada@example.org", "password": PASSWORD}).json["token"]
    statuses = [api.request("POST", "/api/auth/login", {"email": "ada@example.org", "password": "x"}).status for _ in range(11)]
    assert statuses[0] == 401 and statuses[-1] == 429, statuses
    yield "login: a token; wrong passwords are limited"

    movies = api.request("GET", "/api/movies").json["movies"]
    show = movies[0]["shows"][0]["showId"]
    other = movies[1]["shows"][0]["showId"]
    seats = api.request("GET", f"/api/shows/{show}").json["seats"]
    assert len(seats) == 100 and not any(seat["taken"] for seat in seats)
    yield "movies, and the seats of a show, free or taken"

    def book(seats, show=show):
        return api.request("POST", "/api/bookings", {"showId": show, "seats": seats}, token)

    assert api.request("POST", "/api/bookings", {"showId": show, "seats": ["A1"]}).status == 401
    for bad in ([], ["Z99"], ["A1", "A1"], ["A\r1"], [f"A{n}" for n in range(1, 12)]):
        assert book(bad).status == 400, bad
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda n: book([f"B{n % 10 + 1}"]), range(200)))
    assert sorted(a.status for a in answers) == [201] * 10 + [409] * 190, [a.status for a in answers]
    assert all(a.json["email"] == "queued" for a in answers if a.status == 201)
    yield "200 requests for ten seats at once: each seat is sold once, 190 callers get a 409"
    booked = [a.json["bookingId"] for a in answers if a.status == 201]

    def mailed():
        return {m["id"].split("@")[0].removeprefix("<booking-") for m in mail.mails if "<booking-" in m["id"]}

    wait_for("each booking has its mail", lambda: mailed() == set(booked))
    yield "each booking has its mail, with text and HTML"
    assert all("text/html" in m["text"] for m in mail.mails)

    def latencies(count):
        times = []
        for _ in range(count):
            seat = free.pop()
            begin = time.monotonic()
            answer = book([seat], other)
            times.append(time.monotonic() - begin)
            assert answer.status == 201, answer.text
            booked.append(answer.json["bookingId"])
        return statistics.median(times)

    free = [f"{row}{number}" for row in "ABCDEFGHIJ" for number in range(1, 11)]
    up = latencies(20)
    wait_for("mails of the first round", lambda: mailed() == set(booked))
    mail.stop()
    down = latencies(20)
    assert mailed() != set(booked)
    mail.start(data)
    wait_for("mails go out when the server is back", lambda: mailed() == set(booked), 90)
    yield f"mail server down: bookings take {down * 1000:.0f} ms (up: {up * 1000:.0f} ms), the mails go out when it is back"

    kills = 0
    generator = random.Random(seed)
    while len(free) > 20:
        for _ in range(8):
            answer = book([free.pop()], other)
            assert answer.status == 201, answer.text
            booked.append(answer.json["bookingId"])
        time.sleep(generator.random() * 0.3)
        kills += 1
        if generator.random() < 0.5:
            worker.kill()
            worker = start("worker")
        else:
            api.kill()
            api = start("api")
    wait_for("each booking has its mail", lambda: mailed() == set(booked), 90)
    ids = [m["id"] for m in mail.mails if "<booking-" in m["id"]]
    repeats = len(ids) - len(set(ids))
    assert repeats <= kills * 8, f"{repeats} repeats"
    yield f"{kills} SIGKILLs of API and worker: {len(booked)} bookings, each with its mail, {repeats} mails repeated with their Message-ID"

    mail.stop()
    mail.start(data, "--mode", "refuses-sender")
    answer = book([free.pop()], other)
    letters = wait_for("a dead letter", lambda: warren(broker, "dead", "ls"))
    assert f"booking-{answer.json['bookingId']}" in str(letters) and "553" in str(letters), letters
    mail.stop()
    mail.start(data)
    warren(broker, "dead", "replay", "--all", "--yes")
    booked.append(answer.json["bookingId"])
    wait_for("the replayed mail", lambda: mailed() == set(booked))
    yield "a mail that is refused for good is a dead letter with the server's answer; replayed, it is sent"

    assert api.stop() == 0 and worker.stop() == 0
    yield "SIGTERM: both end with 0"
    mail.stop()
