#!/usr/bin/python3
"""The main job once, as people live through it, every step checked: a TSV file goes in through the API, mails come, each
certificate is fetched through its link and verified, and the registrar is told.

Needs the variables of try.env in its environment; works against any running instance:

    set -a; . run/try.env; set +a; /usr/bin/python3 deploy/trylib/story.py
"""
import email
import email.policy
import email.utils
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.error
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import serialization

import api
import sample
from build import CHECKOUT
from command import environment
from failure import Failure
from instance import DAEMONS

READY_SECONDS = 60
DONE_SECONDS = 120
MAIL_SECONDS = 60
SUBJECT_ISSUED = "サーバ証明書発行受付通知"
SUBJECT_FETCHED = "サーバ証明書取得通知"


def say(text=""):
    print(text, flush=True)


def check(condition, what):
    if not condition:
        raise Failure(what)


def openssl(*words, what):
    result = subprocess.run(["openssl", *map(str, words)], env=environment(), stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, errors="replace", check=False)
    if result.returncode != 0:
        raise Failure(f"{what}: openssl {' '.join(map(str, words))}\n{result.stderr.strip()}")
    return (result.stdout + result.stderr).strip()


def wait_until_ready(environ):
    end = time.monotonic() + READY_SECONDS
    for daemon in DAEMONS:
        url = environ[f"INKAN_HEALTH_{daemon.upper()}"] + "/readyz"
        reason = ""
        while True:
            try:
                with urllib.request.urlopen(url, timeout=5):
                    break
            except urllib.error.HTTPError as error:
                reason = error.read().decode(errors="replace")
            except OSError as error:
                reason = str(error)
            if time.monotonic() > end:
                raise Failure(f"{daemon} is not ready after {READY_SECONDS} s: {reason.strip()}")
            time.sleep(0.1)


