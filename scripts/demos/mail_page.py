"""mail_page.py --port N FILE: a page on this machine that shows the mails of a file, one JSON object a line, as
Examples/Tests/MailTests/smtp_server.py writes it.

  /            the newest mails; the page loads itself again every three seconds
  /mails/N     one of them
  /mails.tsv   Message-ID, recipient and subject of all of them; ?to= and ?subject= take those that have these texts
"""
import argparse
import email
import email.policy
import functools
import html
import http.server
import json
import threading
import urllib.parse

NEWEST = 100
STYLE = """body{font:15px/1.5 sans-serif;margin:2em auto;max-width:60em;padding:0 1em}td,th{text-align:left;padding:.2em 1.5em .2em 0}
pre,iframe{background:#f6f6f6;border:0;padding:1em;width:100%;box-sizing:border-box;white-space:pre-wrap}"""


class Mails:
    """What is in the file so far. Each line is read once; of a mail only its place and what lists show are kept."""

    def __init__(self, path):
        self.path, self.read, self.entries, self.lock = path, 0, [], threading.Lock()

    def list(self):
        """(place, Message-ID, recipient, subject) of each mail, the oldest first."""
        with self.lock, open(self.path, "rb") as file:
            file.seek(self.read)
            while (line := file.readline()).endswith(b"\n"):
                fields = json.loads(line)
                if "data" in fields:
                    mail = email.message_from_string(fields["data"], policy=email.policy.default)
                    self.entries.append((self.read, mail["message-id"] or "", ", ".join(fields["to"]), str(mail["subject"] or "")))
                self.read = file.tell()
            return list(self.entries)

    def mail(self, number):
        """One of them as a message; None for a number that is none of theirs."""
        entries = self.list()
        if not 1 <= number <= len(entries):
            return None
        with open(self.path, "rb") as file:
            file.seek(entries[number - 1][0])
            return email.message_from_string(json.loads(file.readline())["data"], policy=email.policy.default)


class Page(http.server.BaseHTTPRequestHandler):
    def __init__(self, mails, *arguments):
        self.mails = mails
        super().__init__(*arguments)

    def do_GET(self):
        # Other names of this machine would let a page from elsewhere read the mails.
        if self.headers.get("host", "").split(":")[0] not in ("127.0.0.1", "localhost"):
            return self.answer("This page is at http://127.0.0.1\n", "text/plain", 421)
        path, _, query = self.path.partition("?")
        name = path.removeprefix("/mails/")
        if path == "/":
            return self.answer(self.all())
        if path == "/mails.tsv":
            return self.answer(self.table(dict(urllib.parse.parse_qsl(query))), "text/tab-separated-values")
        mail = self.mails.mail(int(name)) if name.isascii() and name.isdigit() and len(name) < 10 else None
        if mail:
            return self.answer(self.one(mail))
        return self.answer("There is no such mail. All of them are at /\n", "text/plain", 404)

    def table(self, query):
        rows = [row[1:] for row in self.mails.list() if query.get("to", "") in row[2] and query.get("subject", "") in row[3]]
        return "".join("\t".join(" ".join(cell.split()) for cell in row) + "\n" for row in rows)

    def all(self):
        mails = self.mails.list()
        rows = [f"<tr><td>{html.escape(to)}<td><a href='/mails/{number}'>{html.escape(subject) or '(no subject)'}</a>"
                for number, (_, _, to, subject) in enumerate(mails, 1)][-NEWEST:]
        count = f"the newest {NEWEST} of {len(mails)}" if len(mails) > NEWEST else str(len(mails))
        return (f"<meta http-equiv=refresh content=3><title>Mails</title><h1>Mails: {count}</h1><table><tr><th>to<th>subject"
                + "".join(reversed(rows)) + "</table>")

    def one(self, mail):
        headers = "\n".join(f"{name}: {value}" for name, value in mail.items())
        parts = [f"<title>{html.escape(str(mail['subject']))}</title><p><a href='/'>all mails</a><pre>{html.escape(headers)}</pre>"]
        for kind in ("plain", "html"):
            body = mail.get_body((kind,))
            if body is not None:
                text = html.escape(body.get_content())
                parts.append(f"<h2>{kind}</h2>" + (f"<pre>{text}</pre>" if kind == "plain" else f"<iframe sandbox srcdoc=\"{text}\"></iframe>"))
        return "".join(parts)

    def answer(self, text, kind="text/html", status=200):
        if kind == "text/html":
            text = f"<!doctype html><html lang=en><meta charset=utf-8><style>{STYLE}</style>{text}"
        body = text.encode("utf-8", "replace")
        self.send_response(status)
        self.send_header("content-type", f"{kind}; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.send_header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("file")
    options = arguments.parse_args()
    page = functools.partial(Page, Mails(options.file))
    http.server.ThreadingHTTPServer(("127.0.0.1", options.port), page).serve_forever()
