"""The signer by itself on a database of its own: what it issues, and what it refuses when things change or break on the way."""
import collections
import hashlib
import os
import pathlib
import signal
import subprocess
import time

import psycopg2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtensionOID
from inkantest.cluster import Cluster, run
from inkantest.instance import wait_for

DAYS = 198
DER, SPKI = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
KEYS = {3: rsa.generate_private_key(65537, 2048).public_key(), 11: ec.generate_private_key(ec.SECP384R1()).public_key()}


class Signer:
    def __init__(self, cluster):
        self.cluster = cluster
        self.settings = {"signer": {}}
        for setting, file in (("key", "issuing.key.pem"), ("audit_key", "audit.key.pem")):
            path = cluster.directory / file
            path.write_bytes((cluster.ca / file).read_bytes())
            cluster.give(path, 0o600)
            self.settings["signer"][setting] = f"file:{path}"
        self.count = 0
        self.running = []
        cluster.query("INSERT INTO organisation (id, name_ja, name_en, st, l, issue_until)"
                      " VALUES (1, '申請大学', 'testkikan', 'Tokyo', 'Chiyoda-ku', '2099-03-31')")
        cluster.query("INSERT INTO domain (id, organisation, name, state) VALUES (1, 1, 'example.ac.jp', 'permitted'),"
                      " (2, 1, 'other.ac.jp', 'permitted')")
        cluster.query("INSERT INTO registrar (id, organisation, name, mail, fingerprint)"
                      " VALUES (1, 1, '登録', 'registrar@example.ac.jp', sha256('1'))")

    # ---- what the validator would have left

    def accept(self, names, chunk=250, domain=1):
        """An accepted upload: a list of names a row (the first the FQDN); every third row has an EC key. Its number."""
        upload = self.cluster.value(
            "INSERT INTO upload (organisation, registrar, kind, on_error, dry_run, confirmed, filename, sha256, state, rows_total,"
            " rows_ok, open_chunks, policy) SELECT 1, 1, 'server-issue', 'abort', false, true, 't.tsv', sha256('t'), 'accepted',"
            " %s, %s, %s, policy FROM service RETURNING id", len(names), len(names), -(-len(names) // chunk))
        connection = self.cluster.connect(autocommit=False)
        with connection, connection.cursor() as cursor:
            for seq, row in enumerate(names, 1):
                self.count += 1
                profile = 11 if seq % 3 == 2 else 3
                spki = KEYS[profile].public_bytes(DER, SPKI)
                cursor.execute("INSERT INTO upload_line VALUES (%s, %s, 'x')", (upload, seq))
                cursor.execute(
                    "WITH new AS (INSERT INTO application (upload, seq, organisation, state, dn, match_key, st, l, o, cn, names,"
                    " domains, profile, spki, spki_hash, manager_name, manager_mail) VALUES (%s, %s, 1, 'valid', 'x', %s, 'Tokyo',"
                    " 'Chiyoda-ku', 'testkikan', %s, %s, %s, %s, %s, %s, '管理者', 'manager@example.ac.jp')"
                    " RETURNING id, match_key) INSERT INTO dn_taken SELECT 1, match_key, id FROM new",
                    (upload, seq, row[0], row[0], row, [domain], profile, spki, hashlib.sha256(spki).digest()))
            for first in range(1, len(names) + 1, chunk):
                cursor.execute("INSERT INTO job (stage, turn, organisation, upload, seq_from, seq_to) VALUES"
                               " ('sign', job_turn('sign', 1), 1, %s, %s, %s)", (upload, first, min(first + chunk - 1, len(names))))
        connection.close()
        return upload

    def accept_some(self, n=1, **kw):
        return self.accept([[f"h{self.count + i}.example.ac.jp"] for i in range(n)], **kw)

    # ---- running it

    def once(self, code=0, instance=None):
        done = subprocess.run(self.cluster.command("signer", self.settings, "--once", instance=instance), capture_output=True,
                              text=True, timeout=120, check=False)
        print(done.stderr)
        assert done.returncode == code, done.stderr
        for sign in ("AddressSanitizer", "LeakSanitizer", "runtime error", "BUG"):
            assert sign not in done.stderr
        return done.stderr

    def background(self, instance=None, *words):
        self.running.append(subprocess.Popen(self.cluster.command("signer", self.settings, *words, instance=instance)))
        return self.running[-1]

    def end(self):
        """Nothing of a failed test goes on."""
        for process in self.running:
            process.kill()
            process.wait()
        self.running = []

    def wait_for_lock(self):
        wait_for(lambda: self.cluster.value("SELECT count(*) FROM pg_stat_activity WHERE usename = 'inkan_signer'"
                                            " AND wait_event_type = 'Lock'"), "the signer waits for a lock", interval=0.02)

    # ---- looking

    def certificates(self, upload):
        return [x509.load_der_x509_certificate(bytes(der)) for (der,) in self.cluster.query(
            "SELECT c.der FROM certificate c JOIN application a ON a.id = c.application WHERE a.upload = %s ORDER BY a.seq", upload)]

    def serials(self, upload, of="certificate"):
        return [bytes(s) for (s,) in self.cluster.query(
            f"SELECT x.serial FROM {of} x JOIN application a ON a.id = x.application WHERE a.upload = %s ORDER BY a.seq, x.id", upload)]

    def check_done(self, upload, ok, failed=0):
        value = self.cluster.value
        assert self.cluster.query("SELECT state, rows_ok, rows_ng, open_chunks, ended IS NOT NULL FROM upload WHERE id = %s", upload) \
            == [("done", ok, failed, 0, True)]
        serials = self.serials(upload)
        assert len(serials) == len(set(serials)) == ok
        for kind, number in (("certificate_issued", ok), ("row_failed", failed)):
            assert value("SELECT count(*) FROM audit_event WHERE kind = %s AND upload = %s", kind, upload) == number
        assert value("SELECT count(*) FROM notice n JOIN certificate c ON c.id = n.certificate JOIN application a ON"
                     " a.id = c.application JOIN link l ON l.id = n.link AND l.certificate = c.id AND l.state = 'open'"
                     " AND l.expires = c.issued + interval '30 days' JOIN job j ON j.id = n.job AND j.stage = 'send'"
                     " WHERE a.upload = %s AND n.kind = 'issued' AND n.recipient = 'manager@example.ac.jp'"
                     " AND n.greeting = '管理者'", upload) == ok
        assert value("SELECT count(*) FROM link l JOIN certificate c ON c.id = l.certificate JOIN application a ON"
                     " a.id = c.application WHERE a.upload = %s", upload) == ok
        assert value("SELECT count(*) FROM job WHERE stage = 'sign' AND upload = %s", upload) == 0
        assert value("SELECT count(*) FROM intent i JOIN application a ON a.id = i.application WHERE a.upload = %s"
                     " AND i.lint NOT LIKE 'inkan-lint %%'", upload) == 0

    def errors(self, upload):
        return self.cluster.query("SELECT a.state, e->>'symbol' FROM application a, jsonb_array_elements(a.errors) e"
                                  " WHERE a.upload = %s ORDER BY a.seq", upload)

    def crl(self, shard):
        return x509.load_der_x509_crl(bytes(self.cluster.value("SELECT der FROM crl WHERE shard = %s", shard)))


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


def openssl(*words):
    return run(["openssl", *words])


def verify_with_openssl(cluster, certificates, tmp_path, *crls):
    paths = []
    for number, certificate in enumerate(certificates):
        paths.append(tmp_path / f"c{number}.pem")
        paths[-1].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files = []
    for number, crl in enumerate(crls):
        (tmp_path / f"l{number}.pem").write_bytes(crl.public_bytes(serialization.Encoding.PEM))
        files += ["-CRLfile", tmp_path / f"l{number}.pem"]
    text = openssl("verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", cluster.ca / "root.pem", "-untrusted",
                   cluster.ca / "issuing.pem", *(["-crl_check", *files] if crls else []), *paths)
    assert text.count(": OK") == len(paths)


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
        assert extension[ExtensionOID.AUTHORITY_INFORMATION_ACCESS].value[0].access_location.value == "http://pki.example.jp/ca/1.cer"
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


DATES = [("upki-2026", "2027-03-15", 198, 99), ("upki-2026", "2029-03-15", 99, 46),
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
            assert certificate.not_valid_before.strftime("%Y-%m-%d") == (date if not shift else f"{date[:8]}14")
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


def test_seals_of_another_cluster_are_noticed(signer, cluster):
    """After a logical restore transactions are numbered anew: nothing would be sealed, and mails would leave without a seal."""
    signer.once()
    (last,) = cluster.query("SELECT number, xid_to::text FROM audit_seal ORDER BY number DESC LIMIT 1")
    cluster.query("UPDATE audit_seal SET xid_to = '9999999999' WHERE number = %s", last[0])
    try:
        assert "another database cluster" in signer.once()
    finally:
        cluster.query("UPDATE audit_seal SET xid_to = %s::xid8 WHERE number = %s", last[1], last[0])
