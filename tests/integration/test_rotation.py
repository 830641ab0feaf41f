"""Keys and certificates of the service are replaced as docs/operating.md says, "Change keys and certificates"."""
import contextlib
import datetime
import json
import os
import pathlib
import re
import signal
import socket
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from inkantest import mails
from inkantest.instance import wait_for
from inkantest.rows import Row


@contextlib.contextmanager
def replaced(inkan, daemon, contents, how=signal.SIGTERM):
    """with replaced(…, {setting: bytes}): these files of a daemon's settings hold other bytes, and it has read them; then as before."""
    settings = (pathlib.Path(inkan.env["INKAN_CONF_DIR"]) / f"{daemon}.conf").read_text()
    paths = {name: pathlib.Path(re.search(rf"^{name} = (.*)$", settings, re.M).group(1)) for name in contents}
    before = {name: path.read_bytes() for name, path in paths.items()}

    def start_with(files):
        for name, content in files.items():
            paths[name].write_bytes(content)
        was = inkan.pid(daemon)
        inkan.kill(daemon, how)
        wait_for(lambda: how == signal.SIGHUP or inkan.pid(daemon) != was, f"{daemon} anew")
        inkan.alive()
    start_with(contents)
    try:
        yield
    finally:
        start_with(before)


def mailed(inkan, row):
    """The link in the mail about a row that was issued."""
    inkan.registrar.apply([row])
    (mail,) = wait_for(lambda: mails.to(inkan, row.mail, row.name), "the mail with the link")
    return mail.link()


def test_links_outlive_the_link_key(healthy):
    old = mailed(healthy, Row(mail="rotation@example.ac.jp"))
    with replaced(healthy, "mailer", {"link_key": os.urandom(32)}):
        new = mailed(healthy, Row(mail="rotation@example.ac.jp"))
        for link in (old, new):
            assert healthy.public.post(link, timeout=30).status_code == 200


def self_signed(days):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=days))
                   .sign(key, hashes.SHA256()))
    pem = serialization.Encoding.PEM
    return (certificate.public_bytes(pem),
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
            certificate.public_bytes(serialization.Encoding.DER))


def served(inkan):
    """The certificate that the registrars' listener shows, DER."""
    host, port = inkan.env["INKAN_URL"].removeprefix("https://").split(":")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((host, int(port)), 10) as plain, context.wrap_socket(plain) as secure:
        return secure.getpeercert(binary_form=True)


def test_a_new_tls_certificate(healthy):
    """It is served after a reload, and one that ends soon is said."""
    before = served(healthy)
    certificate, key, der = self_signed(5)
    with replaced(healthy, "ingress", {"tls_certificate": certificate, "tls_key": key}, signal.SIGHUP):
        wait_for(lambda: served(healthy) == der, "the new certificate")
        found = json.loads(healthy.ctl("status", "--json", check=False).stdout)
        (what,) = [f["what"] for f in found["findings"] if f["see"] == "a-certificate-of-the-service-ends"]
        assert what.startswith('the certificate "tls" ends in 4 d')
    wait_for(lambda: served(healthy) == before, "the old certificate again")
