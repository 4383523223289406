#!/usr/bin/python3
"""A real SMTP server (aiosmtpd) for tests: smtp_server.py [--port N] [--tls starttls|implicit --certificate FILE --key FILE]
[--login USER:PASSWORD] [--mode normal|silent|hang|busy|refuses-sender]

Prints one JSON object a line: first {"port": N}, then {"from", "to", "helo", "session", "data"} for each mail that it takes. It
ends with its standard input. The part of the recipient before the @ decides what becomes of a mail:

  refused  550 to RCPT          busy   451 to RCPT          full   552 to the text
  later    451 to the text      slow   250 to the text after a second
  gone     the connection is closed in place of an answer to the text

Modes: silent accepts connections and says nothing; hang greets and says nothing more; busy greets with 421; refuses-sender
answers 553 to MAIL.
"""
import argparse
import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

arguments = argparse.ArgumentParser()
arguments.add_argument("--port", type=int, default=0)
arguments.add_argument("--tls", choices=["starttls", "implicit"])
arguments.add_argument("--certificate")
arguments.add_argument("--key")
arguments.add_argument("--login")
arguments.add_argument("--mode", default="normal")
options = arguments.parse_args()


def say(**fields):
    print(json.dumps(fields), flush=True)


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, mail_options):
        if options.mode == "refuses-sender":
            return "553 5.1.8 this sender may not send"
        envelope.mail_from = address
        return "250 ok"

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        name = address.split("@")[0]
        if name == "refused":
            return "550 5.1.1 no such user here"
        if name == "busy":
            return "451 4.3.0 try again later"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server, session, envelope):
        name = envelope.rcpt_tos[0].split("@")[0]
        if name == "full":
            return "552 5.2.2 mailbox full"
        if name == "later":
            return "451 4.7.1 greylisted"
        if name == "gone":
            server.transport.abort()
            return "250 ok"
        if name == "slow":
            await asyncio.sleep(1)
        say(**{"from": envelope.mail_from}, to=envelope.rcpt_tos, helo=session.host_name, session=id(session.peer),
            data=envelope.original_content.decode("utf-8", "backslashreplace"))
        return "250 taken"


def check_login(server, session, envelope, mechanism, data):
    login = f"{data.login.decode()}:{data.password.decode()}" if isinstance(data, LoginPassword) else ""
    return AuthResult(success=login == options.login, handled=False)


class Mute(asyncio.Protocol):
    def connection_made(self, transport):
        if options.mode == "hang":
            transport.write(b"220 hello\r\n")
        if options.mode == "busy":
            transport.write(b"421 4.3.2 too many connections\r\n")
            transport.close()


async def main():
    loop = asyncio.get_running_loop()
    context = None
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate, options.key)

    def smtp():
        if options.mode in ("silent", "hang", "busy"):
            return Mute()
        return SMTP(
            Handler(), hostname="mail.test", enable_SMTPUTF8=False, loop=loop,
            tls_context=context if options.tls == "starttls" else None, require_starttls=options.tls == "starttls",
            authenticator=check_login if options.login else None, auth_required=bool(options.login),
            auth_require_tls=False)

    server = await loop.create_server(
        smtp, "127.0.0.1", options.port, ssl=context if options.tls == "implicit" else None)
    say(port=server.sockets[0].getsockname()[1])
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


asyncio.run(main())
