"""The main job from the file to the server's key, and what people see on the way."""
import subprocess

import requests
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtensionOID, NameOID
from inkantest import mails
from inkantest.instance import TOP, wait_for
from inkantest.rows import Row, new_name


def test_deploy_try_once(scratch):
    """The command itself, as a user runs it."""
    done = subprocess.run([str(TOP / "deploy" / "try"), "--once", "--dir", str(scratch / "once")], capture_output=True,
                          text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def issue(instance, row, manager):
    row.mail = manager
    upload = instance.registrar.apply([row])
    assert upload["state"] == "done", upload
    (mail,) = wait_for(lambda: mails.to(instance, manager, row.name), "the issuance notice")
    return upload["rows"][0], mail


def test_from_file_to_certificate(healthy, tmp_path):
    row = Row(profile="3", dns_names="dNSName=" + new_name("example.org"))
    entry, mail = issue(healthy, row, "story@example.ac.jp")

    content = mails.verify(mail.raw, healthy.env["INKAN_MAIL_CA"], tmp_path)
    assert b"\r\n" in content
    assert mail.subject == "[UPKI] サーバ証明書発行受付通知"
    assert mail.message["From"].addresses[0].addr_spec

    page = healthy.public.get(mail.link())
    assert page.status_code == 200 and row.name in page.text
    answer = healthy.public.post(mail.link())
    assert answer.status_code == 200

    certificate = x509.load_pem_x509_certificate(answer.content)
    assert certificate.public_key().public_bytes(serialization.Encoding.DER,
                                                 serialization.PublicFormat.SubjectPublicKeyInfo) == row.spki()
    assert str(certificate.serial_number) == entry["serial"]
    subject = [(a.oid, a.value) for a in certificate.subject]
    assert subject == [(NameOID.COUNTRY_NAME, "JP"), (NameOID.STATE_OR_PROVINCE_NAME, "Tokyo"),
                       (NameOID.LOCALITY_NAME, "Chiyoda-ku"), (NameOID.ORGANIZATION_NAME, "testkikan"),
                       (NameOID.COMMON_NAME, row.name)]
    names = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    assert names.get_values_for_type(x509.DNSName) == [row.name, row.dns_names.removeprefix("dNSName=")]
    assert (certificate.not_valid_after - certificate.not_valid_before).total_seconds() == 198 * 86400 - 1

    (tmp_path / "leaf.pem").write_bytes(answer.content)
    chain = healthy.env["INKAN_ISSUER_CHAIN"]
    done = subprocess.run(["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", chain,
                           str(tmp_path / "leaf.pem")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    assert healthy.public.post(mail.link()).status_code == 410
    again = healthy.public.get(mail.link())
    assert again.status_code == 410 and "取得済み" in again.text

    (notice,) = wait_for(lambda: mails.to(healthy, "toroku.hanako@example.ac.jp", entry["serial"]), "the registrar's notice")
    mails.verify(notice.raw, healthy.env["INKAN_MAIL_CA"], tmp_path)
    assert notice.subject == "サーバ証明書取得通知"
    assert "【対象証明書DN】" in notice.text and f"CN={row.name}" in notice.text


def test_crl_is_served_and_empty(healthy, tmp_path):
    entry, mail = issue(healthy, Row(), "crl@example.ac.jp")
    pem = healthy.registrar.get(f"/api/v1/certificates/{entry['serial']}.pem").text
    leaf = x509.load_pem_x509_certificate(pem.encode())
    points = leaf.extensions.get_extension_for_oid(ExtensionOID.CRL_DISTRIBUTION_POINTS).value
    url = points[0].full_name[0].value
    assert url.startswith(healthy.env["INKAN_PKI_URL"] + "/crl/")
    crl = x509.load_der_x509_crl(requests.get(url, timeout=10).content)
    assert crl.issuer == leaf.issuer
    point = crl.extensions.get_extension_for_oid(ExtensionOID.ISSUING_DISTRIBUTION_POINT)
    assert point.critical and point.value.full_name[0].value == url
    (tmp_path / "leaf.pem").write_text(pem)
    (tmp_path / "crl.pem").write_bytes(crl.public_bytes(serialization.Encoding.PEM))
    issuer_url = leaf.extensions.get_extension_for_oid(ExtensionOID.AUTHORITY_INFORMATION_ACCESS).value[1].access_location.value
    issuer = x509.load_der_x509_certificate(requests.get(issuer_url, timeout=10).content)
    assert issuer.subject == leaf.issuer and crl.is_signature_valid(issuer.public_key())
    done = subprocess.run(["openssl", "verify", "-crl_check", "-CAfile", healthy.env["INKAN_ISSUER_CHAIN"], "-CRLfile",
                           str(tmp_path / "crl.pem"), str(tmp_path / "leaf.pem")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_idempotency_key(healthy):
    tsv = Row().line()
    headers = {"Idempotency-Key": "story-" + new_name()}
    first = healthy.registrar.upload(tsv, headers=headers)
    second = healthy.registrar.upload(tsv, headers=headers)
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["id"] == second.json()["id"]
    assert healthy.registrar.upload(Row().line(), headers=headers).status_code == 422
    assert healthy.registrar2.upload(b"x", headers=headers).status_code == 202


def test_raw_body(healthy):
    answer = healthy.registrar.post("/api/v1/uploads", params={"kind": "server-issue", "on_error": "abort", "confirmed": "true",
                                                               "filename": "raw.tsv"},
                                    data=Row().line(), headers={"Content-Type": "text/tab-separated-values"})
    assert answer.status_code == 202 and answer.headers["Location"] == f"/api/v1/uploads/{answer.json()['id']}"
    assert healthy.registrar.wait(answer.json()["id"])["state"] == "done"


def test_refusals_before_storing(healthy):
    assert healthy.registrar.upload(Row().line(), confirmed="false").status_code == 400
    assert healthy.registrar.upload(Row().line(), kind="nonsense").status_code in (400, 422)
    assert healthy.registrar.upload(Row().line(), on_error="maybe").status_code in (400, 422)
    assert healthy.public.get(healthy.env["INKAN_URL"] + "/api/v1/uploads").status_code == 401
    answer = healthy.registrar.upload(Row().line(), headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.json()["code"]
