"""利用管理者情報 更新: who looks after a certificate changes, the certificate does not."""
import pytest
from inkantest import mails
from inkantest.instance import wait_for
from inkantest.rows import Manager, Revocation, Row
from inkantest.uploads import codes, issue, revoke_unseen


def update(instance, *lines, **kw):
    return instance.registrar.apply(lines, kind="manager-update", **kw)


def manager(instance, entry):
    return instance.registrar.get(f"/api/v1/certificates/{entry['serial']}").json()["manager"]


def changes(instance, row):
    """(before, after) of each change that the audit tells of."""
    return instance.query("SELECT detail->'before', detail->'after' FROM audit_event WHERE kind = 'manager_changed' AND subject ="
                          " (SELECT encode(serial, 'hex') FROM certificate WHERE cn = %s) ORDER BY xid, id", row.name)


def der(instance, row):
    return bytes(instance.value("SELECT der FROM certificate WHERE cn = %s", row.name))


def server_all(instance, row):
    """The certificate's line in serverAll.tsv by heading."""
    lines = instance.registrar.get("/api/v1/certificates.tsv").content.decode("cp932").split("\r\n")
    found = [line.split("\t") for line in lines[1:] if f"CN={row.name}," in line]
    assert len(found) == 1, "one line an application for a certificate, none for an update"
    return dict(zip(lines[0].split("\t"), found[0]))


def test_update(healthy):
    (row, entry), (other, other_entry) = issue(healthy, Row(mail="former@example.ac.jp"), Row(mail="stays@example.ac.jp"))
    before = der(healthy, row), healthy.value("SELECT count(*) FROM link")
    upload = update(healthy, Manager(row.dn, entry["serial"], "new@example.ac.jp", "後任　花子", "図書館", "nginx 1.24", row.name),
                    Manager(other.dn, hex(int(other_entry["serial"])), "second@example.ac.jp"))
    assert upload["state"] == "done" and (upload["rows_ok"], upload["rows_ng"]) == (2, 0), upload
    for line, (applied, issued) in zip(upload["rows"], ((row, entry), (other, other_entry))):
        assert (line["result"], line["state"], line["serial"], line["cn"]) == ("OK", None, issued["serial"], applied.name)
    assert manager(healthy, entry) == {"name": "後任　花子", "affiliation": "図書館", "mail": "new@example.ac.jp", "software": "nginx 1.24"}
    assert manager(healthy, other_entry) == {"name": other.manager, "affiliation": other.affiliation,
                                             "mail": "second@example.ac.jp", "software": other.software}, "empty is unchanged"
    shown = server_all(healthy, row)
    assert [shown[k] for k in ("利用管理者氏名", "利用管理者所属", "利用管理者mail", "利用管理者ソフトウェア名・バージョン")] == [
        "後任　花子", "図書館", "new@example.ac.jp", "nginx 1.24"]
    old = {"name": row.manager, "affiliation": row.affiliation, "mail": "former@example.ac.jp", "software": row.software}
    assert changes(healthy, row) == [(old, manager(healthy, entry))]
    assert changes(healthy, other)[0][1] == manager(healthy, other_entry)
    assert (der(healthy, row), healthy.value("SELECT count(*) FROM link")) == before
    assert healthy.value("SELECT manager_mail FROM application WHERE id = %s", entry["application"]) == "former@example.ac.jp"
    # The next change begins where this one ended.
    update(healthy, Manager(row.dn, entry["serial"], "third@example.ac.jp"))
    assert manager(healthy, entry)["name"] == "後任　花子"
    assert [after["mail"] for _, after in changes(healthy, row)] == ["new@example.ac.jp", "third@example.ac.jp"]
    assert healthy.registrar.get(f"/api/v1/uploads/{upload['id']}").json()["state"] == "done"


