"""One of everything the service does, by clients that go on through failures: what a fault harness runs, and what it waits for after."""
import pathlib
import secrets
import time

import requests
from cryptography import x509

from . import checker, mails
from .instance import wait_for
from .rows import Manager, Revocation, Row, new_name

PATIENCE_SECONDS = 300
PASSING = (429, 500, 503)


class Client:
    """A registrar who asks again: with an Idempotency-Key, so that nothing is done twice."""

    def __init__(self, instance, registrar=None):
        self.instance = instance
        self.registrar = registrar or instance.registrar
        self.received = {}  # upload id → the file: what was acknowledged must be kept

    def ask(self, what, question, good=(200, 202)):
        """The first answer that is not a passing failure."""
        end = time.monotonic() + PATIENCE_SECONDS
        last = None
        while time.monotonic() < end:
            try:
                last = question()
                if last.status_code in good:
                    return last
                assert last.status_code in PASSING, f"{what}: {last.status_code} {last.text}"
                last = f"{last.status_code} {last.text}"
            except requests.RequestException as error:
                last = error
            time.sleep(0.1)
        raise AssertionError(f"{what}: {last}")

    def send(self, rows, **kw):
        body = b"".join(row.line() for row in rows)
        headers = {"Idempotency-Key": secrets.token_hex(12)}
        upload = self.ask("the upload", lambda: self.registrar.upload(body, headers=headers, **kw)).json()["id"]
        self.received[upload] = body
        return upload

    def end(self, upload):
        """The upload when it has ended."""
        def look():
            found = self.ask("the upload's state", lambda: self.registrar.get(f"/api/v1/uploads/{upload}")).json()
            return found["state"] in ("done", "rejected") and found
        return wait_for(look, f"the end of upload {upload}", PATIENCE_SECONDS, 0.2)

    def apply(self, rows, state, **kw):
        upload = self.end(self.send(rows, **kw))
        assert upload["state"] == state, upload
        return upload

    def fetch(self, row):
        """The manager takes the newest certificate of a name; asks until the link is used."""
        def link():
            found = [m for m in mails.to(self.instance, row.mail, row.name) if "受付通知" in m.subject]
            return found and found[-1].link()
        url = wait_for(link, f"the link for {row.name}", PATIENCE_SECONDS)
        end = time.monotonic() + PATIENCE_SECONDS
        delivered = 0
        while time.monotonic() < end:
            try:
                answer = self.instance.public.post(url, timeout=60)
            except requests.RequestException:
                continue
            assert answer.status_code in (200, 409, 410, *PASSING), answer.text
            delivered += answer.status_code == 200
            if answer.status_code == 409:  # its delivery could not be recorded: not for the lease of a minute
                self.instance.query("UPDATE link SET delivery_until = now() WHERE delivery_until > now()")
            if answer.status_code == 410:
                assert delivered, "used, and nobody got it"
                return
            time.sleep(0.1)
        raise AssertionError(f"{row.name}: the link is still not used")


