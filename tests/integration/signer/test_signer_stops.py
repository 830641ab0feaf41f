"""The signer by itself, broken off between its two commits and told on the way what may not be signed any more."""
import datetime
import json
import os
import subprocess
import time

import psycopg2
import pytest
from cryptography.x509.oid import ExtensionOID
from inkantest.cluster import TOP
from inkantest.instance import wait_for
from inkantest.signer import Held, recording, set_clock


def voided(cluster, upload):
    """How many intents were taken back, their serials revoked though no certificate has them."""
    return cluster.value("SELECT count(*) FROM revocation r JOIN intent i ON i.serial = r.serial JOIN application a ON"
                         " a.id = i.application WHERE a.upload = %s AND i.voided IS NOT NULL AND r.certificate IS NULL", upload)


def operators_waiting(cluster):
    return cluster.value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LOCK TABLE service%%' AND wait_event_type = 'Lock'")


class Operator:
    """inkanctl, waiting behind the signing in flight."""

    def __init__(self, cluster, *words):
        command = [cluster.build / "services/ctl/inkanctl", "--database", cluster.uri + "&user=inkan_owner", *words]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        wait_for(lambda: operators_waiting(cluster), "the operator waits", interval=0.02)

    def answer(self):
        return json.loads(self.process.communicate(timeout=60)[0])

    def kill(self):
        self.process.kill()
        self.process.wait()


# ---- breaking it between its two commits

def test_killed_between_the_commits_signs_the_same(signer, cluster):
    upload = signer.accept_some(5)
    Held(signer, upload).kill()
    intents = signer.serials(upload, "intent")
    assert len(intents) == 5 and signer.serials(upload) == []
    signer.once()
    signer.check_done(upload, 5)
    assert signer.serials(upload) == intents == signer.serials(upload, "intent")


def test_killed_at_random(signer, cluster):
    upload = signer.accept_some(400, chunk=25)
    for delay in (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4):
        process = signer.background()
        time.sleep(delay)
        process.kill()
        process.wait()
    signer.once()
    signer.check_done(upload, 400)
    assert cluster.value("SELECT count(*) FROM intent i JOIN application a ON a.id = i.application WHERE upload = %s", upload) == 400


def test_two_at_once(signer, cluster):
    upload = signer.accept_some(300, chunk=25)
    processes = [signer.background(f"s{i}", "--once") for i in (1, 2)]
    assert [p.wait(120) for p in processes] == [0, 0]
    signer.check_done(upload, 300)
    assert cluster.value("SELECT count(DISTINCT xid) FROM audit_event WHERE kind = 'certificate_issued' AND upload = %s", upload) == 12


@pytest.mark.parametrize("deed", ["UPDATE domain SET state = 'suspended' WHERE id = 1", "UPDATE organisation SET state = 'closed'",
                                  "UPDATE organisation SET l = 'Minato-ku'"])
def test_permission_withdrawn_between_the_commits(signer, cluster, deed):
    upload = signer.accept_some(2)
    held = Held(signer, upload)
    cluster.query(deed)
    held.go_on()
    wait_for(lambda: cluster.value("SELECT state = 'done' FROM upload WHERE id = %s", upload), "the end")
    serials = signer.serials(upload, "intent")
    shards = [cluster.value("SELECT crl_shard(%s, 16)", s) for s in serials]
    wait_for(lambda: all(signer.crl(shard).get_revoked_certificate_by_serial_number(int.from_bytes(serial, "big"))
                         for serial, shard in zip(serials, shards)), "the CRLs list the voided serials")
    held.stop()
    signer.check_done(upload, 0, 2)
    assert signer.errors(upload) == [("failed", "PERMISSION_WITHDRAWN")] * 2
    assert cluster.value("SELECT count(*) FROM dn_taken d JOIN application a ON a.id = d.application WHERE upload = %s", upload) == 0
    assert cluster.value("SELECT count(*) FROM audit_event WHERE kind = 'intent_voided' AND upload = %s", upload) == 2