def test_later_notices_go_to_the_new_address(healthy):
    (row, entry), = issue(healthy, Row(mail="left@example.ac.jp"))
    (mail,) = wait_for(lambda: mails.to(healthy, row.mail, row.name), "the issuance notice")
    update(healthy, Manager(row.dn, entry["serial"], "came@example.ac.jp", "後任"))
    assert healthy.public.get(mail.link()).status_code == 200, "the unused link lives"
    assert not mails.to(healthy, "came@example.ac.jp", row.name), "and is not sent by itself"
    assert healthy.registrar.post(f"/api/v1/links/{entry['application']}/resend").status_code == 202
    (again,) = wait_for(lambda: mails.to(healthy, "came@example.ac.jp", row.name), "the link on request")
    assert again.text.count("後任様") == 1
    assert healthy.public.post(again.link()).status_code == 200
    wait_for(lambda: healthy.query("SELECT 1 FROM reminder r JOIN certificate c ON c.id = r.certificate"
                                   " WHERE c.cn = %s AND r.kind = 'expiring'", row.name), "the burn")
    healthy.query("UPDATE reminder r SET due = now() FROM certificate c WHERE c.id = r.certificate AND c.cn = %s"
                  " AND r.kind = 'expiring'", row.name)
    healthy.make_due("remind")
    wait_for(lambda: len(mails.to(healthy, "came@example.ac.jp", row.name)) == 2, "the notice of the end")
    assert healthy.registrar.apply([Revocation(row.dn, entry["serial"], "5")], kind="server-revoke")["state"] == "done"
    wait_for(lambda: len(mails.to(healthy, "came@example.ac.jp", row.name)) == 3, "the notice of the revocation")
    assert len(mails.to(healthy, "left@example.ac.jp", row.name)) == 1


def bad_rows(row, entry):
    def line(**columns):
        return Manager(row.dn, entry["serial"], "x@example.ac.jp", columns={int(k[1:]): v for k, v in columns.items()})
    return {
        "no mail": (line(c10=""), [(201, 10)]),
        "mail": (line(c10="x"), [(206, 10)]),
        "long mail": (line(c10="a" * 64 + "@aaaa.example.ac.jp"), [(202, 10)]),
        "no serial": (line(c4=""), [(201, 4)]),
        "serial": (line(c4="x"), [(930, 4)]),
        "unknown": (line(c4="12345"), [(931, 4)]),
        "no dn": (line(c1=""), [(201, 1)]),
        "dn": (line(c1=row.dn.replace(row.name, "other.example.ac.jp")), [(932, 1)]),
        "o": (line(c1=row.dn.replace("testkikan", "other")), [(932, 1)]),
        "fqdn": (line(c11="other.example.ac.jp"), [(920, 11)]),
        "name": (line(c8="①"), [(205, 8)]),
        "software": (line(c12="あ" * 129), [(202, 12)]),
        "profile": (line(c2="3"), [(912, 2)]),
        "reserved": (line(c3="1", c5="1", c6="x", c7="x", c13="dNSName=a.example.ac.jp"), [(912, n) for n in (3, 5, 6, 7, 13)]),
    }


def test_bad_rows_refuse_the_file(healthy):
    (row, entry), (good, good_entry) = issue(healthy, Row(mail="kept@example.ac.jp"), Row(mail="kept2@example.ac.jp"))
    for what, (line, expected) in bad_rows(row, entry).items():
        upload = update(healthy, line, Manager(good.dn, good_entry["serial"], "y@example.ac.jp"))
        assert upload["state"] == "rejected" and codes(upload) == [expected, []], what
    assert manager(healthy, entry)["mail"] == "kept@example.ac.jp"
    assert manager(healthy, good_entry)["mail"] == "kept2@example.ac.jp"
    assert changes(healthy, row) == changes(healthy, good) == []


def test_skip_takes_the_good_rows_and_dry_run_nothing(healthy):
    (row, entry), (other, other_entry) = issue(healthy, Row(mail="one@example.ac.jp"), Row(mail="two@example.ac.jp"))
    lines = [Manager(row.dn, entry["serial"], "one.new@example.ac.jp"), Manager(other.dn, other_entry["serial"], "bad")]
    dry = update(healthy, lines[0], dry_run="true", confirmed=None)
    assert dry["state"] == "done" and dry["rows_ok"] == 1 and manager(healthy, entry)["mail"] == "one@example.ac.jp"
    upload = update(healthy, *lines, on_error="skip")
    assert upload["state"] == "done" and (upload["rows_ok"], upload["rows_ng"]) == (1, 1)
    assert [line["result"] for line in upload["rows"]] == ["OK", "NG"] and upload["rows"][1]["state"] == -1
    assert manager(healthy, entry)["mail"] == "one.new@example.ac.jp" and manager(healthy, other_entry)["mail"] == "two@example.ac.jp"
    kinds = healthy.query("SELECT kind, count(*) FROM audit_event WHERE upload = %s GROUP BY 1 ORDER BY 1", upload["id"])
    assert dict(kinds) == {"manager_changed": 1, "row_refused": 1, "upload_accepted": 1, "upload_received": 1}


