"""inkanctl job: what an operator can do to work that stands still."""
import contextlib
import signal

import pytest
from inkantest.instance import wait_for
from inkantest.rows import Revocation, Row
from inkantest.uploads import issue


@contextlib.contextmanager
def stopped(instance, daemon):
    pid = instance.pid(daemon)
    instance.kill(daemon, signal.SIGSTOP)
    try:
        yield
    finally:
        instance.kill(daemon, signal.SIGCONT)
    assert instance.pid(daemon) == pid


def errors_of(upload):
    return [[error["code"] for error in row["errors"]] for row in upload["rows"]]


def job_of(instance, stage, upload):
    (job,), = wait_for(lambda: instance.query("SELECT id FROM job WHERE stage = %s AND upload = %s", stage, upload), f"the {stage} job")
    return job


def discard(instance, job, reason="試験"):
    done = instance.ctl_json("job", "discard", str(job), "--reason", reason)
    assert done["discarded"] and instance.value(
        "SELECT count(*) FROM audit_event WHERE kind = 'job_discarded' AND (detail->>'job')::bigint = %s"
        " AND detail->>'reason' = %s", job, reason) == 1


def test_discarded_before_it_was_signed(healthy):
    """Accepted, held by a halt, given up: an error in each row, no certificate, the name and the upload free."""
    rows = [Row(), Row()]
    healthy.ctl("halt", "--reason", "test_jobs")
    try:
        upload = healthy.registrar.upload(b"".join(row.line() for row in rows)).json()["id"]
        discard(healthy, job_of(healthy, "sign", upload))
        ended = healthy.registrar.wait(upload)
    finally:
        healthy.ctl("resume")
    assert ended["state"] == "done" and errors_of(ended) == [[944], [944]]
    assert healthy.value("SELECT count(*) FROM certificate c JOIN application a ON a.id = c.application WHERE a.upload = %s", upload) == 0
    again = healthy.registrar.apply([Row(row.name) for row in rows])
    assert again["state"] == "done" and again["rows_ok"] == 2


def test_discarded_before_it_was_checked(healthy):
    with stopped(healthy, "validator"):
        upload = healthy.registrar.upload(Row().line()).json()["id"]
        discard(healthy, job_of(healthy, "check", upload))
    ended = healthy.registrar.wait(upload)
    assert ended["state"] == "rejected" and errors_of(ended) == [[944]]


def test_discarded_before_it_was_revoked(healthy):
    (row, entry), = issue(healthy, Row())
    with stopped(healthy, "signer"):
        upload = healthy.registrar.upload(Revocation(row.dn, entry["serial"], "4").line(), kind="server-revoke").json()["id"]
        discard(healthy, job_of(healthy, "revoke", upload))
    ended = healthy.registrar.wait(upload)
    assert ended["state"] == "done" and errors_of(ended) == [[944]]
    assert healthy.value("SELECT count(*) FROM revocation r JOIN certificate c ON c.id = r.certificate WHERE c.cn = %s", row.name) == 0


@pytest.mark.parametrize("stage", ["crl", "ocsp", "remind"])
def test_periodic_work_cannot_be_discarded(healthy, stage):
    job = healthy.value("SELECT id FROM job WHERE stage = %s ORDER BY id LIMIT 1", stage)
    done = healthy.ctl("job", "discard", str(job), "--reason", "x", check=False)
    assert done.returncode == 4 and "periodic" in done.stderr
    assert healthy.value("SELECT count(*) FROM job WHERE id = %s AND NOT discarded", job) == 1


def test_retry_is_audited(healthy):
    job = healthy.value("UPDATE job SET due = clock_timestamp() + interval '1 hour', attempt = 2, worker = NULL WHERE id ="
                        " (SELECT id FROM job WHERE stage = 'crl' ORDER BY id LIMIT 1) RETURNING id")
    healthy.ctl("job", "retry", str(job))
    wait_for(lambda: healthy.value("SELECT attempt FROM job WHERE id = %s", job) == 0, "the retry")
    assert healthy.value("SELECT count(*) FROM audit_event WHERE kind = 'job_retried' AND (detail->>'job')::bigint = %s", job) == 1
