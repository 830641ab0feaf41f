"""Revoking (manual 1-3): the file, the CRL, the mails, the link."""
import datetime
import subprocess

import pytest
import requests
from cryptography import x509
from cryptography.x509.oid import ExtensionOID
from inkantest import mails
from inkantest.instance import wait_for
from inkantest.rows import Revocation, Row
from inkantest.uploads import codes, issue


def revoke(instance, *lines, **kw):
    return instance.registrar.apply(lines, kind="server-revoke", **kw)


def pem(instance, serial):
    answer = instance.registrar.get(f"/api/v1/certificates/{serial}.pem")
    assert answer.status_code == 200
    return answer.content


def listed(instance, certificate):
    """The certificate's entry in the CRL that it names itself, or None."""
    point = certificate.extensions.get_extension_for_oid(ExtensionOID.CRL_DISTRIBUTION_POINTS).value[0].full_name[0].value
    path = "/crl/" + point.rsplit("/", 1)[1]
    crl = x509.load_der_x509_crl(requests.get(instance.env["INKAN_PKI_URL"] + path, timeout=10).content)
    issuing = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    assert issuing.full_name[0].value == point
    return crl.get_revoked_certificate_by_serial_number(certificate.serial_number)


REASONS = {"0": None, "1": x509.ReasonFlags.key_compromise, "3": x509.ReasonFlags.affiliation_changed,
           "4": x509.ReasonFlags.superseded, "5": x509.ReasonFlags.cessation_of_operation}


def test_every_reason_is_listed_and_told(healthy, tmp_path):
    issued = issue(healthy, *(Row(mail=f"rev{reason}@example.ac.jp") for reason in REASONS))
    upload = revoke(healthy, *(Revocation(row.dn, entry["serial"], reason, "理由" + reason)
                               for (row, entry), reason in zip(issued, REASONS)))
    assert upload["state"] == "done" and upload["rows_ok"] == len(REASONS), upload
    for row, (applied, entry) in zip(upload["rows"], issued):
        assert row["result"] == "OK" and row["state"] in (7, 10) and row["serial"] == entry["serial"] and row["cn"] == applied.name
    for (row, entry), reason in zip(issued, REASONS):
        certificate = x509.load_pem_x509_certificate(pem(healthy, entry["serial"]))
        found = wait_for(lambda c=certificate: listed(healthy, c), "the CRL", 60)
        got = [e.value.reason for e in found.extensions if e.oid == x509.CRLEntryExtensionOID.CRL_REASON]
        assert got == ([REASONS[reason]] if REASONS[reason] else [])
        (mail,) = wait_for(lambda r=row, x=reason: [m for m in mails.to(healthy, f"rev{x}@example.ac.jp", r.name)
                                                    if m.subject == "サーバ証明書失効完了通知"], "the manager's notice")
        assert entry["serial"] in mail.text and "理由" + reason in mail.text and f"CN={row.name}" in mail.text
        mails.verify(mail.raw, healthy.env["INKAN_MAIL_CA"], tmp_path)
        told = wait_for(lambda r=row: [m for m in mails.to(healthy, None, r.name)
                                       if m.subject == "サーバ証明書失効完了通知" and not m.to.startswith("rev")], "the registrars'")
        registrars = healthy.query("SELECT mail FROM registrar WHERE organisation = 1 AND state = 'active'")
        assert {m.to for m in told} == {mail for (mail,) in registrars}
        wait_for(lambda s=entry["serial"]: healthy.registrar.get(f"/api/v1/certificates/{s}").json()["state"] == 7, "mails sent")
        shown = healthy.registrar.get(f"/api/v1/certificates/{entry['serial']}").json()
        assert shown["status"] == "revoked" and shown["state"] == 7 and shown["revoked"]


def test_openssl_refuses_a_revoked_certificate(healthy, tmp_path):
    (row, entry), (_, other) = issue(healthy, Row(), Row())
    revoke(healthy, Revocation(row.dn, entry["serial"], "4"))
    for serial, wanted in ((entry["serial"], False), (other["serial"], True)):
        content = pem(healthy, serial)
        certificate = x509.load_pem_x509_certificate(content)
        if not wanted:
            wait_for(lambda c=certificate: listed(healthy, c), "the CRL", 60)
        point = certificate.extensions.get_extension_for_oid(ExtensionOID.CRL_DISTRIBUTION_POINTS).value[0].full_name[0].value
        crl = requests.get(healthy.env["INKAN_PKI_URL"] + "/crl/" + point.rsplit("/", 1)[1], timeout=10).content
        (tmp_path / "crl.der").write_bytes(crl)
        (tmp_path / "leaf.pem").write_bytes(content)
        subprocess.run(["openssl", "crl", "-inform", "der", "-in", tmp_path / "crl.der", "-out", tmp_path / "crl.pem"], check=True)
        done = subprocess.run(["openssl", "verify", "-crl_check", "-extended_crl", "-CAfile", healthy.env["INKAN_ISSUER_CHAIN"],
                               "-CRLfile", tmp_path / "crl.pem", tmp_path / "leaf.pem"], capture_output=True, text=True, check=False)
        assert (done.returncode == 0) == wanted, done.stdout + done.stderr
        assert wanted or "certificate revoked" in done.stderr


