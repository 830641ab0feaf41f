"""The signer by itself on a database of its own: what it issues, and what it refuses when things change or break on the way."""
import collections
import concurrent.futures
import datetime
import json
import os
import pathlib
import signal
import subprocess
import time

import psycopg2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtensionOID
from inkantest import audit
from inkantest.cluster import POSTGRES, TOP, Cluster, run
from inkantest.instance import wait_for
from inkantest.signer import DER, KEYS, SPKI, Signer, openssl, verify_with_openssl

DAYS = 198


@pytest.fixture(scope="module")
def cluster(scratch):
    made = Cluster(scratch / "sg", os.environ["INKAN_BUILD"])
    yield made
    made.stop()


@pytest.fixture(scope="module")
def signer(cluster):
    return Signer(cluster)


@pytest.fixture(autouse=True)
def as_it_was(request):
    yield
    if "signer" in request.fixturenames:
        cluster = request.getfixturevalue("cluster")
        request.getfixturevalue("signer").end()
        cluster.query("UPDATE service SET halted = false, policy = (SELECT hash FROM policy WHERE name = 'upki-2026')")
        cluster.query("UPDATE domain SET state = 'permitted'; UPDATE organisation SET state = 'active', l = 'Chiyoda-ku'")
        set_clock(cluster, "0")


def set_clock(cluster, ahead):
    cluster.query("CREATE OR REPLACE FUNCTION inkan_now() RETURNS timestamptz LANGUAGE sql STABLE AS"
                  f" $$ SELECT now() + interval '{ahead}' $$")


class Held:
    """A running signer stopped between its two commits: the intents stand, and the job's row is locked by us."""

    def __init__(self, signer, upload):
        self.signer, self.cluster = signer, signer.cluster
        gate, self.job = (self.cluster.connect(autocommit=False) for _ in range(2))
        gate.cursor().execute("SELECT id FROM organisation WHERE id = 1 FOR UPDATE")
        self.process = signer.background()
        signer.wait_for_lock()
        self.job.cursor().execute("SELECT id FROM job WHERE stage = 'sign' AND upload = %s FOR SHARE", (upload,))
        gate.rollback()
        wait_for(lambda: signer.serials(upload, "intent"), "T1 has committed", interval=0.02)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.job.rollback()

    def go_on(self):
        self.job.rollback()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0


def distribution_point(certificate):
    (point,) = certificate.extensions.get_extension_for_oid(ExtensionOID.CRL_DISTRIBUTION_POINTS).value
    (name,) = point.full_name
    return name.value


# ---- what is issued

def test_issues(signer, cluster, tmp_path):
    several = [f"n{i}.example.ac.jp" for i in range(8)] + ["example.ac.jp"]
    upload = signer.accept([["www.example.ac.jp"], ["ec.example.ac.jp", "alt.example.ac.jp"], several])
    signer.once()
    signer.check_done(upload, 3)
    certificates = signer.certificates(upload)
    issuing = x509.load_pem_x509_certificate((cluster.ca / "issuing.pem").read_bytes())
    for certificate, names, profile in zip(certificates, [["www.example.ac.jp"], ["ec.example.ac.jp", "alt.example.ac.jp"],
                                                          several], (3, 11, 3)):
        assert certificate.issuer.public_bytes() == issuing.subject.public_bytes()
        assert certificate.subject.rfc4514_string() == f"CN={names[0]},O=testkikan,L=Chiyoda-ku,ST=Tokyo,C=JP"
        extension = {e.oid: e for e in certificate.extensions}
        assert extension[ExtensionOID.SUBJECT_ALTERNATIVE_NAME].value.get_values_for_type(x509.DNSName) == names
        assert (certificate.not_valid_after - certificate.not_valid_before).total_seconds() == DAYS * 86400 - 1
        assert certificate.public_key().public_bytes(DER, SPKI) == KEYS[profile].public_bytes(DER, SPKI)
        usage = extension[ExtensionOID.KEY_USAGE]
        assert usage.critical and usage.value.digital_signature and usage.value.key_encipherment == (profile == 3)
        assert [p.policy_identifier.dotted_string for p in extension[ExtensionOID.CERTIFICATE_POLICIES].value] == ["2.23.140.1.2.2"]
        assert {e.oid for e in certificate.extensions if e.critical} == {ExtensionOID.KEY_USAGE}
        assert len(extension) == 7
        assert [d.access_location.value for d in extension[ExtensionOID.AUTHORITY_INFORMATION_ACCESS].value] == [
            "http://pki.example.jp/ocsp", "http://pki.example.jp/ca/1.cer"]
    verify_with_openssl(cluster, certificates, tmp_path)


