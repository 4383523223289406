"""Certificates for tests. Elliptic keys are made in no time."""
import pathlib
import subprocess

from brokers.messages import Failure

# `stranger` is a client certificate by an authority that the server does not know; `expired` is the server's, but of yesterday.
NAMES = ("ca", "server", "server-key", "expired", "expired-key", "client", "client-key", "stranger-ca", "stranger", "stranger-key")
SERVER = ("extendedKeyUsage=serverAuth", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1")
CLIENT = ("extendedKeyUsage=clientAuth",)


def make(folder):
    folder = pathlib.Path(folder)
    if (folder / ".complete").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)

    def openssl(*arguments, given=None):
        result = subprocess.run(["openssl", *arguments], cwd=folder, input=given, capture_output=True)
        if result.returncode != 0:
            raise Failure(f"openssl could not make the certificates: {result.stderr.decode().strip()}")
        return result.stdout

    def key(name):
        made = openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout")
        openssl("pkcs8", "-topk8", "-nocrypt", "-out", f"{name}-key.pem", given=made)

    def authority(name, subject):
        key(name)
        openssl("req", "-x509", "-new", "-key", f"{name}-key.pem", "-sha256", "-days", "30", "-subj", f"/CN={subject}",
                "-out", f"{name}.pem", "-addext", "basicConstraints=critical,CA:TRUE",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def signed(name, by, subject, extensions, days=30):
        key(name)
        request, extra = folder / f"{name}.csr", folder / f"{name}.ext"
        openssl("req", "-new", "-key", f"{name}-key.pem", "-subj", f"/CN={subject}", "-out", request.name)
        extra.write_text("\n".join(["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature", *extensions, ""]))
        openssl("x509", "-req", "-in", request.name, "-CA", f"{by}.pem", "-CAkey", f"{by}-key.pem", "-CAcreateserial",
                "-sha256", "-days", str(days), "-extfile", extra.name, "-out", f"{name}.pem")
        request.unlink()
        extra.unlink()

    authority("ca", "Warren test CA")
    authority("stranger-ca", "Unknown CA")
    signed("server", "ca", "localhost", SERVER)
    signed("expired", "ca", "localhost", SERVER, days=-1)
    signed("client", "ca", "guest", CLIENT)
    signed("stranger", "stranger-ca", "guest", CLIENT)
    (folder / ".complete").touch()
