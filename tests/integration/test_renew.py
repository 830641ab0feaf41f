"""Renewing (manual 1-2): the file, the notices with the revocation file, the reminders."""
import pytest
from cryptography import x509
from inkantest import mails
from inkantest.instance import wait_for
from inkantest.rows import ORGANISATION, Revocation, Row, new_name
from inkantest.uploads import codes, issue

RENEWED, REPLACE = "[UPKI] Webサーバ用証明書更新通知", "[UPKI] Webサーバ用証明書失効依頼再通知"


def renew(instance, *rows, **kw):
    return instance.registrar.apply(rows, kind="server-renew", **kw)


def fetch(instance, row):
    """The manager fetches the newest certificate of the name."""
    (serial, ident), = instance.query("SELECT encode(serial, 'hex'), id FROM certificate WHERE cn = %s ORDER BY id DESC LIMIT 1",
                                      row.name)
    (mail,) = wait_for(lambda: [m for m in mails.to(instance, row.mail, str(int(serial, 16))) if "受付通知" in m.subject],
                       "the issuance notice")
    answer = instance.public.post(mail.link())
    assert answer.status_code == 200
    wait_for(lambda: instance.value("SELECT fetched FROM certificate WHERE id = %s", ident), "the record of the download")
    return x509.load_pem_x509_certificate(answer.content)


def told(instance, subject, row):
    return [m for m in mails.to(instance, None, row.name) if m.subject == subject]


def registrars(instance):
    return {mail for (mail,) in instance.query("SELECT mail FROM registrar WHERE organisation = 1 AND state = 'active'")}


def state(instance, serial):
    return instance.registrar.get(f"/api/v1/certificates/{serial}").json()["state"]


def due(instance, row, kind):
    """Makes the reminder of the name's newest certificate due, and waits until it has been judged."""
    instance.query("UPDATE reminder r SET due = now() FROM certificate c WHERE c.id = r.certificate AND c.cn = %s AND r.kind = %s",
                   row.name, kind)
    instance.make_due("remind")
    wait_for(lambda: instance.value("SELECT count(*) FROM reminder r JOIN certificate c ON c.id = r.certificate"
                                    " WHERE c.cn = %s AND r.kind = %s AND r.due <= now()", row.name, kind) == 0, "the reminder")


def judged(instance, row, kind):
    return [wanted for (wanted,) in instance.query(
        "SELECT (e.detail->>'wanted')::boolean FROM audit_event e JOIN application a ON a.id = e.application"
        " WHERE e.kind = 'reminded' AND a.cn = %s AND e.detail->>'kind' = %s ORDER BY e.at", row.name, kind)]


def test_the_manuals_way(healthy, tmp_path):
    """1-2: renewed, fetched, the attached file uploaded as it is, the old certificate revoked."""
    (old, old_entry), = issue(healthy)
    first = fetch(healthy, old)
    new = Row(old.name, old_entry["serial"], profile="3", manager="交代　花子", mail="new-manager@example.ac.jp",
              dns_names="dNSName=" + new_name())
    upload = renew(healthy, new)
    assert upload["state"] == "done" and upload["rows"][0]["result"] == "OK", upload
    serial = upload["rows"][0]["serial"]
    assert serial != old_entry["serial"]
    assert wait_for(lambda: state(healthy, serial) == 4, "the issuance notice")
    second = fetch(healthy, new)
    assert second.subject == first.subject and str(second.serial_number) == serial
    assert second.public_key() != first.public_key()

    notices = wait_for(lambda: (lambda m: m if len(m) == len(registrars(healthy)) else None)(told(healthy, RENEWED, new)), "notices")
    assert {m.to for m in notices} == registrars(healthy)
    mail = notices[0]
    assert serial in mail.text and old_entry["serial"] in mail.text and f"CN={new.name}" in mail.text
    mails.verify(mail.raw, healthy.env["INKAN_MAIL_CA"], tmp_path)
    name, content = mail.attachment()
    assert name == f"{old_entry['serial']}-{old.name}.tsv"
    assert content == Revocation(old.dn, old_entry["serial"], "4", "更新に伴う旧証明書の失効").line()
    assert wait_for(lambda: state(healthy, serial) == 8, "waiting for the replacement")
    assert not [m for m in mails.to(healthy, None, new.name) if m.subject == "サーバ証明書取得通知" and serial in m.text]

    answer = healthy.registrar.upload(content, kind="server-revoke", filename=name)
    assert healthy.registrar.wait(answer.json()["id"])["state"] == "done"
    assert wait_for(lambda: state(healthy, old_entry["serial"]) == 7, "revocation told")
    assert state(healthy, serial) == 6


