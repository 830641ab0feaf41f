"""The TSV tool: its files are accepted as they are, it says of a row what the service says, and no key leaves the page."""
import base64
import json
import secrets

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import PublicFormat
from inkantest.rows import ORGANISATION, Revocation, Row, make_csr, new_key, new_name

# What the page can know: all but the register, the certificates that exist, names that nobody may have, keys seen before and weak
# ones, and values that programs leave behind.
KNOWN = {201, 202, 204, 205, 206, 911, 912, 913, 914, 915, 916, 917, 920, 921, 922, 923, 924, 925, 926, 927, 930, 935}


def pem(key):
    return key.public_bytes(serialization.Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_issue(browse, inkan, tmp_path):
    name = new_name()
    browse("tool", BROWSER_NAME=name, BROWSER_OUT=str(tmp_path))
    for wanted in (name, f"rsa-{name}"):
        (found,) = inkan.registrar.get("/api/v1/certificates", params={"q": wanted, "limit": 100}).json()["certificates"][-1:]
        certificate = x509.load_pem_x509_certificate(inkan.registrar.get(f"/api/v1/certificates/{found['serial']}.pem").content)
        key = serialization.load_pem_private_key((tmp_path / f"{found['cn']}.key").read_bytes(), None)
        assert pem(certificate.public_key()) == pem(key.public_key())


@pytest.fixture(scope="module")
def issued(inkan):
    row = Row(manager="国立　太郎")
    upload = inkan.registrar.apply([row])
    serial = upload["rows"][0]["serial"]
    return row, serial, inkan.registrar.get(f"/api/v1/certificates/{serial}.pem").text.split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"


def test_renew_revoke_and_manager(browse, inkan, issued, tmp_path):
    row, serial, certificate = issued
    (tmp_path / "new.csr").write_bytes(make_csr(new_key(), row.attributes[::-1]))
    browse("from_certificate", BROWSER_PEM=certificate, BROWSER_CSR=str(tmp_path / "new.csr"), BROWSER_OUT=str(tmp_path))
    for kind in ("manager-update", "server-renew", "server-revoke"):
        answer = inkan.registrar.upload((tmp_path / f"{kind}.tsv").read_bytes(), kind=kind, filename=f"{kind}.tsv")
        upload = inkan.registrar.wait(answer.json()["id"])
        assert upload["state"] == "done" and upload["rows_ok"] == 1, upload
    assert inkan.registrar.get(f"/api/v1/certificates/{serial}").json()["revoked"]


def test_list(browse, inkan, tmp_path):
    row = Row()
    inkan.registrar.apply([row])
    path = tmp_path / "serverAll.tsv"
    path.write_bytes(inkan.registrar.get("/api/v1/certificates.tsv").content)
    browse("list", BROWSER_TSV=str(path), BROWSER_NAME=row.name)


def test_mistakes(browse):
    browse("mistakes")


def test_without_script(browse):
    browse("without_script")


def issue_rows():
    key, name = new_key(), new_name()
    unsigned = bytearray(base64.b64decode(Row().csr))
    unsigned[-1] ^= 1
    return [
        Row(), Row(profile="3"), Row(columns={12: ""}), Row(columns={8: "あ" * 65}), Row(columns={2: "x"}),
        Row(columns={8: "ｱｲｳ"}), Row(columns={9: "①"}), Row(columns={9: "髙"}), Row(columns={9: "～－∥"}),
        Row(dn=f"O=testkikan,CN={name},L=Chiyoda-ku,ST=Tokyo,C=JP"), Row(dn=f"CN={new_name()},OU=x,O=testkikan,L=Chiyoda-ku,ST=Tokyo,C=JP"),
        Row(organisation={**ORGANISATION, "C": "US"}), Row(organisation={**ORGANISATION, "ST": "Tokyo, C=JP"}),
        Row(organisation={**ORGANISATION, "O": "a, b"}), Row(dn="nothing"), Row(dn="CN=,O=,L=,ST=,C="),
        Row(mail="kanri.example.ac.jp"), Row(mail="a..b@example.ac.jp"), Row(mail="a@b"), Row(mail="x" * 70 + "@example.ac.jp"),
        Row(columns={4: "1"}), Row(profile="7"), Row(csr="?"), Row(csr=base64.b64encode(b"nonsense").decode()),
        Row(csr=base64.b64encode(unsigned).decode()), Row(profile="11", key=new_key(3)), Row(profile="3", key=new_key(11)),
        Row(csr=base64.b64encode(make_csr(new_key(), [("CN", "else.example.ac.jp"), *ORGANISATION.items()][::-1])).decode()),
        Row(csr=base64.b64encode(make_csr(new_key(), [("CN", "else.example.ac.jp"), ("OU", "x"), ("O", "testkikan")])).decode()),
        Row(fqdn="other-name.example.ac.jp"), Row("a_b.example.ac.jp"), Row("-a.example.ac.jp"), Row("a" * 64 + ".example.ac.jp"),
        Row("a." * 25 + "more.example.ac.jp"), Row("192.0.2.1"), Row("ab--c.example.ac.jp"), Row("localhost"),
        Row(dns_names="www.example.ac.jp"), Row(dns_names="dNSName=a.example.ac.jp,"), Row(dns_names="dNSName="),
        Row(dns_names=",".join(f"dNSName=n{i}.example.ac.jp" for i in range(10))),
        Row(dns_names="dNSName=a.example.ac.jp,dNSName=A.example.ac.jp"), Row(dns_names="dNSName=" + "a." * 110 + "example.ac.jp"),
        Row(dns_names="x" * 251), Row(columns={1: " "}), Row(columns={13: "dNSName=a.example.ac.jp. "}),
        Row(name=f"d-{name}", key=key), Row(name=f"d-{name}", key=key), Row(name=f"D-{name}"),
    ]


def revoke_rows():
    dn = f"CN={new_name()},O=testkikan,L=Chiyoda-ku,ST=Tokyo,C=JP"
    return [Revocation(dn, serial, reason, comment, mail) for serial, reason, comment, mail in [
        ("123", "0", "", ""), ("0x1F", "5", "移行済み", "a@example.ac.jp"), ("1F", "1", "", ""), ("0x", "1", "", ""),
        ("9" * 39, "1", "", ""), ("0x" + "0" * 20 + "F" * 32, "4", "", ""), ("1" * 51, "3", "", ""), ("5", "2", "", ""), ("6", "", "", ""),
        ("7", "44", "", ""), ("8", "x", "", ""), ("9", "1", "あ" * 129, "no mail"), ("", "1", "", "")]]


@pytest.mark.parametrize("kind, rows", [("server-issue", issue_rows), ("server-revoke", revoke_rows)])
def test_the_page_says_what_the_service_says(browse, inkan, tmp_path, kind, rows):
    path = tmp_path / f"{secrets.token_hex(4)}.tsv"
    path.write_bytes(b"".join(row.line() for row in rows()))
    browse("verdicts", BROWSER_KIND=kind, BROWSER_TSV=str(path), BROWSER_OUT=str(tmp_path))
    page = json.loads((tmp_path / "verdicts.json").read_text())
    answer = inkan.registrar.upload(path.read_bytes(), kind=kind, dry_run="true", confirmed=None)
    service = [[f"{error['code']}: {error['message']}" for error in row["errors"] if error["code"] in KNOWN]
               for row in inkan.registrar.wait(answer.json()["id"])["rows"]]
    assert [sorted(errors) for errors in page] == [sorted(errors) for errors in service]
    assert sum(map(len, page)) > 8