def report_of_key(cluster, upload):
    """The words by which an operator reports the key of the upload's first row as compromised."""
    spki = cluster.value("SELECT encode(spki_hash, 'hex') FROM application WHERE upload = %s AND seq = 1", upload)
    return ["key", "block", "--spki", spki, "--reason", "report 17", "--json"]


def block_key(cluster, upload):
    return json.loads(cluster.ctl(*report_of_key(cluster, upload)))


def test_key_reported_before_signing(signer, cluster):
    upload = signer.accept_some(2)
    assert block_key(cluster, upload)["in_flight"] == 1
    signer.once()
    signer.check_done(upload, 1, 1)
    assert signer.errors(upload) == [("failed", "KEY_COMPROMISED")]
    assert len(signer.serials(upload, "intent")) == 1


def test_key_reported_between_the_commits(signer, cluster):
    """The intent stands and is about to be signed: no certificate, and its serial on the CRL."""
    upload = signer.accept_some(2)
    held = Held(signer, upload)
    told = block_key(cluster, upload)
    assert (told["certificates"], told["in_flight"]) == (0, 1)
    held.go_on()
    wait_for(lambda: cluster.value("SELECT state FROM upload WHERE id = %s", upload) == "done", "the end")
    held.stop()
    signer.check_done(upload, 1, 1)
    assert signer.errors(upload) == [("failed", "KEY_COMPROMISED")]
    assert voided(cluster, upload) == 1


def test_key_reported_after_a_death_between_the_commits(signer, cluster):
    """The intent stands and nobody is about to sign it: the next signer does not."""
    upload = signer.accept_some(2)
    Held(signer, upload).kill()
    block_key(cluster, upload)
    signer.once()
    signer.check_done(upload, 1, 1)
    assert signer.errors(upload) == [("failed", "KEY_COMPROMISED")]
    assert voided(cluster, upload) == 1


def test_key_reported_while_it_is_recorded(signer, cluster):
    """T2 is recording: what it records is counted as a certificate."""
    upload = signer.accept_some()
    with recording(signer, upload) as go_on:
        operator = Operator(cluster, *report_of_key(cluster, upload))
        go_on()
        told = operator.answer()
    assert (told["certificates"], told["in_flight"]) == (1, 0)


def test_operator_dies_while_he_waits_for_the_signing(signer, cluster):
    """Nothing is done of what he wanted, and the signing goes on; done again, it is done."""
    upload = signer.accept_some()
    with recording(signer, upload) as go_on:
        Operator(cluster, *report_of_key(cluster, upload)).kill()
        go_on()
        wait_for(lambda: signer.serials(upload), "the certificate")
        wait_for(lambda: not operators_waiting(cluster), "his session has ended")
    assert cluster.value("SELECT blocked FROM key_seen k JOIN application a ON a.id = k.application WHERE a.upload = %s", upload) is False
    told = block_key(cluster, upload)
    assert (told["blocked"], told["certificates"], told["in_flight"]) == (1, 1, 0)


def test_halted_between_the_commits(signer, cluster):
    upload = signer.accept_some(2)
    held = Held(signer, upload)
    cluster.query("UPDATE service SET halted = true")
    held.go_on()
    wait_for(lambda: cluster.value("SELECT token IS NULL FROM job WHERE upload = %s", upload), "given back")
    assert signer.serials(upload) == []
    intents = signer.serials(upload, "intent")
    cluster.query("UPDATE service SET halted = false")
    wait_for(lambda: cluster.value("SELECT state = 'done' FROM upload WHERE id = %s", upload), "the end")
    held.stop()
    signer.check_done(upload, 2)
    assert signer.serials(upload) == intents


