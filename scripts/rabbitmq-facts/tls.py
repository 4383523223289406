"""TLS: who gets in with which certificate."""
import ssl

import pika
from pika import exceptions

from broker import fact


def login(b, authority="ca", certificate=None, external=False):
    if not b.amqps:
        return "this broker has no TLS: start it with --tls"
    context = ssl.create_default_context(cafile=b.tls[authority])
    if certificate:
        context.load_cert_chain(b.tls[certificate], b.tls[certificate + "-key"])
    credentials = pika.credentials.ExternalCredentials() if external else pika.PlainCredentials("guest", "guest")
    port = int(b.amqps.rsplit(":", 1)[1])
    try:
        pika.BlockingConnection(pika.ConnectionParameters(
            "localhost", port, ssl_options=pika.SSLOptions(context, "localhost"), credentials=credentials)).close()
        return "in"
    except ssl.SSLError as error:
        return f"refused by the client: {error.verify_message or error.reason}" if hasattr(error, "verify_message") else f"refused: {error.reason}"
    except exceptions.AMQPError as error:
        text = str(error)
        return "refused by the broker: " + ("403" if "403" in text else "unknown ca" if "UNKNOWN_CA" in text.upper() else text)


@fact("EXTERNAL logs in by the client certificate; without one 403; a certificate of another CA fails the handshake")
def who_gets_in(b):
    return {"password, no certificate": login(b), "client certificate, EXTERNAL": login(b, certificate="client", external=True),
            "no certificate, EXTERNAL": login(b, external=True),
            "certificate of another CA": login(b, certificate="stranger", external=True),
            "client that trusts another CA": login(b, authority="stranger-ca")}
