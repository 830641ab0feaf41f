"""What a crash, a doubled worker, a late worker, a lost or a forged hint can do: nothing."""
import os
import pathlib
import random
import shutil
import signal
import time

import pytest
import zmq
from cryptography import x509
from inkantest import audit, mails
from inkantest.instance import DAEMONS, Instance, second_worker, wait_for
from inkantest.rows import Manager, Revocation, Row

ROWS = 1000


@pytest.fixture(scope="module")
def fragile(scratch):
    """An instance of this module's own: it is killed all the time."""
    instance = Instance(scratch / "crash", ["upload.rows_max=5000", "mailer.retry_min=1s", "mailer.retry_max=2s"]).start()
    yield instance
    reports = instance.sanitizer_reports()
    instance.stop()
    assert not reports, "\n".join(reports[:20])


def check_everything(instance, upload, rows):
    """The facts at the end, whatever happened on the way."""
    ended = instance.registrar.wait(upload, 300)
    assert ended["state"] == "done" and len(ended["rows"]) == len(rows)
    assert {row["result"] for row in ended["rows"]} == {"OK"}
    number = len(rows)
    certificates = ("FROM certificate c JOIN application a ON a.id = c.application WHERE a.upload = %s", upload)
    assert instance.value("SELECT count(*) " + certificates[0], upload) == number
    assert instance.value("SELECT count(DISTINCT serial) " + certificates[0], upload) == number
    assert instance.value("SELECT count(*) FROM audit_event WHERE kind = 'certificate_issued' AND upload = %s", upload) == number
    assert instance.value("SELECT count(*) FROM audit_event WHERE upload = %s AND kind IN ('upload_received', 'upload_accepted')",
                          upload) == 2
    assert instance.value("SELECT count(*) FROM notice n JOIN certificate c ON c.id = n.certificate"
                          " JOIN application a ON a.id = c.application WHERE n.kind = 'issued' AND a.upload = %s", upload) == number
    wait_for(lambda: instance.value("SELECT count(*) FROM notice WHERE state = 'queued'") == 0, "all mails", 180)
    wait_for(lambda: instance.value("SELECT count(*) FROM job WHERE organisation IS NOT NULL") == 0, "all jobs ended", 60)
    by_name = {}
    for mail in mails.read(instance):
        by_name.setdefault(mail.message_id, set()).add(mail.raw)
    assert all(len(copies) == 1 for copies in by_name.values()), "a mail made again must be the same mail"
    assert audit.troubles(instance.query) == []
    ids = {f"<{i}@" for (i,) in instance.query(
        "SELECT n.message_id::text FROM notice n JOIN certificate c ON c.id = n.certificate"
        " JOIN application a ON a.id = c.application WHERE n.kind = 'issued' AND a.upload = %s", upload)}
    assert len(ids) == number
    assert ids <= {m[: m.index("@") + 1] for m in by_name}, "each notice was delivered"


def send(instance, rows, **kw):
    answer = instance.registrar.upload(b"".join(row.line() for row in rows), **kw)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