def test_shard_of_each_certificate_is_the_databases(signer, cluster):
    upload = signer.accept_some(100)
    signer.once()
    shards = cluster.query("SELECT crl_shard(c.serial, i.crl_shards) FROM certificate c JOIN issuer i ON i.id = c.issuer JOIN"
                           " application a ON a.id = c.application WHERE a.upload = %s ORDER BY a.seq", upload)
    points = [distribution_point(c) for c in signer.certificates(upload)]
    assert points == [f"http://pki.example.jp/crl/1-{shard}.crl" for (shard,) in shards]
    assert len(set(points)) > 8


def test_serials_are_random(signer, cluster):
    upload = signer.accept_some(200)
    signer.once()
    serials = signer.serials(upload)
    assert all(len(s) == 16 and s[0] < 0x80 for s in serials)
    ones = sum(int.from_bytes(s, "big").bit_count() for s in serials)
    assert abs(ones - 200 * 63.5) < 6 * (200 * 127 / 4) ** 0.5


# ---- CRLs

def test_empty_crls_from_the_first_day(signer, cluster, tmp_path):
    signer.once()
    assert cluster.value("SELECT count(*) FROM crl") == 16
    issuing = x509.load_pem_x509_certificate((cluster.ca / "issuing.pem").read_bytes())
    key = issuing.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_KEY_IDENTIFIER).value.digest
    for shard in range(16):
        crl = signer.crl(shard)
        assert crl.is_signature_valid(issuing.public_key()) and crl.issuer == issuing.subject
        point = crl.extensions.get_extension_for_oid(ExtensionOID.ISSUING_DISTRIBUTION_POINT)
        assert point.critical and point.value.full_name[0].value == f"http://pki.example.jp/crl/1-{shard}.crl"
        assert crl.extensions.get_extension_for_oid(ExtensionOID.AUTHORITY_KEY_IDENTIFIER).value.key_identifier == key
        assert (crl.next_update - crl.last_update).days == 7
    upload = signer.accept_some()
    signer.once()
    (certificate,) = signer.certificates(upload)
    shard = int(distribution_point(certificate).rpartition("-")[2].partition(".")[0])
    verify_with_openssl(cluster, [certificate], tmp_path, signer.crl(shard))


def test_revoked_serial_is_listed_and_numbers_rise(signer, cluster, tmp_path):
    upload = signer.accept_some()
    signer.once()
    (certificate,) = signer.certificates(upload)
    (serial,) = signer.serials(upload)
    shard = cluster.value("SELECT crl_shard(%s, 16)", serial)
    before = signer.crl(shard).extensions.get_extension_for_oid(ExtensionOID.CRL_NUMBER).value.crl_number
    cluster.query("INSERT INTO revocation (issuer, serial, shard, reason) VALUES (1, %s, %s, 4)", serial, shard)
    cluster.query("UPDATE job SET due = clock_timestamp() WHERE stage = 'crl' AND subject = %s", f"1-{shard}")
    signer.once()
    crl = signer.crl(shard)
    assert crl.extensions.get_extension_for_oid(ExtensionOID.CRL_NUMBER).value.crl_number > before
    entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
    assert entry.extensions.get_extension_for_oid(x509.CRLEntryExtensionOID.CRL_REASON).value.reason == x509.ReasonFlags.superseded
    with pytest.raises(AssertionError, match="certificate revoked"):
        verify_with_openssl(cluster, [certificate], tmp_path, crl)
    assert cluster.value("SELECT count(*) FROM job WHERE stage = 'crl' AND token IS NULL AND due > now() + interval '23 hours'") == 16