ERRORS = {
    "serial empty": (lambda r, s: Revocation(r.dn, ""), (201, 4)),
    "serial format": (lambda r, s: Revocation(r.dn, "12x4"), (930, 4)),
    "serial unknown": (lambda r, s: Revocation(r.dn, "12345678901234567890"), (931, 4)),
    "DN of another": (lambda r, s: Revocation(r.dn.replace(r.name, "other.example.ac.jp"), s), (932, 1)),
    "DN without ST": (lambda r, s: Revocation(r.dn.replace(",ST=Tokyo", ""), s), (932, 1)),
    "reason 2": (lambda r, s: Revocation(r.dn, s, "2"), (935, 5)),
    "reason 6": (lambda r, s: Revocation(r.dn, s, "6"), (935, 5)),
    "reason missing": (lambda r, s: Revocation(r.dn, s, ""), (201, 5)),
    "comment characters": (lambda r, s: Revocation(r.dn, s, "0", "ｶﾅ"), (205, 6)),
    "comment long": (lambda r, s: Revocation(r.dn, s, "0", "あ" * 129), (202, 6)),
    "mail": (lambda r, s: Revocation(r.dn, s, mail="nobody"), (206, 10)),
    "column that must be empty": (lambda r, s: Revocation(r.dn, s, columns={2: "3"}), (912, 2)),
}


@pytest.fixture(scope="module")
def standing(inkan):
    """A certificate that no test revokes."""
    ((row, entry),) = issue(inkan)
    return row, entry["serial"]


@pytest.mark.parametrize("case", ERRORS)
def test_error(healthy, standing, case):
    make, wanted = ERRORS[case]
    upload = revoke(healthy, make(*standing))
    assert upload["state"] == "rejected" and codes(upload) == [[wanted]], upload
    assert healthy.value("SELECT count(*) FROM revocation r JOIN certificate c ON c.id = r.certificate WHERE c.cn = %s",
                         standing[0].name) == 0


def test_twice(healthy):
    (row, entry), = issue(healthy)
    line = Revocation(row.dn, hex(int(entry["serial"])).upper().replace("X", "x"))
    doubled = revoke(healthy, line, Revocation(row.dn, entry["serial"]))
    assert doubled["state"] == "rejected" and codes(doubled) == [[(936, 4)], [(936, 4)]]
    assert revoke(healthy, line)["state"] == "done"
    again = revoke(healthy, line)
    assert again["state"] == "rejected" and codes(again) == [[(933, 4)]]
    assert healthy.value("SELECT count(*) FROM audit_event WHERE kind = 'certificate_revoked' AND subject = %s",
                         f"{int(entry['serial']):032x}") == 1


def test_two_files_at_once(healthy):
    """Both are accepted while neither has been carried out; one revokes, the other says so."""
    (row, entry), = issue(healthy)
    healthy.kill("signer", 19)
    try:
        ids = [healthy.registrar.upload(Revocation(row.dn, entry["serial"], "5").line(), kind="server-revoke").json()["id"]
               for _ in range(2)]
        for i in ids:
            wait_for(lambda n=i: healthy.registrar.get(f"/api/v1/uploads/{n}").json()["state"] == "accepted", "acceptance")
    finally:
        healthy.kill("signer", 18)
    ended = [healthy.registrar.wait(i) for i in ids]
    assert sorted(codes(u)[0] for u in ended) == [[], [(933, 4)]]
    assert [u["rows_ok"] + u["rows_ng"] for u in ended] == [1, 1]


def test_another_organisations_certificate_is_unknown(healthy):
    (row, entry), = issue(healthy)
    upload = healthy.registrar2.apply([Revocation(row.dn, entry["serial"])], kind="server-revoke")
    assert upload["state"] == "rejected" and codes(upload) == [[(931, 4)]]
    assert "testkikan" not in str(upload)


