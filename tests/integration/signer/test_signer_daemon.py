"""The signer by itself on a database of its own: what it issues, its CRLs, its seals, and its keys."""
import collections
import json
import subprocess

import psycopg2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtensionOID
from inkantest import audit
from inkantest.cluster import POSTGRES, TOP, Cluster, run
from inkantest.signer import DER, KEYS, SPKI, openssl, verify_with_openssl

DAYS = 198


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