def test_serial_in_hexadecimal(healthy):
    (old, entry), = issue(healthy)
    upload = renew(healthy, Row(old.name, "0x%X" % int(entry["serial"])))
    assert upload["state"] == "done"


ERRORS = {
    "no serial": (lambda r, s: Row(r.name, ""), (201, 4)),
    "serial format": (lambda r, s: Row(r.name, "12 34"), (930, 4)),
    "serial unknown": (lambda r, s: Row(r.name, "1"), (931, 4)),
    "another name": (lambda r, s: Row(new_name(), s), (932, 1)),
    "the old key": (lambda r, s: Row(r.name, s, key=r.key), (918, 7)),
    "L of today": (lambda r, s: Row(r.name, s, organisation={**ORGANISATION, "L": "Minato-ku"}), (905, 1)),
    "name not permitted": (lambda r, s: Row(r.name, s, dns_names="dNSName=www.other.ac.jp"), (901, 13)),
}


@pytest.fixture(scope="module")
def standing(inkan):
    ((row, entry),) = issue(inkan)
    return row, entry["serial"]


@pytest.mark.parametrize("case", ERRORS)
def test_error(healthy, standing, case):
    make, wanted = ERRORS[case]
    upload = renew(healthy, make(*standing))
    assert upload["state"] == "rejected" and wanted in codes(upload)[0], codes(upload)


def test_issuing_a_name_again_is_still_refused(healthy, standing):
    row, _ = standing
    assert codes(healthy.registrar.apply([Row(row.name)])) == [[(212, 1)]]


def test_whois_and_limit_matter(healthy, standing):
    row, serial = standing
    before = healthy.whois("example.ac.jp", "#reset")
    try:
        assert codes(renew(healthy, Row(row.name, serial))) == [[(903, 11)]]
    finally:
        healthy.whois("example.ac.jp", before)
    healthy.query("UPDATE organisation SET issue_until = current_date - 10 WHERE id = 1")
    try:
        assert codes(renew(healthy, Row(row.name, serial))) == [[(902, 0)]]
    finally:
        healthy.query("UPDATE organisation SET issue_until = current_date + 300 WHERE id = 1")


@pytest.mark.parametrize("how", ["expired", "revoked"])
def test_certificates_that_are_no_longer_valid_can_be_renewed(healthy, how):
    (old, entry), = issue(healthy)
    if how == "expired":
        healthy.query("UPDATE certificate SET not_after = now() - interval '1 second' WHERE cn = %s", old.name)
    else:
        healthy.registrar.apply([Revocation(old.dn, entry["serial"])], kind="server-revoke")
    new = Row(old.name, entry["serial"])
    assert renew(healthy, new)["state"] == "done"
    fetch(healthy, new)
    mail = wait_for(lambda: told(healthy, RENEWED, new), "the notice")[0]
    assert mail.attachment() is None and entry["serial"] in mail.text
    assert healthy.value("SELECT count(*) FROM reminder r JOIN certificate c ON c.id = r.certificate"
                         " WHERE c.cn = %s AND r.kind = 'replace'", old.name) == 0


def test_two_renewals_at_once(healthy):
    (old, entry), = issue(healthy)
    healthy.ctl("halt", "--reason", "test")
    try:
        first = healthy.registrar.upload(Row(old.name, entry["serial"]).line(), kind="server-renew").json()["id"]
        wait_for(lambda: healthy.registrar.get(f"/api/v1/uploads/{first}").json()["state"] == "accepted", "acceptance")
        second = renew(healthy, Row(old.name, entry["serial"]))
        assert second["state"] == "rejected" and codes(second) == [[(937, 4)]]
        both = [healthy.registrar.upload(Row(old.name, entry["serial"]).line(), kind="server-renew").json()["id"] for _ in range(2)]
        assert [codes(healthy.registrar.wait(i)) for i in both] == [[[(937, 4)]], [[(937, 4)]]]
    finally:
        healthy.ctl("resume")
    ended = healthy.registrar.wait(first)
    assert ended["state"] == "done"
    third = renew(healthy, Row(old.name, ended["rows"][0]["serial"]))
    assert third["state"] == "done", "a renewal that has ended bars no other"


