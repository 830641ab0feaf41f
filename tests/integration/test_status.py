"""inkanctl status: well when all is well; each way of being broken is said, with what to do."""
import contextlib
import json
import signal

import pytest
from inkantest import documents
from inkantest.instance import DAEMONS, Instance, wait_for
from inkantest.rows import Row


def status(inkan, *args):
    done = inkan.ctl(*args, "status", "--json", check=False)
    found = json.loads(done.stdout)
    assert done.returncode == (0 if found["well"] else 1), done.stderr
    return found


def findings(inkan, *args):
    return {f["see"]: f["what"] for f in status(inkan, *args)["findings"]}


@pytest.fixture(scope="module")
def anchors():
    return documents.anchors("docs/operating.md")


@pytest.fixture(scope="module")
def own(scratch):
    """Nobody else makes CAs here that no signer has the key of."""
    instance = Instance(scratch / "status", ["mailer.retry_min=1s", "mailer.retry_max=2s", "mailer.head_to=watch@example.ac.jp"]).start()
    yield instance
    reports = instance.sanitizer_reports()
    instance.stop()
    assert not reports, "\n".join(reports[:20])


@pytest.fixture
def healthy(own):
    own.mail_faults("")
    own.alive()
    return own


@pytest.fixture
def well(healthy):
    """What other tests left behind is older than a day, and no mail waits."""
    wait_for(lambda: healthy.value("SELECT count(*) FROM notice WHERE state = 'queued'") == 0, "mails sent")
    healthy.query("UPDATE notice SET ended = ended - interval '2 days' WHERE state = 'failed'")
    healthy.query("UPDATE whois_answer SET asked = asked - interval '2 days'")
    return healthy


def test_well(well):
    well.registrar.apply([Row()])
    wait_for(lambda: status(well)["well"], "all well")
    found = status(well)
    assert [d["daemon"] for d in found["daemons"]] == list(DAEMONS)
    assert {c["certificate"] for c in found["certificates"]} == {"tls", "smime"}
    assert found["issuers"][0]["active"] and found["issuers"][0]["crl_left_sec"] > 0
    assert found["whois"][0]["last"] == "found" and found["audit"]["seal"] > 0
    wait_for(lambda: status(well)["audit"]["head"], "a head has left", 90)
    shown = well.ctl("status").stdout
    assert shown.endswith("\nAll is well.\n") and len(shown.splitlines()) <= 24
    assert "check 0" in shown and "signing      on" in shown


def test_a_drill_is_remembered(well):
    well.ctl("database", "drill", "--comment", "base backup of 3 April, 14 minutes")
    assert "tried " in well.ctl("status").stdout
    assert status(well)["audit"]["drill"] == "base backup of 3 April, 14 minutes"


@contextlib.contextmanager
def stopped(inkan, daemon):
    inkan.kill(daemon, signal.SIGSTOP)
    try:
        yield
    finally:
        inkan.kill(daemon, signal.SIGCONT)


def test_a_daemon_that_does_not_answer(well, anchors):
    with stopped(well, "whois"):
        found = findings(well)
    assert "whois is not ready" in found["a-daemon-is-not-ready"] and set(found) <= anchors


def test_halt(well, anchors):
    well.ctl("halt", "--reason", "key ceremony")
    try:
        found = findings(well)
    finally:
        well.ctl("resume")
    assert found["signing-is-halted"] == "signing is halted: key ceremony" and set(found) <= anchors


def test_the_database_is_away(well, anchors):
    found = findings(well, "--database", "postgresql:///inkan?host=/nonexistent")
    assert set(found) == {"the-database-cannot-be-reached"} and set(found) <= anchors


def test_whois_fails(well, anchors):
    before = well.whois("example.ac.jp", "#reset\n")
    try:
        well.registrar.apply([Row()], on_error="skip")
        found = findings(well)
    finally:
        well.whois("example.ac.jp", before)
    assert "did not answer" in found["whois-does-not-answer"] and set(found) <= anchors
    well.registrar.apply([Row()])
    assert "whois-does-not-answer" not in findings(well)


def test_mails_are_refused_or_wait(well, anchors):
    row = Row()
    well.mail_faults("* 550\n")
    well.registrar.apply([row])
    wait_for(lambda: "mails-are-refused" in findings(well), "refusal said")
    found = findings(well)
    assert "550" in found["mails-are-refused"] and set(found) <= anchors
    well.mail_faults("* 451\n")
    well.registrar.apply([Row()])
    wait_for(lambda: well.value("SELECT count(*) FROM notice WHERE state = 'queued' AND attempts > 0") > 0, "a deferral")
    well.query("UPDATE notice SET dated = dated - interval '20 minutes' WHERE state = 'queued'")
    found = findings(well)
    well.mail_faults("")
    assert "451" in found["mails-wait"] and "20 min" in found["mails-wait"] and set(found) <= anchors


def test_an_old_crl(well, anchors):
    (before,), = well.query("SELECT next_update FROM crl WHERE issuer = 1 AND shard = 0")
    well.query("UPDATE crl SET next_update = now() - interval '1 hour' WHERE issuer = 1 AND shard = 0")
    try:
        found = findings(well)
        ends = well.metric("signer", 'inkan_crl_next_update_timestamp_seconds{issuer="1"}')
    finally:
        well.query("UPDATE crl SET next_update = %s WHERE issuer = 1 AND shard = 0", before)
    assert "a CRL ended 1 h" in found["a-crl-is-old"] and set(found) <= anchors
    assert ends < before.timestamp() - 86400


def test_a_queue_that_stands_still(well, anchors):
    well.query("INSERT INTO job (stage, subject, due) VALUES ('crl', '99-0', now() - interval '1 hour')")
    try:
        with stopped(well, "signer"):
            well.query("UPDATE job SET due = now() - interval '1 hour', token = NULL, worker = NULL WHERE subject = '99-0'")
            found = findings(well)
    finally:
        well.query("DELETE FROM job WHERE subject = '99-0'")
    assert found["a-queue-stands-still"].startswith("the queue crl stands still: a job has been due for 1 h")
    assert set(found) <= anchors