def test_halt_waits_for_the_transaction_in_flight(signer, cluster):
    upload = signer.accept_some()
    with recording(signer, upload) as go_on:
        halting = cluster.connect()
        halting.cursor().execute("SET lock_timeout = '300ms'")
        with pytest.raises(psycopg2.errors.LockNotAvailable):
            halting.cursor().execute("UPDATE service SET halted = true")
        go_on()
        halting.cursor().execute("SET lock_timeout = '10s'; UPDATE service SET halted = true")
        assert len(signer.serials(upload)) == 1


# ---- what is not allowed any more

def test_old_intent_is_voided_and_replaced(signer, cluster):
    upload = signer.accept_some()
    Held(signer, upload).kill()
    (old,) = signer.serials(upload, "intent")
    set_clock(cluster, "25 hours")
    signer.once()
    assert cluster.value("SELECT count(*) FROM intent WHERE serial = %s AND voided IS NOT NULL", old) == 1
    assert signer.serials(upload) == [s for s in signer.serials(upload, "intent") if s != old]
    signer.check_done(upload, 1)
    shard = cluster.value("SELECT crl_shard(%s, 16)", old)
    assert signer.crl(shard).get_revoked_certificate_by_serial_number(int.from_bytes(old, "big")) is not None


def test_intent_does_not_cross_a_change_of_validity(signer, cluster):
    """Stated ten minutes before the limit falls from 198 days to 99, signed after it: what today allows."""
    clock = "CREATE OR REPLACE FUNCTION inkan_now() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT {} $$"
    cluster.query(clock.format("timestamptz '2027-03-14 23:50:00+00'"))
    try:
        upload = signer.accept_some()
        Held(signer, upload).kill()
        (old,) = signer.serials(upload, "intent")
        cluster.query(clock.format("timestamptz '2027-03-15 00:00:00+00'"))
        signer.once()
    finally:
        cluster.query(clock.format("now()"))
    (certificate,) = signer.certificates(upload)
    assert old not in signer.serials(upload)
    assert (certificate.not_valid_after - certificate.not_valid_before).total_seconds() == 99 * 86400 - 1


def test_bytes_changed_after_they_were_stated_are_not_signed(signer, cluster):
    """A stored intent that would now give a certificate for code signing (its extKeyUsage changed in the database)."""
    upload = signer.accept_some()
    Held(signer, upload).kill()
    (old,) = signer.serials(upload, "intent")
    server_auth, code_signing = (bytes.fromhex(f"06082b060105050703{last}") for last in ("01", "03"))
    tbs = bytes(cluster.value("SELECT tbs FROM intent WHERE serial = %s", old))
    assert tbs.count(server_auth) == 1
    cluster.query("UPDATE intent SET tbs = %s WHERE serial = %s", tbs.replace(server_auth, code_signing), old)
    signer.once()
    signer.check_done(upload, 1)
    (certificate,) = signer.certificates(upload)
    usage = certificate.extensions.get_extension_for_oid(ExtensionOID.EXTENDED_KEY_USAGE).value
    assert [u.dotted_string for u in usage] == ["1.3.6.1.5.5.7.3.1"] and signer.serials(upload) != [old]


DATES = [("upki-2026", "2026-03-04", 396, 198), ("upki-2026", "2026-03-15", 198, 198),
         ("upki-2026", "2027-03-15", 198, 99), ("upki-2026", "2029-03-15", 99, 46),
         ("upki-2021", "2027-03-15", 396, 396), ("upki-2021", "2029-03-15", 396, 396)]