def test_crl_longer_than_a_page(signer, cluster, tmp_path):
    """More entries than one query reads, of every reason: all listed once, and other readers take it."""
    count, shard = 12001, 7
    cluster.query("INSERT INTO revocation (issuer, serial, shard, reason, revoked) SELECT 1,"
                  " decode(lpad(to_hex(n), 28, '0') || '0007', 'hex'), 7, (ARRAY[0, 1, 3, 4, 5])[1 + n %% 5], now()"
                  " FROM generate_series(1, %s) AS n", count)
    try:
        cluster.query("UPDATE job SET due = clock_timestamp() WHERE stage = 'crl' AND subject = %s", f"1-{shard}")
        signer.once()
        crl = signer.crl(shard)
        serials = [entry.serial_number for entry in crl]
        assert len(serials) == len(set(serials)) == cluster.value("SELECT count(*) FROM revocation WHERE shard = 7")
        reasons = collections.Counter(entry.extensions[0].value.reason.name if len(entry.extensions) else "unspecified" for entry in crl)
        assert set(reasons) >= {"unspecified", "key_compromise", "affiliation_changed", "superseded", "cessation_of_operation"}
        path = tmp_path / "long.crl"
        path.write_bytes(crl.public_bytes(serialization.Encoding.PEM))
        done = subprocess.run(["openssl", "crl", "-in", path, "-CAfile", cluster.ca / "issuing.pem", "-noout", "-verify"],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0 and "verify OK" in done.stderr
    finally:
        cluster.query("DELETE FROM revocation WHERE shard = 7 AND serial < decode(lpad('ffffff', 28, '0') || '0007', 'hex')")


def number_of(signer, shard):
    return signer.crl(shard).extensions.get_extension_for_oid(ExtensionOID.CRL_NUMBER).value.crl_number


def test_crl_job_is_tried_for_ever(signer, cluster):
    """However often its workers died: there is no other end for it than a CRL."""
    signer.once()
    before = number_of(signer, 3)
    cluster.query("UPDATE job SET attempt = 9, due = clock_timestamp() WHERE stage = 'crl' AND subject = '1-3'")
    signer.once()
    assert number_of(signer, 3) > before
    assert cluster.value("SELECT attempt FROM job WHERE stage = 'crl' AND subject = '1-3'") == 0


def test_crls_of_an_issuer_that_signs_no_longer(signer, cluster):
    """Its certificates live on: the signer that has its key goes on publishing."""
    signer.once()
    before = number_of(signer, 5)
    cluster.ctl("ca", "init", "--directory", cluster.directory / "ca2", "--name", "Second CA", "--key", "rsa:2048", "--shards", "2")
    try:
        cluster.ctl("ca", "activate", "2")
        cluster.query("UPDATE job SET due = clock_timestamp() WHERE stage = 'crl'")
        upload = signer.accept_some()
        signer.once()
        assert number_of(signer, 5) > before
        assert signer.serials(upload) == [], "and signs no certificate"
    finally:
        cluster.ctl("ca", "activate", "1")
    cluster.query("UPDATE job SET due = clock_timestamp() WHERE upload = %s", upload)
    signer.once()
    signer.check_done(upload, 1)


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


def block_keys(cluster, upload):
    """Reports the key of the upload's first row as compromised, as an operator does."""
    spki = cluster.value("SELECT encode(spki_hash, 'hex') FROM application WHERE upload = %s AND seq = 1", upload)
    return json.loads(cluster.ctl("key", "block", "--spki", spki, "--reason", "report 17", "--json"))


def test_key_reported_before_signing(signer, cluster):
    upload = signer.accept_some(2)
    assert block_keys(cluster, upload)["in_flight"] == 1
    signer.once()
    signer.check_done(upload, 1, 1)
    assert signer.errors(upload) == [("failed", "KEY_COMPROMISED")]
    assert len(signer.serials(upload, "intent")) == 1


def test_key_reported_between_the_commits(signer, cluster):
    """The intent stands and is about to be signed: no certificate, and its serial on the CRL."""
    upload = signer.accept_some(2)
    held = Held(signer, upload)
    told = block_keys(cluster, upload)
    assert (told["certificates"], told["in_flight"]) == (0, 1)
    held.go_on()
    wait_for(lambda: cluster.value("SELECT state FROM upload WHERE id = %s", upload) == "done", "the end")
    held.stop()
    signer.check_done(upload, 1, 1)
    assert signer.errors(upload) == [("failed", "KEY_COMPROMISED")]
    assert cluster.value("SELECT count(*) FROM revocation r JOIN intent i ON i.serial = r.serial JOIN application a ON"
                         " a.id = i.application WHERE a.upload = %s AND i.voided IS NOT NULL AND r.certificate IS NULL", upload) == 1


def test_key_reported_while_it_is_recorded(signer, cluster):
    """T2 is recording: what it records is counted as a certificate."""
    upload = signer.accept_some()
    lock = cluster.connect(autocommit=False)
    lock.cursor().execute("SELECT id FROM upload WHERE id = %s FOR NO KEY UPDATE", (upload,))
    process = signer.background()
    signer.wait_for_lock()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        told = pool.submit(block_keys, cluster, upload)
        wait_for(lambda: cluster.value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LOCK TABLE service%%'"
                                       " AND wait_event_type = 'Lock'"), "the operator waits", interval=0.02)
        lock.rollback()
        assert (told.result(60)["certificates"], told.result()["in_flight"]) == (1, 0)
    process.terminate()
    assert process.wait(30) == 0


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
    lock = cluster.connect(autocommit=False)
    lock.cursor().execute("SELECT id FROM upload WHERE id = %s FOR NO KEY UPDATE", (upload,))
    process = signer.background()
    signer.wait_for_lock()
    halting = cluster.connect()
    halting.cursor().execute("SET lock_timeout = '300ms'")
    with pytest.raises(psycopg2.errors.LockNotAvailable):
        halting.cursor().execute("UPDATE service SET halted = true")
    lock.rollback()
    halting.cursor().execute("SET lock_timeout = '10s'; UPDATE service SET halted = true")
    assert len(signer.serials(upload)) == 1
    process.terminate()
    assert process.wait(30) == 0


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
    cluster.ctl("policy", "load", pathlib.Path(__file__).parents[2] / f"deploy/policy/{policy}.conf")
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
    cluster.ctl("policy", "load", pathlib.Path(__file__).parents[2] / "deploy/policy/upki-2021.conf")
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
    assert cluster.value("SELECT count(*) FROM revocation r JOIN intent i ON i.serial = r.serial JOIN application a ON"
                         " a.id = i.application WHERE a.upload = %s AND i.voided IS NOT NULL AND r.certificate IS NULL", upload) == 1


