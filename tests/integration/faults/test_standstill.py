"""Whatever stands still is seen: in the readiness of whoever should work it, and in the age that every other daemon shows."""
import signal

import pytest
from inkantest import life
from inkantest.instance import Instance, wait_for
from inkantest.rows import Row, new_name

OLDEST_SECONDS = 2


@pytest.fixture(scope="module")
def strict(scratch):
    """An instance for which two seconds are long."""
    instance = Instance(scratch / "strict", [f"health.oldest={OLDEST_SECONDS}s", "job.lease=1s", "mailer.retry_min=1s", "mailer.retry_max=1s",
                                             "whois.timeout=1s"]).start()
    yield instance
    instance.stop()


@pytest.fixture
def well(strict):
    strict.alive()
    yield strict
    strict.mail_faults("")
    for daemon in ("validator", "whois", "signer", "mailer"):
        strict.kill(daemon, signal.SIGCONT)
    strict.alive()


def age(instance, asked, stage):
    """What a daemon's metrics say of the oldest due job of a stage, in seconds."""
    return max(instance.metric(asked, f'inkan_job_oldest_seconds{{stage="{stage}",state="{state}"}}') for state in ("ready", "leased", "waiting"))


@pytest.mark.parametrize("daemon,stage", [("validator", "check"), ("whois", "ask"), ("signer", "sign"), ("mailer", "send")])
def test_a_stages_worker_is_stopped(well, daemon, stage):
    """It does not answer, the others show the queue's age; woken up, it says itself that a job waited, until it has done it."""
    client = life.Client(well)
    well.kill(daemon, signal.SIGSTOP)
    upload = client.send([Row()])
    wait_for(lambda: age(well, "ingress", stage) > OLDEST_SECONDS, f"the age of {stage}")
    assert well.unready(daemon).startswith("no answer")
    well.kill(daemon, signal.SIGCONT)
    well.alive()
    assert client.end(upload)["state"] == "done"
    life.settle(well)
    life.check(well, client)


def test_a_job_that_nobody_can_take(well):
    """A worker that lives and takes nothing is not ready: its queue's oldest job is too old."""
    client = life.Client(well)
    locked = well.database()
    locked.autocommit = False
    well.kill("validator", signal.SIGSTOP)
    upload = client.send([Row()])
    locked.cursor().execute("SELECT 1 FROM job WHERE upload = %s FOR UPDATE", (int(upload),))
    well.kill("validator", signal.SIGCONT)
    wait_for(lambda: "queue check: a job has been due" in well.unready("validator"), "the readiness of the validator")
    locked.rollback()
    well.alive()
    assert client.end(upload)["state"] == "done"


def test_the_relay_refuses(well):
    client = life.Client(well)
    well.mail_faults("CONNECT 451\n")
    client.apply([Row()], "done")
    wait_for(lambda: "smtp" in well.unready("mailer"), "the readiness of the mailer")
    assert well.metric("mailer", 'inkan_mails_total{outcome="deferred"}') > 0
    well.mail_faults("")
    life.settle(well)
    well.alive()


def test_whois_is_silent(well):
    domains = ("example.ac.jp", "example.jp", "example.ne.jp", "example.org")
    client = life.Client(well)
    before = {domain: well.whois(domain, "#silent\n") for domain in domains}
    try:
        for _ in range(3):
            assert client.end(client.send([Row(new_name(domain)) for domain in domains]))["state"] == "rejected"
        assert "queries to" in well.unready("whois")
        assert well.metric("whois", 'inkan_whois_answers_total{outcome="unreachable"}') >= 12
    finally:
        for domain, answer in before.items():
            well.whois(domain, answer)
    client.apply([Row()], "done")
    well.alive()


def test_nothing_is_sealed(well):
    """Without seals no mail leaves: the signer says so, and the age of the mails' jobs."""
    client = life.Client(well)
    well.query("ALTER TABLE audit_seal ADD CONSTRAINT broken CHECK (number < 0) NOT VALID")
    try:
        client.apply([Row()], "done")
        well.query("INSERT INTO audit_event (kind, at) VALUES ('policy_changed', now() - interval '2 minutes')")
        wait_for(lambda: "audit" in well.unready("signer"), "the readiness of the signer")
        wait_for(lambda: age(well, "ingress", "send") > OLDEST_SECONDS, "the age of the mails")
    finally:
        well.query("ALTER TABLE audit_seal DROP CONSTRAINT broken")
    well.alive()
    life.settle(well)


def test_one_crl_is_not_made(well):
    """A shard's CRL that cannot be stored is tried again and again while the others are made: the signer is not ready."""
    well.query("ALTER TABLE crl ADD CONSTRAINT broken CHECK (shard <> 3 OR number < 0) NOT VALID")

    def told():
        well.query("UPDATE job SET due = clock_timestamp() WHERE stage = 'crl' AND worker IS NULL")
        return "queue crl: a job has failed" in well.unready("signer")
    try:
        wait_for(told, "the readiness of the signer")
        assert well.query("SELECT count(*) FILTER (WHERE failing IS NULL), count(*) FROM job WHERE stage = 'crl'") == [(15, 16)]
    finally:
        well.query("ALTER TABLE crl DROP CONSTRAINT broken")
    well.query("UPDATE job SET due = clock_timestamp(), attempt = 0 WHERE stage = 'crl'")
    well.alive()