@pytest.mark.parametrize("policy, date, before, after", DATES)
def test_validity_one_second_before_and_at_each_date(signer, cluster, policy, date, before, after):
    """By the date of issuance; notAfter is inclusive, so that a certificate of N days ends N * 86400 - 1 s after its start."""
    cluster.ctl("policy", "load", TOP / f"deploy/policy/{policy}.conf")
    clock = "CREATE OR REPLACE FUNCTION inkan_now() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT timestamptz '{}' {} $$"
    try:
        for shift, days in (("- interval '1 second'", before), ("", after)):
            cluster.query(clock.format(date + " 00:00:00+00", shift))
            upload = signer.accept_some()
            signer.once()
            (certificate,) = signer.certificates(upload)
            assert (certificate.not_valid_after - certificate.not_valid_before).total_seconds() == days * 86400 - 1
            day = datetime.date.fromisoformat(date) - datetime.timedelta(days=1 if shift else 0)
            assert certificate.not_valid_before.date() == day
    finally:
        set_clock(cluster, "0")


def test_name_outside_the_permitted_domains(signer, cluster):
    upload = signer.accept([["a.example.ac.jp", "b.other.ac.jp"], ["xexample.ac.jp"], ["ok.example.ac.jp"]])
    signer.once()
    signer.check_done(upload, 1, 2)
    assert signer.errors(upload) == [("failed", "PERMISSION_WITHDRAWN")] * 2


def test_policy_changed(signer, cluster):
    upload = signer.accept_some(2)
    cluster.ctl("policy", "load", TOP / "deploy/policy/upki-2021.conf")
    signer.once()
    signer.check_done(upload, 0, 2)
    assert signer.errors(upload) == [("failed", "POLICY_CHANGED")] * 2


def test_halted(signer, cluster):
    upload = signer.accept_some()
    cluster.query("UPDATE service SET halted = true")
    assert "halted" in signer.once()
    assert signer.serials(upload, "intent") == []
    cluster.query("UPDATE service SET halted = false; UPDATE job SET due = now() WHERE upload = %s", upload)
    signer.once()
    signer.check_done(upload, 1)


def test_poison(signer, cluster):
    upload = signer.accept_some(2, chunk=1)
    cluster.query("UPDATE job SET attempt = 3 WHERE upload = %s AND seq_from = 1", upload)
    signer.once()
    signer.check_done(upload, 1, 1)
    assert signer.errors(upload) == [("failed", "ROW_BROKEN")]


@pytest.mark.parametrize("deed", ["UPDATE upload SET state = 'checking' WHERE id = %s", "UPDATE upload SET dry_run = true WHERE id = %s",
                                  "UPDATE application SET state = 'refused' WHERE upload = %s"])
def test_role_cannot_state_what_is_not_decided(signer, cluster, deed):
    upload = signer.accept_some()
    cluster.query(deed, upload)
    connection = cluster.connect("inkan_signer")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="row-level security"):
        connection.cursor().execute("INSERT INTO intent (application, issuer, serial, policy, tbs) SELECT a.id, 1, %s, s.policy, 'x'"
                                    " FROM application a, service s WHERE a.upload = %s", (os.urandom(16), upload))
    connection.close()
    cluster.query("DELETE FROM job WHERE upload = %s", upload)


def test_role_cannot_make_anything_accepted(signer, cluster):
    upload = signer.accept_some()
    cluster.query("UPDATE upload SET state = 'rejected' WHERE id = %s", upload)
    cluster.query("UPDATE application SET state = 'refused' WHERE upload = %s", upload)
    connection = cluster.connect("inkan_signer")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE upload SET state = 'accepted' WHERE id = %s", (upload,))
        assert cursor.rowcount == 0
        cursor.execute("UPDATE application SET state = 'valid' WHERE upload = %s", (upload,))
        assert cursor.rowcount == 0
    connection.close()
    cluster.query("DELETE FROM job WHERE upload = %s", upload)


# ---- campaigns

def campaign(cluster, *words):
    """Executes one; its number."""
    command = ["revoke", "--reason", "4", "--comment", "x", *words, "--json"]
    code = json.loads(cluster.ctl(*command))["code"]
    return json.loads(cluster.ctl(*command, "--execute", code))["campaign"]