def test_after_the_issuing_limit_and_without_whois(healthy):
    """証明書発行有効期限 and WHOIS matter for issuing alone."""
    (row, entry), = issue(healthy)
    healthy.query("UPDATE organisation SET issue_until = current_date - 10 WHERE id = 1")
    before = healthy.whois("example.ac.jp", "#reset")
    try:
        assert revoke(healthy, Revocation(row.dn, entry["serial"]))["state"] == "done"
    finally:
        healthy.whois("example.ac.jp", before)
        healthy.query("UPDATE organisation SET issue_until = current_date + 300 WHERE id = 1")


def test_expired_certificate(healthy):
    (row, entry), = issue(healthy)
    healthy.query("UPDATE certificate SET not_after = now() - interval '1 second' WHERE cn = %s", row.name)
    upload = revoke(healthy, Revocation(row.dn, entry["serial"]))
    assert upload["state"] == "rejected" and codes(upload) == [[(934, 4)]]


def test_new_mail_address_gets_the_notice(healthy):
    (row, entry), = issue(healthy, Row(mail="former@example.ac.jp"))
    revoke(healthy, Revocation(row.dn, entry["serial"], "5", mail="successor@example.ac.jp"))
    wait_for(lambda: mails.to(healthy, "successor@example.ac.jp", row.name), "the notice")
    assert not [m for m in mails.to(healthy, "former@example.ac.jp", row.name) if "失効" in m.subject]


def test_unfetched_certificate_loses_its_link(healthy):
    (row, entry), = issue(healthy)
    (mail,) = wait_for(lambda: mails.to(healthy, row.mail, row.name), "the issuance notice")
    assert healthy.public.get(mail.link()).status_code == 200
    revoke(healthy, Revocation(row.dn, entry["serial"]))
    page = healthy.public.get(mail.link(), headers={"Accept": "text/html", "Accept-Language": "ja"})
    assert page.status_code == 410 and "失効" in page.text
    assert healthy.public.post(mail.link()).status_code == 410
    assert healthy.registrar.post(f"/api/v1/links/{entry['application']}/resend").status_code == 410


def test_compromised_key_is_blocked(healthy):
    (row, entry), = issue(healthy)
    revoke(healthy, Revocation(row.dn, entry["serial"], "1"))
    assert healthy.value("SELECT k.blocked FROM key_seen k JOIN certificate c ON c.spki_hash = k.spki_hash WHERE c.cn = %s", row.name)
    upload = healthy.registrar.apply([Row(key=row.key)])
    assert upload["state"] == "rejected" and codes(upload) == [[(918, 7)]]


def test_skip_takes_the_good_rows_and_dry_run_nothing(healthy):
    (row, entry), (other, other_entry) = issue(healthy, Row(), Row())
    lines = [Revocation(row.dn, entry["serial"]), Revocation(other.dn, other_entry["serial"], "9")]
    dry = revoke(healthy, lines[0], dry_run="true", confirmed=None)
    assert dry["state"] == "done" and dry["rows_ok"] == 1
    assert healthy.value("SELECT count(*) FROM revocation r JOIN certificate c ON c.id = r.certificate WHERE c.cn = %s", row.name) == 0
    upload = revoke(healthy, *lines, on_error="skip")
    assert upload["state"] == "done" and (upload["rows_ok"], upload["rows_ng"]) == (1, 1)
    assert upload["rows"][0]["state"] in (7, 10) and upload["rows"][1]["state"] == -1


def test_halted_service_still_revokes(healthy):
    (row, entry), = issue(healthy)
    healthy.ctl("halt", "--reason", "test")
    try:
        assert revoke(healthy, Revocation(row.dn, entry["serial"]))["state"] == "done"
        certificate = x509.load_pem_x509_certificate(pem(healthy, entry["serial"]))
        found = wait_for(lambda: listed(healthy, certificate), "the CRL", 60)
        age = datetime.datetime.utcnow() - found.revocation_date
        assert age < datetime.timedelta(minutes=5)
    finally:
        healthy.ctl("resume")


def test_signers_role_cannot_revoke_what_nobody_asked_for(healthy):
    (row, entry), = issue(healthy)
    with healthy.database("signer") as connection, connection.cursor() as cursor:
        with pytest.raises(Exception, match="row-level security"):
            cursor.execute("INSERT INTO revocation (issuer, serial, certificate, shard, reason)"
                           " SELECT issuer, serial, id, 0, 1 FROM certificate WHERE cn = %s", (row.name,))