@pytest.mark.parametrize("victim", [*DAEMONS, "postgres"])
def test_kill_one(fragile, victim):
    """kill -9 of one daemon, again and again at random moments, while rows are in work."""
    rows = [Row() for _ in range(ROWS // 5)]
    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    upload = send(fragile, rows)
    for _ in range(4):
        time.sleep(chance.uniform(0.02, 0.5))
        fragile.kill(victim)
    fragile.alive()
    check_everything(fragile, upload, rows)


def test_postgres_killed_while_it_makes_its_lock_file(fragile):
    """A postmaster that dies between making the file and writing it: PostgreSQL refuses to start over an empty one."""
    lock = pathlib.Path(fragile.value("SHOW data_directory")) / "postmaster.pid"
    fragile.kill("postgres", signal.SIGINT)
    wait_for(lambda: not lock.exists(), "PostgreSQL stops", interval=0.001)
    lock.touch()
    shutil.chown(lock, "postgres")
    fragile.alive()


def test_postgres_killed_and_one_of_its_processes_stays(fragile):
    """No other postmaster starts beside it: whoever starts PostgreSQL again must end it first, as systemd does."""
    os.kill(fragile.value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'"), signal.SIGSTOP)
    dead = fragile.pid("postgres")
    fragile.kill("postgres")
    wait_for(lambda: fragile.pid("postgres") != dead, "another postmaster")
    fragile.alive()
    rows = [Row()]
    check_everything(fragile, send(fragile, rows), rows)


def test_kill_everything_at_random(fragile):
    rows = [Row() for _ in range(ROWS)]
    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    upload = send(fragile, rows)
    for _ in range(18):
        time.sleep(chance.uniform(0.05, 0.6))
        fragile.kill(chance.choice([*DAEMONS, "postgres"]))
    fragile.alive()
    check_everything(fragile, upload, rows)


def test_kill_while_renewing_revoking_and_reminding(fragile):
    """Renewals, revocations, their CRLs and reminders at once, everything killed at random: each deed once, none missing."""
    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    rows = [Row() for _ in range(200)]
    issued = send(fragile, rows)
    entries = fragile.registrar.wait(issued)["rows"]
    renewed = [Row(row.name, entry["serial"]) for row, entry in zip(rows[:100], entries[:100])]
    revoked = [Revocation(row.dn, entry["serial"], "5") for row, entry in zip(rows[100:], entries[100:])]
    uploads = [send(fragile, renewed, kind="server-renew"), send(fragile, revoked, kind="server-revoke")]
    fragile.query("INSERT INTO reminder (certificate, kind, round, due) SELECT c.id, 'expiring', 2, now() FROM certificate c"
                  " JOIN application a ON a.id = c.application WHERE a.upload = %s AND a.seq <= 100", issued)
    for _ in range(12):
        time.sleep(chance.uniform(0.05, 0.5))
        fragile.kill(chance.choice(["validator", "signer", "mailer", "postgres"]))
    fragile.alive()
    check_everything(fragile, uploads[0], renewed)
    ended = fragile.registrar.wait(uploads[1], 300)
    assert ended["state"] == "done" and ended["rows_ok"] == len(revoked)
    of = " FROM application a JOIN certificate c ON c.id = a.target WHERE a.upload = %s"
    assert fragile.value("SELECT count(*) FROM revocation r JOIN application a ON a.id = r.application WHERE a.upload = %s",
                         uploads[1]) == len(revoked)
    assert fragile.value("SELECT count(*) FROM audit_event WHERE kind = 'certificate_revoked' AND upload = %s", uploads[1]) == len(revoked)
    registrars = fragile.value("SELECT count(DISTINCT mail) FROM registrar WHERE organisation = 1 AND state = 'active'")
    told = "SELECT count(*), count(DISTINCT (n.certificate, n.recipient)) FROM notice n WHERE n.kind = %s AND n.certificate IN (SELECT c.id" + of + ")"
    assert fragile.query(told, "revoked", uploads[1]) == [(len(revoked) * (registrars + 1),) * 2]
    assert fragile.value("SELECT count(*) FROM dn_taken WHERE renewing IS NOT NULL") == 0
    serials = {int(bytes(s).hex(), 16) for (s,) in fragile.query("SELECT c.serial" + of, uploads[1])}
    wait_for(lambda: serials <= {entry.serial_number for (der,) in fragile.query("SELECT der FROM crl")
                                 for entry in x509.load_der_x509_crl(bytes(der))}, "the CRLs", 90, 1)
    fragile.make_due("remind")
    wait_for(lambda: fragile.value("SELECT count(*) FROM reminder WHERE due <= now()") == 0, "the reminders")
    reminded = fragile.query("SELECT count(*), count(DISTINCT application) FROM audit_event WHERE kind = 'reminded'")
    assert reminded == [(100, 100)]


@pytest.mark.parametrize("table", ["job", "schema_migration"])
@pytest.mark.parametrize("daemon", DAEMONS)
def test_database_lost_while_it_starts(fragile, daemon, table):
    """Its connection ends while its statements are prepared, or while it asks for the schema's version: it is up all the same."""
    before = fragile.value("SELECT clock_timestamp()")
    blocker = fragile.database()
    blocker.autocommit = False
    blocker.cursor().execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    try:
        fragile.kill(daemon)
        pids = wait_for(lambda: fragile.query("SELECT pid FROM pg_stat_activity WHERE application_name = %s AND backend_start > %s"
                                              " AND wait_event_type = 'Lock'", daemon, before), "it waits for the lock")
        assert fragile.query("SELECT pg_terminate_backend(pid) FROM unnest(%s) AS pid", [pid for (pid,) in pids]) == [(True,)] * len(pids)
    finally:
        blocker.rollback()
        blocker.close()
    fragile.alive()


def test_kill_in_a_campaign(fragile):
    """Hundreds revoked by the operators, everything killed at random: each certificate once, each told once, none missing."""
    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    rows = [Row(name=f"c{i}.camp{seed}.example.ac.jp") for i in range(600)]
    issued = send(fragile, rows)
    fragile.registrar.wait(issued)
    words = ("revoke", "--reason", "4", "--comment", "crash", "--domain", f"camp{seed}.example.ac.jp")
    campaign = fragile.ctl_json(*words, "--execute", fragile.ctl_json(*words)["code"])["campaign"]
    for _ in range(8):
        time.sleep(chance.uniform(0.02, 0.3))
        fragile.kill(chance.choice(["signer", "signer", "mailer", "postgres"]))
    fragile.alive()
    shown = wait_for(lambda: (lambda s: s["ended"] and s)(fragile.ctl_json("revoke", "show", str(campaign))), "the end", 180)
    assert (shown["revoked"], shown["failed"], shown["revoked_by_others"], shown["open"]) == (600, 0, 0, 0)
    assert fragile.query("SELECT count(*), count(DISTINCT subject) FROM audit_event WHERE kind = 'certificate_revoked'"
                         " AND (detail->>'campaign')::bigint = %s", campaign) == [(600, 600)]
    assert fragile.value("SELECT count(*) FROM audit_event WHERE kind = 'campaign_ended' AND subject = %s", f"campaign {campaign}") == 1
    wait_for(lambda: fragile.value("SELECT count(*) FROM notice WHERE state = 'queued'") == 0, "all mails", 180)
    assert fragile.query("SELECT count(*), count(DISTINCT n.certificate) FROM notice n JOIN campaign_item i ON"
                         " i.certificate = n.certificate WHERE n.kind = 'revoked' AND i.campaign = %s", campaign) == [(600, 600)]
    assert fragile.value("SELECT count(*) FROM notice WHERE campaign = %s", campaign) == fragile.value(
        "SELECT count(DISTINCT mail) FROM registrar WHERE organisation = 1 AND state = 'active'")
    wait_for(lambda: fragile.value("SELECT count(*) FROM job WHERE organisation IS NOT NULL") == 0, "all jobs ended")
    serials = {int(bytes(s).hex(), 16) for (s,) in fragile.query("SELECT serial FROM revocation WHERE campaign = %s", campaign)}
    wait_for(lambda: serials <= {entry.serial_number for (der,) in fragile.query("SELECT der FROM crl")
                                 for entry in x509.load_der_x509_crl(bytes(der))}, "the CRLs", 90, 1)
    wait_for(lambda: fragile.value("SELECT count(*) FROM audit_event WHERE xid >= audit_sealed()") == 0, "the seals")
    assert audit.troubles(fragile.query) == []


def test_kill_the_validator_while_managers_change(fragile):
    """Each certificate's manager changes once, with one event, however often the decision dies."""
    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    rows = [Row() for _ in range(200)]
    entries = fragile.registrar.wait(send(fragile, rows))["rows"]
    changes = [Manager(row.dn, entry["serial"], f"m{n}@example.ac.jp") for n, (row, entry) in enumerate(zip(rows, entries))]
    upload = send(fragile, changes, kind="manager-update")
    for _ in range(6):
        time.sleep(chance.uniform(0.02, 0.4))
        fragile.kill(chance.choice(["validator", "validator", "postgres"]))
    fragile.alive()
    ended = fragile.registrar.wait(upload, 300)
    assert ended["state"] == "done" and ended["rows_ok"] == len(changes)
    now = dict(fragile.query("SELECT c.cn, c.manager_mail FROM certificate c JOIN application a ON a.target = c.id WHERE a.upload = %s",
                             upload))
    assert now == {row.name: change.mail for row, change in zip(rows, changes)}
    told = fragile.query("SELECT count(*), count(DISTINCT application) FROM audit_event WHERE kind = 'manager_changed' AND upload = %s",
                         upload)
    assert told == [(len(changes), len(changes))]
    assert audit.troubles(fragile.query) == []


def test_kill_the_mailer_while_registrars_are_told(fragile):
    """A hundred links nobody used: each registrar is told once of each, however often the mailer dies."""
    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    issued = send(fragile, [Row() for _ in range(100)])
    fragile.registrar.wait(issued)
    of = " IN (SELECT c.id FROM certificate c JOIN application a ON a.id = c.application WHERE a.upload = %s)"
    wait_for(lambda: fragile.value("SELECT count(*) FROM reminder WHERE certificate" + of, issued) == 200, "the reminders")
    fragile.query("UPDATE reminder SET due = now() WHERE kind = 'unfetched' AND certificate" + of, issued)
    fragile.make_due("remind")
    for _ in range(6):
        time.sleep(chance.uniform(0.05, 0.5))
        fragile.kill(chance.choice(["mailer", "mailer", "postgres"]))
    fragile.alive()
    wait_for(lambda: fragile.value("SELECT count(*) FROM reminder WHERE due <= now()") == 0, "all judged")
    wait_for(lambda: fragile.value("SELECT count(*) FROM notice WHERE state = 'queued'") == 0, "all mails", 180)
    registrars = fragile.value("SELECT count(DISTINCT mail) FROM registrar WHERE organisation = 1 AND state = 'active'")
    told = fragile.query("SELECT count(*), count(DISTINCT (certificate, recipient)), count(*) FILTER (WHERE state = 'sent') FROM notice"
                         " WHERE kind = 'unfetched' AND certificate" + of, issued)
    assert told == [(100 * registrars,) * 3]
    by_name = {}
    for mail in mails.read(fragile):
        by_name.setdefault(mail.message_id, set()).add(mail.raw)
    assert all(len(copies) == 1 for copies in by_name.values()), "a mail made again must be the same mail"


def test_link_survives_a_crash_before_the_burn(fragile):
    row = Row(mail="burn@example.ac.jp")
    fragile.registrar.apply([row])
    (mail,) = wait_for(lambda: mails.to(fragile, "burn@example.ac.jp", row.name), "the notice")
    blocker = fragile.database()
    blocker.autocommit = False
    blocker.cursor().execute("LOCK TABLE notice IN SHARE ROW EXCLUSIVE MODE")
    assert fragile.public.post(mail.link()).status_code == 200
    time.sleep(0.5)
    fragile.kill("ingress")
    blocker.rollback()
    fragile.alive()
    state = fragile.value("SELECT l.state FROM link l JOIN certificate c ON c.id = l.certificate WHERE c.cn = %s", row.name)
    assert state == "open"
    assert fragile.public.post(mail.link()).status_code == 409, "nobody knows yet that the delivery is over"
    fragile.query("UPDATE link l SET delivery_until = now() FROM certificate c WHERE c.id = l.certificate AND c.cn = %s", row.name)
    answer = fragile.public.post(mail.link())
    assert answer.status_code == 200 and b"BEGIN CERTIFICATE" in answer.content


def test_two_workers_of_each_stage(fragile):
    others = [second_worker(fragile, d) for d in ("validator", "whois", "signer", "mailer")]
    try:
        time.sleep(1)
        assert all(p.poll() is None for p in others), "the second workers run"
        rows = [Row() for _ in range(ROWS)]
        check_everything(fragile, send(fragile, rows), rows)
    finally:
        for p in others:
            p.terminate()
        for p in others:
            assert p.wait(20) == 0


@pytest.mark.parametrize("daemon", ["validator", "signer", "mailer"])
def test_worker_stopped_past_its_lease(fragile, daemon):
    """SIGSTOP in the middle, another worker takes over, the first wakes up and changes nothing."""
    other = second_worker(fragile, daemon)
    try:
        time.sleep(1)
        rows = [Row() for _ in range(ROWS // 2)]
        upload = send(fragile, rows)
        time.sleep(0.3)
        fragile.kill(daemon, signal.SIGSTOP)
        time.sleep(7)
        fragile.kill(daemon, signal.SIGCONT)
        check_everything(fragile, upload, rows)
    finally:
        other.terminate()
        other.wait(20)


def test_forged_hints_change_nothing(fragile):
    """A sender in the upstream's place: garbage, hints of other stages, hints for jobs that do not exist."""
    before = {d: fragile.pid(d) for d in DAEMONS}
    refused = fragile.metric("validator", "inkan_hints_refused_total")
    words = fragile.config_path().read_text().splitlines()
    senders = next(line.split("=", 1)[1] for line in words if line.strip().startswith("senders")).split()
    base = next(s for s in senders if s.endswith("/ingress"))
    fragile.kill("ingress", signal.SIGSTOP)
    context = zmq.Context()
    push = context.socket(zmq.PUSH)
    push.setsockopt(zmq.LINGER, 0)
    path = base.removeprefix("ipc://") + "/check"
    os.rename(path, path + ".real")
    try:
        push.bind(f"ipc://{path}")
        os.chmod(path, 0o777)
        fragile.kill("validator")  # it connects anew, to us
        time.sleep(1.5)
        genuine = b"IK\x01\x01" + (99999).to_bytes(8, "big") + (5).to_bytes(2, "big") + b"check"
        for message in (b"", b"x" * 400, genuine[:-1], genuine + b"x", b"IK\x02" + genuine[3:], b"IK\x01\x63" + genuine[4:],
                        genuine.replace(b"check", b"decid"), genuine, genuine * 3):
            for _ in range(5):
                try:
                    push.send(message, zmq.DONTWAIT)
                except zmq.Again:
                    time.sleep(0.02)
        time.sleep(1)
    finally:
        push.close()
        context.term()
        if os.path.exists(path):
            os.unlink(path)
        os.rename(path + ".real", path)
        fragile.kill("ingress", signal.SIGCONT)
    fragile.alive()
    assert fragile.metric("validator", "inkan_hints_refused_total") > 0 or refused > 0
    assert all(fragile.pid(d) == before[d] for d in DAEMONS if d != "validator")
    rows = [Row() for _ in range(20)]
    check_everything(fragile, send(fragile, rows), rows)


def test_without_any_hint(scratch):
    """bus.send=false drops every hint: slower, nothing else."""
    instance = Instance(scratch / "nohints", ["bus.send=false", "upload.rows_max=2000"]).start()
    try:
        rows = [Row() for _ in range(200)]
        check_everything(instance, send(instance, rows), rows)
        assert all(instance.metric(d, "inkan_hints_received_total") == 0 for d in DAEMONS)
    finally:
        instance.stop()