def test_renewal_that_fails_frees_the_name(healthy):
    (old, entry), = issue(healthy)
    healthy.ctl("halt", "--reason", "test")
    try:
        upload = healthy.registrar.upload(Row(old.name, entry["serial"]).line(), kind="server-renew").json()["id"]
        wait_for(lambda: healthy.registrar.get(f"/api/v1/uploads/{upload}").json()["state"] == "accepted", "acceptance")
        healthy.query("UPDATE domain SET state = 'suspended' WHERE name = 'example.ac.jp'")
        healthy.ctl("resume")
        assert codes(healthy.registrar.wait(upload)) == [[(941, 0)]]
    finally:
        healthy.query("UPDATE domain SET state = 'permitted' WHERE name = 'example.ac.jp'")
        healthy.ctl("resume", check=False)
    assert renew(healthy, Row(old.name, entry["serial"]))["state"] == "done"


def test_reminder_while_the_old_certificate_is_valid(healthy):
    (old, entry), = issue(healthy)
    new = Row(old.name, entry["serial"])
    renew(healthy, new)
    fetch(healthy, new)
    when = healthy.value("SELECT r.due - c.fetched FROM reminder r JOIN certificate c ON c.id = r.certificate"
                         " WHERE c.cn = %s AND r.kind = 'replace'", old.name)
    assert when.days == 14
    due(healthy, new, "replace")
    mail = wait_for(lambda: told(healthy, REPLACE, new), "the reminder")[0]
    assert entry["serial"] in mail.text and mail.attachment() is None
    wait_for(lambda: len(told(healthy, REPLACE, new)) == len(registrars(healthy)), "all registrars")
    assert judged(healthy, new, "replace") == [True]
    assert healthy.value("SELECT count(*) FROM reminder r JOIN certificate c ON c.id = r.certificate"
                         " WHERE c.cn = %s AND r.kind = 'replace'", old.name) == 0, "once"


def test_no_reminder_when_the_old_one_was_revoked_meanwhile(healthy):
    (old, entry), = issue(healthy)
    new = Row(old.name, entry["serial"])
    renew(healthy, new)
    fetch(healthy, new)
    healthy.registrar.apply([Revocation(old.dn, entry["serial"])], kind="server-revoke")
    due(healthy, new, "replace")
    assert judged(healthy, new, "replace") == [False] and not told(healthy, REPLACE, new)


def test_expiry_notices_know_of_replacement(healthy):
    subject = "[UPKI] サーバ証明書有効期限通知"
    (kept, _), (replaced, entry) = issue(healthy, Row(mail="kept@example.ac.jp"), Row(mail="replaced@example.ac.jp"))
    fetch(healthy, kept)
    fetch(healthy, replaced)
    rounds = healthy.query("SELECT r.round, c.not_after - r.due FROM reminder r JOIN certificate c ON c.id = r.certificate"
                           " WHERE c.cn = %s AND r.kind = 'expiring'", kept.name)
    assert [(n, d.days) for n, d in rounds] == [(1, 30)]
    due(healthy, kept, "expiring")
    wait_for(lambda: {m.to for m in told(healthy, subject, kept)} == registrars(healthy) | {"kept@example.ac.jp"}, "the first notice")
    rounds = healthy.query("SELECT r.round, c.not_after - r.due FROM reminder r JOIN certificate c ON c.id = r.certificate"
                           " WHERE c.cn = %s AND r.kind = 'expiring'", kept.name)
    assert [(n, d.days) for n, d in rounds] == [(2, 7)]
    due(healthy, kept, "expiring")
    wait_for(lambda: len(told(healthy, subject, kept)) == 2 * (len(registrars(healthy)) + 1), "the second")

    new = Row(replaced.name, entry["serial"], mail="replaced@example.ac.jp")
    renew(healthy, new)
    fetch(healthy, new)
    healthy.query("UPDATE reminder r SET due = now() FROM certificate c JOIN application a ON a.id = c.application"
                  " WHERE c.id = r.certificate AND c.cn = %s AND r.kind = 'expiring' AND a.target IS NULL", replaced.name)
    healthy.make_due("remind")
    wait_for(lambda: judged(healthy, replaced, "expiring"), "judgement")
    assert judged(healthy, replaced, "expiring") == [False] and not told(healthy, subject, replaced)