def live(instance, client):
    """Every kind of file, every stage, every kind of notice, on a few rows."""
    mark = secrets.token_hex(4)
    rows = [Row(mail=f"m{i}-{mark}@example.ac.jp") for i in range(4)] + [Row(name=f"c{mark}.camp{mark}.example.ac.jp")]
    client.apply([Row()], "done", dry_run="true")
    client.apply([Row(), Row(organisation={"O": "Other", "L": "Chiyoda-ku", "ST": "Tokyo", "C": "JP"})], "rejected")
    entries = {}
    issued = client.send([*rows, Row(dns_names="nonsense")], on_error="skip")
    withdraw(instance, client, mark)
    for entry in client.end(issued)["rows"]:
        entries[entry["seq"]] = entry
    assert [entries[n]["result"] for n in range(1, 7)] == ["OK"] * 5 + ["NG"], entries
    client.fetch(rows[0])
    application = entries[2]["application"]
    client.ask("the link again", lambda: instance.registrar.post(f"/api/v1/links/{application}/resend"))
    renewed = Row(rows[0].name, entries[1]["serial"], mail=f"r-{mark}@example.ac.jp")
    uploads = [client.send([renewed], kind="server-renew"),
               client.send([Revocation(rows[2].dn, entries[3]["serial"], "5")], kind="server-revoke"),
               client.send([Manager(rows[3].dn, entries[4]["serial"], f"new-{mark}@example.ac.jp")], kind="manager-update")]
    assert [client.end(upload)["state"] for upload in uploads] == ["done"] * 3
    client.fetch(renewed)
    words = ("revoke", "--reason", "4", "--comment", "faults", "--domain", f"camp{mark}.example.ac.jp")
    instance.ctl(*words, "--execute", instance.ctl_json(*words)["code"])
    instance.query("UPDATE reminder SET due = now()")
    instance.query("UPDATE job SET due = now() WHERE stage IN ('remind', 'head')")


def withdraw(instance, client, mark):
    """A row whose domain is suspended between its acceptance and its signature, and one with an intent that a signer left yesterday."""
    instance.ctl("halt", "--reason", "faults")
    rows = [Row(new_name("example.ne.jp"), mail=f"w-{mark}@example.ne.jp"), Row(mail=f"v-{mark}@example.ac.jp")]
    upload = client.send(rows)
    wait_for(lambda: instance.value("SELECT state FROM upload WHERE id = %s", int(upload)) == "accepted", "the decision", PATIENCE_SECONDS)
    instance.query("UPDATE domain SET state = 'suspended' WHERE name = 'example.ne.jp'")
    instance.query("INSERT INTO intent (application, issuer, serial, policy, tbs, created, lint) SELECT a.id, i.id,"
                   " set_bit(decode(md5(a.id::text), 'hex'), 7, 0), s.policy, 'x', now() - interval '25 h', 'x'"
                   " FROM application a, issuer i, service s WHERE i.active AND a.upload = %s AND a.seq = 2", int(upload))
    instance.ctl("resume")
    assert client.end(upload)["rows_ng"] == 1
    instance.query("UPDATE domain SET state = 'permitted' WHERE name = 'example.ne.jp'")


def settle(instance, patience=PATIENCE_SECONDS):
    """Waits until nothing is left to do."""
    for what, sql in (("the jobs", "SELECT id, stage, attempt, worker FROM job WHERE organisation IS NOT NULL"),
                      ("the notices", "SELECT id, kind, reply FROM notice WHERE state = 'queued'"),
                      ("the reminders", "SELECT certificate, kind FROM reminder WHERE due <= now()"),
                      ("the words", "SELECT certificate FROM certificate_words_due"),
                      ("the seals", "SELECT id FROM audit_event WHERE xid >= audit_sealed()")):
        wait_for(lambda s=sql: not instance.query(s), what, patience, 0.2)
    wait_for(lambda: revoked(instance) <= listed(instance), "the CRLs", patience, 0.5)


def revoked(instance):
    return {int(bytes(serial).hex(), 16) for (serial,) in instance.query("SELECT serial FROM revocation")}


def listed(instance):
    return {entry.serial_number for (der,) in instance.query("SELECT der FROM crl") for entry in x509.load_der_x509_crl(bytes(der))}


def check(instance, *clients):
    """Everything is as it was promised."""
    received = {upload: body for client in clients for upload, body in client.received.items()}
    found = checker.troubles(instance.query, instance.mails().values(), received)
    assert not found, "\n".join(found)
    reports = instance.sanitizer_reports()
    assert not reports, "\n".join(reports[:20])


def new_log(path, position):
    """What was written to a log since the position, and the next position."""
    with open(pathlib.Path(path), "rb") as file:
        file.seek(position)
        text = file.read()
    whole = text.rfind(b"\n") + 1
    return text[:whole].decode(errors="replace"), position + whole
