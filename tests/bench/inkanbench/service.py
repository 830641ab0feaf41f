"""Instances of the service, and uploads through them from the first byte sent to the last notice queued or mailed."""
import contextlib
import signal
import time

from inkantest.instance import Instance, wait_for

from .usage import Usage

SETTINGS = ["upload.rows_max=100000", "whois.cache=10min"]
MADE = """SELECT (SELECT count(*) FROM certificate c JOIN application a ON a.id = c.application WHERE a.upload = %(upload)s),
  (SELECT count(*) FROM audit_event WHERE upload = %(upload)s AND kind = 'certificate_issued'),
  (SELECT count(*) FROM notice n JOIN certificate c ON c.id = n.certificate JOIN application a ON a.id = c.application WHERE a.upload = %(upload)s)"""


@contextlib.contextmanager
def running(bench, key="ec:P-256"):
    """A new instance that signs with such a key; the domains of the demonstration's register have been asked for once."""
    instance = Instance(bench.scratch / f"instance-{next(bench.numbers)}", [f"ca.key={key}", *SETTINGS]).start()
    try:
        yield instance
    finally:
        instance.stop()


@contextlib.contextmanager
def mailer_stopped(instance):
    """Mails wait in the database, so that their making and sending do not mix into a figure."""
    instance.kill("mailer", signal.SIGSTOP)
    try:
        yield
    finally:
        instance.kill("mailer", signal.SIGCONT)


def wait_done(registrar, upload):
    state = "received"
    while state not in ("done", "rejected"):
        answer = registrar.get(f"/api/v1/uploads/{upload}", params={"wait": "60", "state": state, "result": "NG"})
        assert answer.status_code == 200, answer.text
        state = answer.json()["state"]
    return answer.json()


def upload(instance, rows, mailed=False, **fields):
    """The seconds and what else one upload took; it must end as it should."""
    usage = Usage(instance)
    begin = time.monotonic()
    answer = instance.registrar.upload(rows.tsv.read_bytes(), **fields)
    assert answer.status_code == 202, answer.text
    identifier = answer.json()["id"]
    found = wait_done(instance.registrar, identifier)
    if mailed:
        wait_for(lambda: mails_sent(instance, identifier) == rows.count, "all mails", 900, 0.2)
    seconds = time.monotonic() - begin
    assert found["state"] == "done" and found["rows_ok"] == rows.count, found
    if not found["dry_run"]:
        with instance.database() as connection, connection.cursor() as cursor:
            cursor.execute(MADE, {"upload": identifier})
            assert cursor.fetchone() == (rows.count,) * 3
    return {"upload": identifier, "rows": rows.count, "seconds": seconds, "rate": rows.count / seconds, **usage.taken()}


def mails_sent(instance, identifier):
    return instance.value("SELECT count(*) FROM notice n JOIN certificate c ON c.id = n.certificate JOIN application a ON a.id = c.application"
                          " WHERE a.upload = %s AND n.state = 'sent'", identifier)


def mails_ended(instance):
    wait_for(lambda: instance.value("SELECT count(*) FROM notice WHERE state = 'queued'") == 0, "the mails before", 1800, 0.5)