def test_campaign_waits_for_the_signing_in_flight(signer, cluster):
    """T2 is recording while the operator selects: what it records is selected as a certificate, nothing is lost between."""
    upload = signer.accept_some()
    name = cluster.value("SELECT cn FROM application WHERE upload = %s", upload)
    command = ["revoke", "--reason", "4", "--comment", "x", "--domain", name, "--json"]
    shown = json.loads(cluster.ctl(*command))
    assert (shown["certificates"], shown["in_flight"]) == (0, 1)
    lock = cluster.connect(autocommit=False)
    lock.cursor().execute("SELECT id FROM upload WHERE id = %s FOR NO KEY UPDATE", (upload,))
    process = signer.background()
    signer.wait_for_lock()
    words = [cluster.build / "services/ctl/inkanctl", "--database", cluster.uri + "&user=inkan_owner", *command, "--execute", shown["code"]]
    operator = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    wait_for(lambda: cluster.value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LOCK TABLE service%%'"
                                   " AND wait_event_type = 'Lock'"), "the operator waits", interval=0.02)
    lock.rollback()
    found = json.loads(operator.communicate(timeout=60)[0])
    assert (found["certificates"], found["in_flight"]) == (1, 0), "the code held although the row became a certificate"
    wait_for(lambda: cluster.value("SELECT ended FROM campaign WHERE id = %s", found["campaign"]), "the end")
    process.terminate()
    assert process.wait(30) == 0
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


# ---- the audit's seals

def test_seals(signer, cluster):
    signer.accept_some(30, chunk=5)
    signer.once()
    seals = cluster.query("SELECT number, events FROM audit_seal ORDER BY number")
    assert [number for number, _ in seals] == list(range(1, len(seals) + 1))
    assert sum(events for _, events in seals) == cluster.value("SELECT count(*) FROM audit_event WHERE xid < audit_sealed()")
    assert cluster.value("SELECT count(*) FROM audit_event WHERE xid >= audit_sealed()") == 0
    cluster.ctl("audit", "verify")


def test_unfinished_transaction_is_not_sealed(signer, cluster):
    late = cluster.connect(autocommit=False)
    late.cursor().execute("INSERT INTO audit_event (kind) VALUES ('resumed')")
    upload = signer.accept_some()
    signer.once()
    assert cluster.value("SELECT count(*) FROM audit_event WHERE xid >= audit_sealed() AND upload = %s", upload) == 1
    late.commit()
    signer.once()
    assert cluster.value("SELECT count(*) FROM audit_event WHERE xid >= audit_sealed()") == 0
    cluster.ctl("audit", "verify")


# ---- keys

def test_key_that_others_can_read(signer, cluster):
    key = cluster.directory / "issuing.key.pem"
    key.chmod(0o640)
    try:
        assert "only this user can read" in signer.once(78)
    finally:
        key.chmod(0o600)


