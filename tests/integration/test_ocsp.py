"""OCSP (RFC 6960): what `openssl ocsp` is told, by whom it is signed, and what hostile questions do."""
import base64
import configparser
import datetime
import os
import pathlib
import signal
import subprocess
import urllib.parse

import psycopg2
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID
from inkantest.instance import wait_for
from inkantest.rows import Revocation, Row
from inkantest.uploads import issue

TYPE = {"Content-Type": "application/ocsp-request"}


def chain(instance):
    text = pathlib.Path(instance.env["INKAN_ISSUER_CHAIN"]).read_bytes()
    return [x509.load_pem_x509_certificate(part + b"-----END CERTIFICATE-----\n")
            for part in text.split(b"-----END CERTIFICATE-----\n")[:2]]


def address(instance):
    return instance.env["INKAN_PKI_URL"] + "/ocsp"


def question(certificate, issuer, digest=None, nonce=None):
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, digest or hashes.SHA256())
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(serialization.Encoding.DER)


def numbered(serial, issuing):
    """Any certificate of that serial: a question takes its serial and its issuer's name, nothing else."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime(2026, 1, 1)
    return x509.CertificateBuilder(issuing.subject, issuing.subject, key.public_key(), serial, now, now).sign(key, hashes.SHA256())


def ask(instance, der):
    return requests.post(address(instance), data=der, headers=TYPE, timeout=10)


def status_of(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/ocsp-response"
    return ocsp.load_der_ocsp_response(answer.content)


def failure(answer):
    return status_of(answer).response_status


def load(instance, serial):
    return x509.load_pem_x509_certificate(instance.registrar.get(f"/api/v1/certificates/{serial}.pem").content)


@pytest.fixture
def issued(healthy):
    (row, entry), = issue(healthy, Row())
    return row, entry, load(healthy, entry["serial"])


def openssl(instance, tmp_path, certificate, *more):
    issuing, root = chain(instance)
    for name, thing in (("leaf", certificate), ("issuing", issuing), ("root", root)):
        (tmp_path / f"{name}.pem").write_bytes(thing.public_bytes(serialization.Encoding.PEM))
    return subprocess.run(["openssl", "ocsp", *more, "-issuer", "issuing.pem", "-cert", "leaf.pem", "-url", address(instance), "-CAfile",
                           "root.pem", "-verify_other", "issuing.pem"], cwd=tmp_path, capture_output=True, text=True, check=False,
                          timeout=60)


def test_openssl_is_told_good_and_then_revoked(healthy, issued, tmp_path):
    row, entry, certificate = issued
    access = certificate.extensions.get_extension_for_oid(ExtensionOID.AUTHORITY_INFORMATION_ACCESS).value
    assert [d.access_location.value for d in access] == [address(healthy), f"{healthy.env['INKAN_PKI_URL']}/ca/1.cer"]
    told = openssl(healthy, tmp_path, certificate)
    assert told.returncode == 0 and "leaf.pem: good" in told.stdout and "Response verify OK" in told.stderr, told
    revoked = healthy.registrar.apply([Revocation(row.dn, entry["serial"], "1")], kind="server-revoke")
    assert revoked["state"] == "done"
    told = openssl(healthy, tmp_path, certificate, "-sha256")
    assert "leaf.pem: revoked" in told.stdout and "Reason: keyCompromise" in told.stdout and "Response verify OK" in told.stderr
    point = certificate.extensions.get_extension_for_oid(ExtensionOID.CRL_DISTRIBUTION_POINTS).value[0].full_name[0].value
    crl = wait_for(lambda: (lambda c: c if c.get_revoked_certificate_by_serial_number(certificate.serial_number) else None)(
        x509.load_der_x509_crl(requests.get(point, timeout=10).content)), "the CRL")
    (tmp_path / "crl.pem").write_bytes(crl.public_bytes(serialization.Encoding.PEM))
    checked = subprocess.run(["openssl", "verify", "-crl_check", "-CAfile", "root.pem", "-untrusted", "issuing.pem", "-CRLfile",
                              "crl.pem", "leaf.pem"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert "certificate revoked" in checked.stderr
    single = status_of(ask(healthy, question(certificate, chain(healthy)[0])))
    entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
    assert (single.revocation_time, single.revocation_reason) == (entry.revocation_date, x509.ReasonFlags.key_compromise)


def test_reason_0_is_left_out(healthy, issued):
    row, entry, certificate = issued
    healthy.registrar.apply([Revocation(row.dn, entry["serial"], "0")], kind="server-revoke")
    single = status_of(ask(healthy, question(certificate, chain(healthy)[0])))
    assert single.certificate_status == ocsp.OCSPCertStatus.REVOKED and single.revocation_reason is None


def test_what_signs_and_for_how_long(healthy, issued):
    issuing, _ = chain(healthy)
    single = status_of(ask(healthy, question(issued[2], issuing)))
    assert single.certificate_status == ocsp.OCSPCertStatus.GOOD
    assert datetime.timedelta(hours=8) <= single.next_update - single.this_update <= datetime.timedelta(days=7)
    (responder,) = single.certificates
    assert single.responder_key_hash == responder.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_KEY_IDENTIFIER).value.digest
    assert responder.issuer == issuing.subject and responder.subject != issuing.subject
    assert single.next_update <= responder.not_valid_after
    assert responder.not_valid_after - responder.not_valid_before == datetime.timedelta(days=7, seconds=-1)
    extensions = {e.oid: e for e in responder.extensions}
    assert list(extensions[ExtensionOID.EXTENDED_KEY_USAGE].value) == [ExtendedKeyUsageOID.OCSP_SIGNING]
    assert extensions[ExtensionOID.KEY_USAGE].critical and extensions[ExtensionOID.KEY_USAGE].value.digital_signature
    assert ExtensionOID.OCSP_NO_CHECK in extensions and not extensions[ExtensionOID.OCSP_NO_CHECK].critical
    assert not {ExtensionOID.CRL_DISTRIBUTION_POINTS, ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
                ExtensionOID.CERTIFICATE_POLICIES} & set(extensions)
    audited = healthy.value("SELECT count(*) FROM audit_event WHERE kind = 'responder_issued' AND subject = %s",
                              f"{responder.serial_number:032x}")
    assert audited == 1


def test_unknown_serials_are_never_good(healthy, issued):
    issuing, _ = chain(healthy)
    for serial in (1, issued[2].serial_number ^ 1, 2**127 - 1, 2**152):
        answer = ask(healthy, question(numbered(serial, issuing), issuing))
        assert status_of(answer).certificate_status == ocsp.OCSPCertStatus.UNKNOWN
        assert answer.headers["Cache-Control"] == "no-store"
    # A serial that was given up without a certificate is revoked, not unknown.
    healthy.value("INSERT INTO revocation (issuer, serial, shard, reason) VALUES (1, decode('7f' || repeat('11', 15), 'hex'), 0, 5) "
                    "RETURNING 1")
    single = status_of(ask(healthy, question(numbered(int("7f" + "11" * 15, 16), issuing), issuing)))
    assert single.certificate_status == ocsp.OCSPCertStatus.REVOKED
    healthy.value("DELETE FROM revocation WHERE serial = decode('7f' || repeat('11', 15), 'hex') RETURNING 1")


def test_other_issuers_are_not_ours(healthy, issued):
    issuing, root = chain(healthy)
    assert failure(ask(healthy, question(issuing, root))) == ocsp.OCSPResponseStatus.UNAUTHORIZED
    assert failure(ask(healthy, question(issued[2], issuing, hashes.SHA384()))) == ocsp.OCSPResponseStatus.UNAUTHORIZED


def test_get(healthy, issued):
    issuing, _ = chain(healthy)
    der = question(issued[2], issuing, hashes.SHA1())
    text = base64.b64encode(der).decode()
    for path in (text, urllib.parse.quote(text, safe="")):
        # requests would normalise the path: sent as it is
        answer = requests.get(f"{address(healthy)}/{path}", timeout=10)
        assert status_of(answer).certificate_status == ocsp.OCSPCertStatus.GOOD
        assert answer.headers["Cache-Control"] == "public, no-transform, must-revalidate, max-age=900"
        assert answer.headers["ETag"] and answer.headers["Expires"] and answer.headers["Last-Modified"]
    assert failure(requests.get(f"{address(healthy)}/MA=", timeout=10)) == ocsp.OCSPResponseStatus.MALFORMED_REQUEST
    head = requests.head(f"{address(healthy)}/{text}", timeout=10)
    assert head.status_code == 200 and not head.content


def test_nonce(healthy, issued):
    issuing, _ = chain(healthy)
    for nonce in (b"x", os.urandom(32), os.urandom(128)):
        answer = ask(healthy, question(issued[2], issuing, nonce=nonce))
        assert status_of(answer).extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == nonce
        assert answer.headers["Cache-Control"] == "no-store"
    for nonce in (b"", os.urandom(129)):
        assert failure(ask(healthy, question(issued[2], issuing, nonce=nonce))) == ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def test_hostile_questions(healthy, issued):
    """Every byte changed, every length cut: an answer each time, and the daemon lives (the suites run with the sanitizers)."""
    der = question(issued[2], chain(healthy)[0], nonce=b"12345678")
    before = healthy.pid("ingress")
    with requests.Session() as session:
        def post(data):
            answer = session.post(address(healthy), data=data, headers=TYPE, timeout=10)
            return status_of(answer).response_status
        for i, byte in enumerate(der):
            for changed in (byte ^ 0x01, byte ^ 0x80, 0x00, 0xff):
                post(der[:i] + bytes([changed]) + der[i + 1:])
        for n in range(len(der)):
            assert post(der[:n]) == ocsp.OCSPResponseStatus.MALFORMED_REQUEST
        assert post(der + b"\0") == ocsp.OCSPResponseStatus.MALFORMED_REQUEST
        assert session.post(address(healthy), data=bytes(5000), headers=TYPE, timeout=10).status_code == 413
        assert session.post(address(healthy), data=der, headers={"Content-Type": "text/plain"}, timeout=10).status_code == 415
        assert session.get(address(healthy), timeout=10).status_code == 405
    assert healthy.pid("ingress") == before


def several(der, n):
    """The request with its single request n times (one-byte lengths until 127, two after)."""
    def wrap(tag, content):
        length = bytes([len(content)]) if len(content) < 128 else b"\x82" + len(content).to_bytes(2, "big")
        return bytes([tag]) + length + content

    def inside(data):
        head = 2 if data[1] < 128 else 2 + (data[1] & 0x7f)
        return data[head:]
    one = inside(inside(inside(der)))
    return wrap(0x30, wrap(0x30, wrap(0x30, one * n)))


def test_several_serials_in_one_question(healthy, issued):
    der = question(issued[2], chain(healthy)[0], hashes.SHA1())
    assert several(der, 1) == der
    answer = ask(healthy, several(der, 8))
    assert answer.content.count(issued[2].serial_number.to_bytes(16, "big").lstrip(b"\0")) == 8
    assert failure(ask(healthy, several(der, 9))) == ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def responder_of(instance, certificate):
    answer = status_of(ask(instance, question(certificate, chain(instance)[0])))
    if answer.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL:
        return None
    return answer.certificates[0]


def test_renewed_at_half_its_life_whatever_dies(healthy, issued):
    """The signer is killed while a renewal is due; the ingress is killed after: the same key, a new certificate, once."""
    old = responder_of(healthy, issued[2])
    count = "SELECT count(*) FROM ocsp_certificate"
    before = healthy.value(count)
    healthy.kill("signer", signal.SIGKILL)
    healthy.value("UPDATE ocsp_certificate SET not_after = inkan_now() + interval '3 days' RETURNING 1")
    healthy.value("UPDATE job SET due = clock_timestamp() WHERE stage = 'ocsp' RETURNING 1")
    healthy.alive()
    new = wait_for(lambda: (lambda r: r if r.serial_number != old.serial_number else None)(responder_of(healthy, issued[2])),
                   "a new responder certificate")
    assert healthy.value(count) == before + 1
    assert new.public_key().public_numbers() == old.public_key().public_numbers()
    healthy.kill("ingress", signal.SIGKILL)
    healthy.alive()
    again = wait_for(lambda: responder_of(healthy, issued[2]), "an answer after the start")
    assert again.serial_number == new.serial_number and healthy.value(count) == before + 1


def test_no_certificate_is_try_later(healthy, issued):
    """A responder without a certificate, or near its end (BR 4.9.10: eight hours at least), says so and is not ready."""
    keep = healthy.query("SELECT issuer, serial, not_after FROM ocsp_certificate")
    healthy.value("UPDATE job SET due = clock_timestamp() + interval '1 hour' WHERE stage = 'ocsp' RETURNING 1")
    healthy.value("CREATE TABLE ocsp_away AS SELECT * FROM ocsp_certificate; DELETE FROM ocsp_certificate; SELECT 1")
    try:
        der = question(issued[2], chain(healthy)[0])
        wait_for(lambda: failure(ask(healthy, der)) == ocsp.OCSPResponseStatus.TRY_LATER, "tryLater")
        assert "OCSP: no responder certificate for issuer 1" in healthy.health("ingress", "/readyz").text
    finally:
        healthy.value("INSERT INTO ocsp_certificate SELECT * FROM ocsp_away; DROP TABLE ocsp_away; SELECT 1")
        healthy.value("UPDATE job SET due = clock_timestamp() WHERE stage = 'ocsp' RETURNING 1")
    assert keep
    wait_for(lambda: responder_of(healthy, issued[2]), "an answer again")


def test_the_key_is_in_a_file_that_nobody_else_reads(healthy):
    config = configparser.ConfigParser(interpolation=None)
    config.read(healthy.config_path())
    assert (pathlib.Path(config["ingress"]["spool"]) / "ocsp.key").stat().st_mode & 0o777 == 0o600


def test_roles_cannot_delegate(healthy):
    """The ingress can ask for its key alone; neither it nor the public listener writes a certificate or reads the status' tables."""
    for role, statement in (("ingress", "INSERT INTO ocsp_certificate SELECT * FROM ocsp_certificate"),
                            ("public", "INSERT INTO ocsp_responder (spki) VALUES ('x')"),
                            ("public", "SELECT serial FROM revocation"),
                            ("public", "SELECT serial FROM certificate")):
        with healthy.database(role) as db, db.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(statement)
    with healthy.database("ingress") as db, db.cursor() as cursor, pytest.raises(psycopg2.errors.CheckViolation):
        cursor.execute("INSERT INTO ocsp_responder (spki) VALUES (decode(repeat('30', 91), 'hex'))")