def test_campaign_between_the_two_commits(signer, cluster):
    """The intent stands and is about to be signed: no certificate, its serial on the CRL."""
    upload = signer.accept_some(2)
    held = Held(signer, upload)
    name = cluster.value("SELECT cn FROM application WHERE upload = %s AND seq = 1", upload)
    campaign(cluster, "--domain", name)
    held.go_on()
    wait_for(lambda: cluster.value("SELECT state FROM upload WHERE id = %s", upload) == "done", "the end")
    held.stop()
    signer.check_done(upload, 1, 1)
    assert signer.errors(upload) == [("failed", "CAMPAIGN_STOPPED")]
    assert voided(cluster, upload) == 1


def test_campaign_waits_for_the_signing_in_flight(signer, cluster):
    """T2 is recording while the operator selects: what it records is selected as a certificate, nothing is lost between."""
    upload = signer.accept_some()
    name = cluster.value("SELECT cn FROM application WHERE upload = %s", upload)
    command = ["revoke", "--reason", "4", "--comment", "x", "--domain", name, "--json"]
    shown = json.loads(cluster.ctl(*command))
    assert (shown["certificates"], shown["in_flight"]) == (0, 1)
    with recording(signer, upload) as go_on:
        operator = Operator(cluster, *command, "--execute", shown["code"])
        go_on()
        found = operator.answer()
        assert (found["certificates"], found["in_flight"]) == (1, 0), "the code held although the row became a certificate"
        wait_for(lambda: cluster.value("SELECT ended FROM campaign WHERE id = %s", found["campaign"]), "the end")
    assert cluster.value("SELECT count(*) FROM revocation WHERE campaign = %s", found["campaign"]) == 1


def test_campaign_is_fair(signer, cluster):
    """A registrar's own revocation is served after one chunk of the campaign, not after the last."""
    upload = signer.accept_some(300)
    signer.once()
    number = campaign(cluster, "--file", serials_of(signer, cluster, upload))
    cluster.query("WITH whole AS (DELETE FROM job WHERE campaign = %s RETURNING *) INSERT INTO job (stage, turn, organisation, campaign,"
                  " seq_from, seq_to) SELECT 'revoke', n, 0, campaign, n * 30 + 1, n * 30 + 30 FROM (SELECT DISTINCT campaign FROM whole) w,"
                  " generate_series(0, 9) n", number)
    other = cluster.value("INSERT INTO job (stage, turn, organisation, upload, seq_from, seq_to) VALUES ('revoke', job_turn('revoke', 1),"
                          " 1, %s, 1, 1) RETURNING id", upload)
    assert cluster.value("SELECT count(*) FROM job j, job mine WHERE mine.id = %s AND j.stage = 'revoke'"
                         " AND (j.turn, j.id) < (mine.turn, mine.id)", other) == 1
    cluster.query("DELETE FROM job WHERE id = %s", other)
    signer.once()
    assert cluster.query("SELECT open_organisations, ended IS NOT NULL FROM campaign WHERE id = %s", number) == [(0, True)]
    assert cluster.value("SELECT count(*) FROM revocation WHERE campaign = %s", number) == 300
    assert cluster.value("SELECT count(*) FROM job WHERE stage = 'crl' AND due > clock_timestamp() + interval '1 minute'") < 16


def test_chunk_of_a_campaign_that_kills_its_workers_is_split(signer, cluster):
    upload = signer.accept_some(5)
    signer.once()
    number = campaign(cluster, "--file", serials_of(signer, cluster, upload))
    cluster.query("UPDATE job SET attempt = 3, worker = 'x', token = 1 WHERE campaign = %s", number)
    signer.once()
    assert cluster.value("SELECT count(*) FROM revocation WHERE campaign = %s", number) == 5
    assert cluster.value("SELECT ended IS NOT NULL FROM campaign WHERE id = %s", number)


def serials_of(signer, cluster, upload):
    path = cluster.directory / f"serials-{upload}.txt"
    path.write_text("".join(f"0x{serial.hex()}\n" for serial in signer.serials(upload)))
    return path