def test_wrong_key_signs_nothing_and_says_so(signer, cluster):
    upload = signer.accept_some()
    other = cluster.directory / "other.key.pem"
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", other)
    cluster.give(other, 0o600)
    settings = signer.settings
    signer.settings = {"signer": {**settings["signer"], "key": f"file:{other}"}}
    try:
        assert "not the key of the issuing CA" in signer.once()
    finally:
        signer.settings = settings
    assert signer.serials(upload, "intent") == []
    cluster.query("UPDATE job SET due = now() WHERE upload = %s", upload)
    signer.once()
    signer.check_done(upload, 1)


def test_restore_from_a_dump(signer, cluster, scratch):
    """
    In the middle of work, into a cluster that numbers transactions anew: nothing is decided, sealed or mailed until the epoch is
    opened; then the work goes on and all verifies, what was not sealed at the dump's time too.
    """
    cluster.query("CREATE TEMPORARY TABLE burnt (i integer); DO $$ BEGIN FOR i IN 1 .. 5000 LOOP BEGIN INSERT INTO burnt VALUES (i);"
                  " EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $$")  # a transaction's number each
    done, waiting = signer.accept_some(3), signer.accept_some(4)
    cluster.query("UPDATE job SET due = clock_timestamp() + interval '1 hour' WHERE upload = %s", waiting)
    signer.once()
    cluster.query("INSERT INTO audit_event (kind, subject) VALUES ('resumed', 'not sealed when the dump was made')")
    heads = cluster.directory / "heads"
    heads.write_text(json.loads(cluster.ctl("audit", "verify", "--json", "--grace", "86400"))["head"] + "\n")
    dump = cluster.directory / "dump"
    run([POSTGRES / "pg_dump", "-Fc", "-f", dump, cluster.uri + "&user=inkan_owner"])
    restored = Cluster.empty(scratch / "rs", cluster)
    try:
        run([POSTGRES / "pg_restore", "--no-privileges", "-d", restored.uri + "&user=inkan_owner", dump])
        restored.ctl("database", "migrate", TOP / "deploy/schema")
        there = signer.on(restored)
        # Each job that is due is tried for ten seconds while nothing may be decided: one is enough.
        restored.query("UPDATE job SET due = clock_timestamp() + CASE WHEN upload = %s THEN interval '0' ELSE interval '1 hour' END",
                       waiting)
        said = there.once()
        assert "another database cluster" in said
        assert restored.value("SELECT count(*) FROM certificate c JOIN application a ON a.id = c.application WHERE a.upload = %s", waiting) == 0
        with pytest.raises(psycopg2.errors.CannotConnectNow):
            restored.query("INSERT INTO audit_event (kind) VALUES ('resumed')")
        opened = json.loads(restored.ctl("audit", "epoch", "--reason", "the drill", "--json"))
        assert opened["epoch"] == 2 and opened["unsealed"] >= 1
        restored.query("UPDATE job SET due = clock_timestamp(), attempt = 0 WHERE upload = %s", waiting)
        there.once()
        there.once()
        there.check_done(waiting, 4)
        there.check_done(done, 3)
        assert restored.value("SELECT count(*) FROM audit_event WHERE xid >= audit_sealed()") == 0
        restored.ctl("audit", "verify", "--heads", heads)
        assert audit.troubles(restored.query) == []
        (detail,) = restored.query("SELECT detail FROM audit_event WHERE kind = 'epoch_opened'")[0]
        assert detail["reason"] == "the drill" and detail["unsealed"] == opened["unsealed"]
        with pytest.raises(AssertionError, match="there is nothing to open"):
            restored.ctl("audit", "epoch", "--reason", "again")
        restored.query("DELETE FROM audit_epoch")
        assert audit.troubles(restored.query) != []
    finally:
        restored.stop()


def test_no_epoch_on_what_is_not_whole(signer, cluster):
    """A physical copy needs none; and one is not opened behind a chain that was changed."""
    signer.once()
    with pytest.raises(AssertionError, match="there is nothing to open"):
        cluster.ctl("audit", "epoch", "--reason", "none")
    (last,) = cluster.query("SELECT number, xid_to::text FROM audit_seal ORDER BY number DESC LIMIT 1")
    cluster.query("UPDATE audit_seal SET xid_to = '9999999999' WHERE number = %s", last[0])
    try:
        assert "another database cluster" in signer.once()
        with pytest.raises(AssertionError, match="not whole"):
            cluster.ctl("audit", "epoch", "--reason", "none")
    finally:
        cluster.query("UPDATE audit_seal SET xid_to = %s::xid8 WHERE number = %s", last[1], last[0])
