"""Certificates as registrars see them: list, one with its history, files made from chosen ones, what is still to be replaced."""
import hashlib
import html
import re

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from inkantest import mails
from inkantest.instance import wait_for
from inkantest.rows import Manager, Revocation, Row, new_name

JA = {"Accept": "text/html", "Accept-Language": "ja"}
EN = {"Accept": "text/html", "Accept-Language": "en"}


def page(registrar, path, headers=JA, **kw):
    answer = registrar.get(path, headers=headers, **kw)
    assert answer.status_code == 200 and "<script" not in answer.text, answer.text[:2000]
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", answer.text.split("<main", 1)[1])))


def steps(registrar, serial, headers=JA):
    """The texts of the history's steps, in order."""
    answer = registrar.get(f"/certificates/{serial}", headers=headers)
    assert answer.status_code == 200, answer.text[:2000]
    found = re.findall(r"<li[^>]*>(.*?)</li>", answer.text.split('class="history"', 1)[1], re.S)
    return [re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", step))).strip() for step in found]


def fetch(instance, row, number=1):
    """Uses the newest link that was mailed for a row."""
    found = wait_for(lambda: (lambda m: m if len(m) >= number else None)(
        [m for m in mails.to(instance, row.mail, row.name) if "/d/" in m.text]), "the link")
    answer = instance.public.post(found[-1].link(), params={"format": "chain"})
    assert answer.status_code == 200, answer.text
    return answer.text


def make_tsv(registrar, kind, applications=(), **fields):
    return registrar.post("/certificates/tsv", data={"kind": kind, "certificate": list(applications), **fields},
                          headers={**JA, "Origin": registrar.base})


def lines(answer):
    assert answer.status_code == 200, answer.text[:2000]
    assert answer.headers["Content-Type"] == "text/tab-separated-values; charset=Shift_JIS"
    found = answer.content.decode("cp932").split("\r\n")
    assert found.pop() == ""
    return [line.split("\t") for line in found]


@pytest.fixture
def renewed(healthy):
    """A certificate that was renewed, the newer one fetched: (old row, its entry, new row, its entry)."""
    old = Row(mail=f"renewed-{new_name()[:8]}@example.ac.jp")
    first = healthy.registrar.apply([old])["rows"][0]
    fetch(healthy, old)
    new = Row(old.name, first["serial"], mail=old.mail)
    second = healthy.registrar.apply([new], kind="server-renew")["rows"][0]
    fetch(healthy, new, 2)
    wait_for(lambda: healthy.registrar.get(f"/api/v1/certificates/{second['serial']}").json()["state"] == 8, "state 8")
    return old, first, new, second


def test_list_tells_of_expiry_in_words(healthy):
    marker = new_name()
    rows = [Row(f"{letter}-{marker}") for letter in "abcde"]
    entries = healthy.registrar.apply(rows)["rows"]
    for entry, left in zip(entries, ("5 days", "7 days", "20 days", "-1 days")):
        healthy.query("UPDATE certificate SET not_after = now() + %s::interval WHERE application = %s", left, entry["application"])
    healthy.registrar.apply([Revocation(rows[4].dn, entries[4]["serial"], "5")], kind="server-revoke")
    answer = healthy.registrar.get("/certificates", params={"q": marker}, headers=JA).text
    found = {name: (cls, text) for name, cls, text in re.findall(
        r'<tr>.*?>([a-e])-' + re.escape(marker) + r'</a>.*?<span class="tag (urgent|soon|over)">(.*?)</span>', answer)}
    assert found == {"a": ("urgent", "残り5日"), "b": ("urgent", "残り7日"), "c": ("soon", "残り20日"), "d": ("over", "期限切れ"),
                     "e": ("over", "失効済み")}
    assert "7 days left" in page(healthy.registrar, f"/certificates?q=b-{marker}", EN)
    # and to programs
    one = healthy.registrar.get(f"/api/v1/certificates/{entries[0]['serial']}").json()
    assert one["days_left"] == 5 and one["renewed"] is False


def test_one_certificate(healthy):
    other = new_name("example.org")
    row = Row(dns_names=f"dNSName={other}", manager="国立　<b>太郎")
    entry = healthy.registrar.apply([row])["rows"][0]
    serial = int(entry["serial"])
    octets = "0x" + serial.to_bytes((serial.bit_length() + 7) // 8, "big").hex()
    text = page(healthy.registrar, f"/certificates/{serial}")
    pem = healthy.registrar.get(f"/api/v1/certificates/{serial}.cer")
    assert pem.headers["Content-Disposition"] == f'attachment; filename="{row.name}.cer"'
    certificate = x509.load_pem_x509_certificate(pem.content)
    der = certificate.public_bytes(serialization.Encoding.DER)
    for wanted in (row.name, other, f"CN={row.name}", "O=testkikan", str(serial), octets, "ECDSA secp384r1",
                   ":".join(f"{b:02X}" for b in hashlib.sha256(der).digest()),
                   "国立 <b>太郎", "情報基盤センター", row.mail, "Apache 2.4", "/crl/1-", "/ocsp", "/ca/1.cer"):
        assert wanted in text, wanted
    assert "<b>太郎" not in healthy.registrar.get(f"/certificates/{serial}", headers=JA).text
    assert page(healthy.registrar, f"/certificates/{serial:#x}", EN).count(row.name) > 1
    chain = healthy.registrar.get(f"/api/v1/certificates/{serial}-chain.cer")
    assert chain.headers["Content-Disposition"] == f'attachment; filename="{row.name}-chain.cer"'
    assert chain.text.startswith(pem.text) and chain.text.count("BEGIN CERTIFICATE") == 2
    assert healthy.registrar.get(f"/api/v1/certificates/{serial}.der").content == der
    assert healthy.registrar.get(f"/api/v1/certificates/{serial}.p7b").content[:1] == b"0"


def test_history_of_every_step(healthy, renewed):
    old, first, new, second = renewed
    healthy.registrar.apply([Manager(old.dn, first["serial"], "after@example.ac.jp", name="後任　花子")], kind="manager-update")
    healthy.registrar.apply([Revocation(old.dn, first["serial"], "4", "置換済み")], kind="server-revoke")
    wait_for(lambda: any("失効完了通知" in step and "中継サーバ受領" in step for step in steps(healthy.registrar, first["serial"])), "the mail")
    found = steps(healthy.registrar, first["serial"])
    order = [next((i for i, step in enumerate(found) if word in step), word) for word in (
        "申請受付", "検査完了・申請登録", "証明書発行", "証明書発行受付通知 中継サーバ受領", "更新証明書発行", "利用管理者情報更新", "失効理由:", "失効完了通知")]
    assert all(isinstance(i, int) for i in order) and order == sorted(order), (order, found)
    text = "\n".join(found)
    assert "登録 花子" in found[0] and "SEQ 1" in found[0]
    assert f"送信先: {old.mail}" in text and "証明書取得 (URL使用)" in text and "証明書取得通知 中継サーバ受領" in text
    assert f"新証明書シリアル番号: {second['serial']}" in text
    (changed,) = [step for step in found if "利用管理者情報更新" in step]
    assert f"利用管理者mail: {old.mail} → after@example.ac.jp" in changed and "国立 太郎 → 後任 花子" in changed and "登録 花子" in changed
    (revoked,) = [step for step in found if "失効理由:" in step]
    assert "証明書の更新・記載内容の変更" in revoked and "失効理由コメント: 置換済み" in revoked and "登録 花子" in revoked
    newer = "\n".join(steps(healthy.registrar, second["serial"], EN))
    assert f"Renews: {first['serial']}" in newer and "Mail that the renewed one was fetched taken by the mail relay" in newer
    assert "Notice planned Reminder to revoke" not in newer and "Notice planned Mail that it expires soon" in newer
    assert "通知予定" not in text, "nothing is to come for a revoked one"


def test_history_of_links(healthy):
    row = Row()
    entry = healthy.registrar.apply([row])["rows"][0]
    healthy.registrar.post(f"/api/v1/links/{entry['application']}/resend", data={"manager_mail": "corrected@example.ac.jp"})
    healthy.ctl("link", "resend", entry["serial"], "--reason", "help desk")
    healthy.query("UPDATE link SET expires = now() - interval '1 minute' FROM certificate c WHERE c.id = certificate"
                  " AND c.application = %s AND state = 'open'", entry["application"])
    resent = [step for step in steps(healthy.registrar, entry["serial"]) if "証明書取得URL再送" in step]
    assert len(resent) == 2 and "登録 花子" in resent[0] and "運用担当者" in resent[1]
    assert "help desk" not in resent[1], "what operators note is theirs"
    assert any("証明書取得URL期限切れ" in step for step in steps(healthy.registrar, entry["serial"]))


def test_history_is_the_organisations_own(healthy, renewed):
    _, first, _, second = renewed
    for serial in (first["serial"], second["serial"]):
        assert healthy.registrar2.get(f"/certificates/{serial}", headers=JA).status_code == 404
    for unknown in ("1", "0x1", "x", "9" * 60, "replacing.cer"):
        assert healthy.registrar.get(f"/certificates/{unknown}", headers=JA).status_code == 404
    healthy.registrar.post(f"/api/v1/links/{second['application']}/resend")
    number = healthy.value("SELECT id FROM certificate WHERE application = %s", second["application"])
    connection = healthy.database("ingress")
    with connection.cursor() as cursor:
        for organisation, wanted in (("1", 1), ("2", 0), ("", 0)):
            cursor.execute("SELECT set_config('inkan.organisation', %s, false)", (organisation,))
            cursor.execute("SELECT count(*) FROM certificate_audit(%s)", (number,))
            assert cursor.fetchone()[0] == wanted, organisation
            cursor.execute("SELECT count(*) > 0 FROM reminder")
            assert cursor.fetchone()[0] == (organisation == "1")
    connection.close()


def test_file_to_renew(healthy):
    names = [new_name("example.org") for _ in range(2)]
    rows = [Row(dns_names=",".join(f"dNSName={n}" for n in names), profile="3", manager="国立　太郎①"[:5]), Row()]
    entries = healthy.registrar.apply(rows)["rows"]
    answer = make_tsv(healthy.registrar, "server-renew", [e["application"] for e in entries])
    assert answer.headers["Content-Disposition"] == 'attachment; filename="server-renew.tsv"'
    found = lines(answer)
    assert found == [[row.dn, row.profile, "", entry["serial"], "", "", "", row.manager, row.affiliation, row.mail, row.name, row.software,
                      row.dns_names] for row, entry in reversed(list(zip(rows, entries)))]
    # with the CSRs filled in it renews
    for fields, row in zip(found, reversed(rows)):
        fields[6] = Row(row.name, profile=row.profile).csr
    filled = "".join("\t".join(fields) + "\r\n" for fields in found).encode("cp932")
    upload = healthy.registrar.upload(filled, kind="server-renew")
    assert healthy.registrar.wait(upload.json()["id"])["state"] == "done"
    # and what was renewed is not renewed again
    again = make_tsv(healthy.registrar, "server-renew", [e["application"] for e in entries])
    assert again.status_code == 400 and "977" in again.text


def test_file_to_revoke_uploads_unchanged(healthy):
    marker = new_name()
    rows = [Row(f"{letter}-{marker}") for letter in "abcd"]
    entries = healthy.registrar.apply(rows)["rows"]
    healthy.registrar.apply([Revocation(rows[2].dn, entries[2]["serial"], "5")], kind="server-revoke")
    healthy.query("UPDATE certificate SET not_after = now() - interval '1 day' WHERE application = %s", entries[3]["application"])
    wait_for(lambda: any("通知予定" in step for step in steps(healthy.registrar, entries[0]["serial"])), "the reminders of the link")
    answer = make_tsv(healthy.registrar, "server-revoke", [e["application"] for e in entries], reason="4", comment="機器の廃止")
    assert [line[3] for line in lines(answer)] == [entries[1]["serial"], entries[0]["serial"]], "what is over is left out"
    assert {(line[4], line[5]) for line in lines(answer)} == {("4", "機器の廃止")}
    upload = healthy.registrar.upload(answer.content, kind="server-revoke", filename="server-revoke.tsv")
    done = healthy.registrar.wait(upload.json()["id"])
    assert done["state"] == "done" and done["rows_ok"] == 2
    for entry in entries[:2]:
        assert healthy.registrar.get(f"/api/v1/certificates/{entry['serial']}").json()["status"] == "revoked"
        assert not any("通知予定" in step for step in steps(healthy.registrar, entry["serial"])), "nothing is to come any more"
    nothing = make_tsv(healthy.registrar, "server-revoke", [e["application"] for e in entries], reason="4")
    assert nothing.status_code == 400 and "977" in nothing.text


def test_file_of_all_that_a_search_finds(healthy):
    marker = new_name()
    entries = healthy.registrar.apply([Row(f"{n}-{marker}") for n in range(3)])["rows"]
    chosen = make_tsv(healthy.registrar, "server-revoke", [entries[0]["application"]], reason="0", scope="chosen", q=marker)
    assert len(lines(chosen)) == 1
    everything = make_tsv(healthy.registrar, "server-revoke", [entries[0]["application"]], reason="0", scope="all", q=marker)
    assert [line[3] for line in lines(everything)] == [e["serial"] for e in reversed(entries)]
    # as many as a file may have (upload.rows_max = 2000 here), over several pages of the query; more is refused, not cut off
    healthy.registrar.apply([Row(f"{n}-{marker}") for n in range(10, 610)])
    assert len(lines(make_tsv(healthy.registrar, "server-renew", scope="all", q=marker))) == 603


def test_files_are_the_organisations_own(healthy):
    row = Row()
    entry = healthy.registrar.apply([row])["rows"][0]
    for kind in ("server-renew", "server-revoke"):
        assert make_tsv(healthy.registrar2, kind, [entry["application"]], reason="0").status_code == 400
        assert make_tsv(healthy.registrar2, kind, scope="all", q=row.name, reason="0").status_code == 400


@pytest.mark.parametrize("fields", [{"kind": "server-issue"}, {"kind": ""}, {"reason": "2"}, {"reason": ""}, {"reason": "9"},
                                    {"comment": "a\tb"}, {"comment": "x" * 129}, {"comment": "😀"}, {"certificate": "x"},
                                    {"scope": "all", "state": "nonsense"}])
def test_files_refuse_what_they_cannot_hold(healthy, fields):
    answer = healthy.registrar.post("/certificates/tsv", data={"kind": "server-revoke", "reason": "0", "certificate": "1", **fields},
                                    headers={**JA, "Origin": healthy.registrar.base})
    assert answer.status_code == 400 and "966" in answer.text


def test_files_are_not_for_other_sites(healthy):
    answer = healthy.registrar.post("/certificates/tsv", data={"kind": "server-renew"}, headers={**JA, "Origin": "https://evil.example"})
    assert answer.status_code == 403


def test_what_is_still_to_be_replaced(healthy, renewed):
    old, first, _, second = renewed
    found = page(healthy.registrar, "/certificates/replacing")
    assert old.name in found and first["serial"] in found and second["serial"] in found and old.mail in found
    assert "送信予定" in found and "更新に伴う旧証明書の失効" in healthy.registrar.get("/certificates/replacing", headers=JA).text
    assert first["serial"] not in page(healthy.registrar2, "/certificates/replacing", EN)
    healthy.query("UPDATE reminder SET due = now() FROM certificate c WHERE c.id = certificate AND c.application = %s AND kind = 'replace'",
                  second["application"])
    # the mailer looks for what is due by a periodic job
    healthy.make_due("remind")
    row = wait_for(lambda: re.search(rf"{first['serial']}.*?送信 ", page(healthy.registrar, "/certificates/replacing")), "the reminder sent")
    assert row
    # the file for it, as the form is filled in
    answer = make_tsv(healthy.registrar, "server-revoke", [first["application"]], reason="4", comment="更新に伴う旧証明書の失効")
    upload = healthy.registrar.upload(answer.content, kind="server-revoke")
    assert healthy.registrar.wait(upload.json()["id"])["state"] == "done"
    assert first["serial"] not in page(healthy.registrar, "/certificates/replacing")


def test_resend_comes_back_to_the_certificate(healthy):
    entry = healthy.registrar.apply([Row()])["rows"][0]
    session = requests.Session()
    session.cert, session.verify, session.trust_env = healthy.registrar.session.cert, healthy.env["INKAN_TLS_CA"], False
    base = healthy.registrar.base
    address = re.search(r'href="(/certificates/\d+/resend\?from=[^"]+)"',
                        session.get(f"{base}/certificates/{entry['serial']}", headers=JA).text).group(1)
    form = session.get(base + address, headers=JA).text
    fields = dict(re.findall(r'name="(csrf|from|manager_mail)" value="([^"]*)"', form))
    answer = session.post(base + address.split("?")[0], data=fields, headers={**JA, "Origin": base}, allow_redirects=False)
    assert answer.status_code == 303 and answer.headers["Location"] == f"/certificates/{entry['serial']}?resent=1"
    fields["from"] = "//evil.example"
    answer = session.post(base + address.split("?")[0], data=fields, headers={**JA, "Origin": base}, allow_redirects=False)
    assert answer.headers["Location"] == "/certificates?resent=1"
