"""証明書情報一括ダウンロード (manual 1-4): serverAll.tsv."""
import base64
import hashlib

from cryptography import x509
from inkantest import mails
from inkantest.instance import wait_for
from inkantest.rows import Revocation, Row, new_name

COLUMNS = 46


def download(registrar):
    answer = registrar.get("/api/v1/certificates.tsv")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/tab-separated-values; charset=Shift_JIS"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="serverAll.tsv"'
    lines = answer.content.decode("cp932").split("\r\n")
    assert lines.pop() == ""
    rows = [line.split("\t") for line in lines]
    assert {len(row) for row in rows} == {COLUMNS}
    return [dict(zip(rows[0], row)) for row in rows[1:]]


def of(rows, name):
    return [row for row in rows if row["利用管理者FQDN"] == name]


def test_everything_of_a_certificate(healthy):
    row = Row(profile="3", manager="国立　太郎①"[:5], dns_names="dNSName=" + new_name("example.org"))
    upload = healthy.registrar.apply([row])
    entry = upload["rows"][0]
    (mail,) = wait_for(lambda: mails.to(healthy, row.mail, row.name), "the issuance notice")
    wait_for(lambda: of(download(healthy.registrar), row.name)[0]["状態"] == "4", "the notice recorded")
    (found,) = of(download(healthy.registrar), row.name)
    pem = healthy.public.post(mail.link()).content
    certificate = x509.load_pem_x509_certificate(pem)
    der = base64.b64decode(found["発行・更新申請-証明書"])
    assert x509.load_der_x509_certificate(der) == certificate
    assert found["発行・更新申請-FingerPrint"] == hashlib.sha1(der).hexdigest().upper()
    assert found["発行・更新申請-シリアル番号"] == entry["serial"] and found["発行・更新申請-申請ID"] == entry["application"]
    assert found["発行・更新申請-操作ID"] == upload["id"] and found["申請種別"] == "1" and found["業務モデル"] == "1"
    assert found["主体者DN"] == row.dn and found["CSR"] == row.csr and found["dNSName"] == row.dns_names
    assert found["利用管理者氏名"] == row.manager and found["利用管理者mail"] == row.mail and found["証明書プロファイルID"] == "3"
    assert len(found["発行・更新申請-証明書有効期限"]) == len("2026/11/23 10:02:03")
    assert found["失効申請-申請ID"] == found["旧証明書シリアル番号"] == found["アクセスPIN"] == ""
    wait_for(lambda: of(download(healthy.registrar), row.name)[0]["状態"] == "5", "the download recorded")


def test_renewal_and_revocation(healthy):
    old = Row()
    serial = healthy.registrar.apply([old])["rows"][0]["serial"]
    new = Row(old.name, serial)
    healthy.registrar.apply([new], kind="server-renew")
    healthy.registrar.apply([Revocation(old.dn, serial, "4", "更新済み", "successor@example.ac.jp")], kind="server-revoke")
    wait_for(lambda: of(download(healthy.registrar), old.name)[0]["状態"] == "7", "the revocation told")
    first, second = of(download(healthy.registrar), old.name)
    assert (first["申請種別"], second["申請種別"]) == ("1", "2")
    assert second["旧証明書シリアル番号"] == serial and second["CSR"] == new.csr
    assert (first["失効申請-失効理由コード"], first["失効申請-失効理由コメント"]) == ("4", "更新済み")
    assert first["失効申請-利用管理者mail"] == "successor@example.ac.jp" and first["失効申請-処理完了日時"]
    assert second["失効申請-申請ID"] == ""


def test_what_was_refused_or_only_checked_is_not_there(healthy):
    refused, checked = Row(), Row()
    healthy.registrar.apply([refused, Row(columns={12: ""})])
    healthy.registrar.apply([checked], dry_run="true", confirmed=None)
    rows = download(healthy.registrar)
    assert not of(rows, refused.name) and not of(rows, checked.name)


def test_pages_join_without_gap_or_double(healthy):
    """More rows than one page of the query holds, over several uploads."""
    before = len(download(healthy.registrar))
    names = set()
    for count in (700, 1, 600):
        rows = [Row() for _ in range(count)]
        names |= {row.name for row in rows}
        assert healthy.registrar.apply(rows)["state"] == "done"
    found = download(healthy.registrar)
    assert len(found) == before + 1301
    assert len({row["発行・更新申請-申請ID"] for row in found}) == len(found)
    assert names <= {row["利用管理者FQDN"] for row in found}


def test_another_organisation_has_its_own(healthy):
    row = Row()
    healthy.registrar.apply([row])
    assert not of(download(healthy.registrar2), row.name)


def test_page(healthy):
    page = healthy.registrar.get("/certificates/all", headers={"Accept": "text/html", "Accept-Language": "ja"})
    assert page.status_code == 200 and "証明書情報一括ダウンロード" in page.text and "/api/v1/certificates.tsv" in page.text