def test_the_same_certificate_twice(healthy):
    (row, entry), = issue(healthy)
    upload = update(healthy, Manager(row.dn, entry["serial"], "a@example.ac.jp"),
                    Manager(row.dn, hex(int(entry["serial"])), "b@example.ac.jp"), on_error="skip")
    assert upload["state"] == "rejected" and codes(upload) == [[(936, 4)], [(936, 4)]]


def test_another_organisations_certificate_is_unknown(healthy):
    (row, entry), = issue(healthy)
    upload = healthy.registrar2.apply([Manager(row.dn, entry["serial"], "thief@example.ac.jp")], kind="manager-update")
    assert upload["state"] == "rejected" and codes(upload) == [[(931, 4)]]
    assert manager(healthy, entry)["mail"] == row.mail


def test_after_the_issuing_limit_and_without_whois(healthy):
    (row, entry), = issue(healthy)
    healthy.query("UPDATE organisation SET issue_until = current_date - 10 WHERE id = 1")
    before = healthy.whois("example.ac.jp", "#reset")
    try:
        assert update(healthy, Manager(row.dn, entry["serial"], "late@example.ac.jp"))["state"] == "done"
    finally:
        healthy.whois("example.ac.jp", before)
        healthy.query("UPDATE organisation SET issue_until = current_date + 300 WHERE id = 1")
    assert manager(healthy, entry)["mail"] == "late@example.ac.jp"


def test_revoked_and_expired_certificates(healthy):
    (row, entry), (old, old_entry) = issue(healthy, Row(), Row())
    assert healthy.registrar.apply([Revocation(row.dn, entry["serial"], "5")], kind="server-revoke")["state"] == "done"
    assert codes(update(healthy, Manager(row.dn, entry["serial"], "x@example.ac.jp"))) == [[(933, 4)]]
    healthy.query("UPDATE certificate SET not_after = now() - interval '1 second' WHERE cn = %s", old.name)
    assert update(healthy, Manager(old.dn, old_entry["serial"], "x@example.ac.jp"))["state"] == "done", "only revoked ones are refused"


def test_revoked_between_check_and_decision(healthy):
    (row, entry), (other, other_entry) = issue(healthy, Row(), Row())
    healthy.query("CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.due = now() + interval '1 hour';"
                  " RETURN NEW; END $$; CREATE TRIGGER later BEFORE INSERT ON job FOR EACH ROW WHEN (NEW.stage = 'decide')"
                  " EXECUTE FUNCTION later()")
    try:
        lines = [Manager(r.dn, e["serial"], "x@example.ac.jp") for r, e in ((row, entry), (other, other_entry))]
        upload = healthy.registrar.upload(b"".join(line.line() for line in lines), "skip", kind="manager-update").json()["id"]
        wait_for(lambda: healthy.query("SELECT 1 FROM job WHERE stage = 'decide' AND upload = %s", upload), "the check")
        revoke_unseen(healthy, entry["serial"])
    finally:
        healthy.query("DROP FUNCTION later CASCADE")
        healthy.query("UPDATE job SET due = now() WHERE stage = 'decide'")
    ended = healthy.registrar.wait(upload)
    assert ended["state"] == "done" and codes(ended) == [[(933, 4)], []]
    assert manager(healthy, entry)["mail"] == row.mail and manager(healthy, other_entry)["mail"] == "x@example.ac.jp"


@pytest.mark.parametrize("language", ["ja", "en"])
def test_pages(healthy, language):
    (row, entry), = issue(healthy)
    html = {"Accept": "text/html", "Accept-Language": language}
    menu = healthy.registrar.get("/", headers=html).text
    assert "/uploads/new?kind=manager-update" in menu and ("利用管理者情報" in menu or language == "en")
    form = healthy.registrar.get("/uploads/new", params={"kind": "manager-update"}, headers=html).text
    assert '<option value="manager-update" selected>' in form
    upload = update(healthy, Manager(row.dn, entry["serial"], "page@example.ac.jp"))
    page = healthy.registrar.get(f"/uploads/{upload['id']}", headers=html).text
    assert ("利用管理者情報 更新申請完了画面" if language == "ja" else "Managers updated") in page
    assert row.name in page and "ワンタイムURL" not in page


@pytest.mark.parametrize("column", ["der", "fetched", "not_after", "serial", "cn"])
def test_the_validator_cannot_touch_the_certificate_itself(healthy, column):
    with healthy.database("validator") as connection, connection.cursor() as cursor:
        with pytest.raises(Exception, match="permission denied"):
            cursor.execute(f"UPDATE certificate SET {column} = {column}")