class Mailbox:
    """The mails that came since the story began."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.before = set(self.directory.glob("*.eml"))

    def new(self):
        return [(path, email.message_from_bytes(path.read_bytes(), policy=email.policy.default))
                for path in sorted(set(self.directory.glob("*.eml")) - self.before)]

    def wait(self, what, fits):
        """The mail that fits: (path, message)."""
        end = time.monotonic() + MAIL_SECONDS
        while time.monotonic() < end:
            for path, message in self.new():
                if fits(message, text_of(message)):
                    return path, message
            time.sleep(0.1)
        raise Failure(f"no {what} came within {MAIL_SECONDS} s")


def text_of(message):
    return "\n".join(part.get_content() for part in message.walk() if part.get_content_type() == "text/plain")


def goes_to(message, address):
    return address in [a for _, a in email.utils.getaddresses([str(message["To"])])]


class Story:
    def __init__(self, environ, workplace):
        self.environ = environ
        self.workplace = workplace
        register = tomllib.loads((CHECKOUT / "deploy/demo/register.toml").read_text(encoding="utf-8"))
        self.organisation = register["organisation"][0]
        self.registrar = api.Client(environ["INKAN_URL"], environ["INKAN_TLS_CA"], environ["INKAN_REGISTRAR_CERT"],
                                    environ["INKAN_REGISTRAR_KEY"])
        self.public = api.Client(environ["INKAN_PUBLIC_URL"], environ["INKAN_TLS_CA"])
        self.mailbox = Mailbox(environ["INKAN_MAIL_DIR"])
        self.rows = sample.make_rows(self.organisation)

    def send_file(self):
        content = sample.make_file(self.rows)
        path = self.workplace / "sample.tsv"
        path.write_bytes(content)
        say(f"1. The registrar uploads {path} ({len(self.rows)} rows, CP932, {len(content)} bytes)")
        for row in self.rows:
            say(f"     {row.fqdn}  profile {row.profile}  {row.manager} <{row.mail}>")
        return api.upload(self.registrar, "sample.tsv", content)["id"]

    def follow(self, upload_id):
        began = time.monotonic()
        upload, states = api.wait_for_upload(self.registrar, upload_id, ("done", "rejected"), DONE_SECONDS,
                                             time.monotonic)
        say(f"2. Upload {upload_id}: {' → '.join(states)} in {time.monotonic() - began:.1f} s; "
            f"{upload['rows_ok']} of {upload['rows_total']} rows OK")
        for error in upload["errors"]:
            say(f"     {error}")
        for row in upload["rows"]:
            texts = "; ".join(f"{e['code']}:{e['column']},{e['item']},{e['message']}" for e in row["errors"])
            say(f"     row {row['seq']}: {row['result']}  serial {row['serial']}  {texts}")
        check(upload["state"] == "done" and upload["rows_ok"] == len(self.rows), "not every row was issued")
        return {row["seq"]: row["serial"] for row in upload["rows"]}

    def verify_mail(self, path, message):
        signer = self.workplace / "signer.pem"
        openssl("cms", "-verify", "-in", path, "-CAfile", self.environ["INKAN_MAIL_CA"], "-purpose", "smimesign",
                "-signer", signer, "-out", self.workplace / "content.txt", what="the mail's signature does not hold")
        certificate = x509.load_pem_x509_certificate(signer.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        sender = email.utils.parseaddr(str(message["From"]))[1]
        check(sender in names.get_values_for_type(x509.RFC822Name), f"the signer's certificate is not for {sender}")

    def read_issued(self, row):
        path, message = self.mailbox.wait(
            f"issuance notice for {row.fqdn}",
            lambda m, text: goes_to(m, row.mail) and row.fqdn in text and SUBJECT_ISSUED in str(m["Subject"]))
        self.verify_mail(path, message)
        links = re.findall(re.escape(self.environ["INKAN_PUBLIC_URL"]) + r"(/d/[A-Za-z0-9_-]+)", text_of(message))
        check(len(set(links)) == 1, f"{path.name} holds {len(set(links))} links instead of one")
        return links[0]

    def fetch(self, row, link):
        for _ in range(2):
            status, _, page = self.public.request("GET", link)
            check(status == 200 and b"<html" in page, f"GET of the link answered {status} instead of a page")
        status, _, body = self.public.request("POST", link, body=b"")
        check(status == 200, f"POST to the link answered {status}: {body.decode(errors='replace')[:300]}")
        path = self.workplace / f"{row.fqdn}.pem"
        path.write_bytes(body)
        return path

    def verify_certificate(self, row, path, serial):
        chain = pathlib.Path(self.environ["INKAN_ISSUER_CHAIN"]).read_bytes()
        pems = re.findall(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", chain, re.S)
        root = self.workplace / "root.pem"
        root.write_bytes(pems[-1])
        openssl("verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", root, "-untrusted",
                self.environ["INKAN_ISSUER_CHAIN"], "-verify_hostname", row.fqdn, path,
                what=f"the certificate of {row.fqdn} does not verify")
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        check(certificate.public_key().public_bytes(*form) == row.csr.public_key().public_bytes(*form),
              f"{row.fqdn}: the certificate's key is not the CSR's")
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        check(names.get_values_for_type(x509.DNSName) == row.names, f"{row.fqdn}: the names are not those applied for")
        check(str(certificate.serial_number) == str(serial), f"{row.fqdn}: the serial is not the one the API shows")
        return certificate

    def second_use(self, link):
        """410, once the first delivery has been recorded as complete (409 until then)."""
        for _ in range(100):
            status, _, _ = self.public.request("POST", link, body=b"")
            if status != 409:
                break
            time.sleep(0.1)
        check(status == 410, f"the second use of the link answered {status} instead of 410")

    def read_fetched(self, row, serial):
        mail = self.organisation["registrar"][0]["mail"]
        path, message = self.mailbox.wait(
            f"notice of the download of {row.fqdn}",
            lambda m, text: goes_to(m, mail) and str(serial) in text and SUBJECT_FETCHED in str(m["Subject"]))
        self.verify_mail(path, message)
        return mail

    def tell(self):
        serials = self.follow(self.send_file())
        for number, row in enumerate(self.rows, 1):
            serial = serials[number]
            link = self.read_issued(row)
            say(f"3. {row.mail} has a signed mail; its link: {self.environ['INKAN_PUBLIC_URL']}{link}")
            path = self.fetch(row, link)
            certificate = self.verify_certificate(row, path, serial)
            say(f"   fetched {path.name}: {certificate.subject.rfc4514_string()}, "
                f"{certificate.not_valid_before} to {certificate.not_valid_after} UTC, verified against the chain, "
                "key = CSR's key")
            self.second_use(link)
            say("   second use of the link: refused (410)")
            say(f"   {self.read_fetched(row, serial)} was told about the download")
        say(f"{len(self.rows)} of {len(self.rows)} certificates issued, mailed, fetched and verified.")


def main():
    environ = dict(os.environ)
    try:
        wait_until_ready(environ)
        say("The five daemons are ready.")
        with tempfile.TemporaryDirectory(prefix="inkan-story-") as temporary:
            Story(environ, pathlib.Path(environ.get("INKAN_STORY_DIR", temporary))).tell()
    except (Failure, OSError, KeyError, ValueError) as error:
        say(f"THE STORY FAILED: {type(error).__name__ + ': ' if not isinstance(error, Failure) else ''}{error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
