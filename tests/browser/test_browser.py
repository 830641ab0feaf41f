"""What people see and press, in a real Chromium; the scenarios are in pages.mjs."""
import pathlib

import pytest
from inkantest import mails
from inkantest.instance import wait_for
from inkantest.rows import Manager, Revocation, Row, new_name


def tsv(tmp_path, *rows):
    path = tmp_path / "申請.tsv"
    path.write_bytes(b"".join(row.line() for row in rows))
    return str(path)


def test_upload(browse, tmp_path):
    row = Row()
    browse("upload", BROWSER_TSV=tsv(tmp_path, row, Row()), BROWSER_NAME=row.name)


def test_revoke(browse, inkan, tmp_path):
    row = Row()
    serial = inkan.registrar.apply([row])["rows"][0]["serial"]
    browse("revoke", BROWSER_TSV=tsv(tmp_path, Revocation(row.dn, serial, "5", "運用終了")), BROWSER_NAME=row.name)


def test_download(browse, inkan):
    row = Row()
    inkan.registrar.apply([row])
    browse("download", BROWSER_NAME=row.name)


@pytest.mark.parametrize("locale, width", [("ja-JP", "1200"), ("en-US", "1200"), ("en-US", "390")])
def test_menu(browse, locale, width):
    browse("menu", BROWSER_LOCALE=locale, BROWSER_WIDTH=width)


def test_errors(browse, tmp_path):
    browse("errors", BROWSER_TSV=tsv(tmp_path, Row(columns={7: ""}), Row()))


def test_dry_run(browse, tmp_path):
    browse("dry_run", BROWSER_TSV=tsv(tmp_path, Row()))


def test_session(browse):
    browse("session")


def test_refused(browse, inkan):
    """A registrar who was removed; the certificate that was presented is named."""
    third = pathlib.Path(inkan.env["INKAN_REGISTRAR_CERT"]).with_name("registrar3.pem")
    number = str(inkan.value("SELECT id FROM registrar WHERE mail LIKE 'kigen.%%'"))
    inkan.ctl("registrar", "remove", number)
    try:
        browse("refused", BROWSER_CERT=str(third), BROWSER_KEY=str(third.with_suffix(".key")), BROWSER_SAYS="CN=Saburo Kigen")
    finally:
        inkan.ctl("registrar", "change", number, "--state", "active")


def test_unticked(browse, tmp_path):
    browse("unticked", BROWSER_TSV=tsv(tmp_path, Row()))


def test_confirm(browse, tmp_path):
    path = tmp_path / "<b>=申請 'x'.tsv"
    path.write_bytes(b"\r\n" + Row().line() + b" \t\r\n\n" + Row().line() + Row().line(end=b""))
    browse("confirm", BROWSER_TSV=str(path), BROWSER_FILE=path.name, BROWSER_ROWS="3")


@pytest.mark.parametrize("script", ["true", "false"])
def test_progress(browse, inkan, script):
    inkan.ctl("halt", "--reason", "test")
    try:
        upload = inkan.registrar.upload(Row().line()).json()
        wait_for(lambda: inkan.registrar.get(f"/api/v1/uploads/{upload['id']}").json()["state"] == "accepted", "acceptance")
        with browse.started("progress", BROWSER_UPLOAD=f"/uploads/{upload['id']}", BROWSER_SCRIPT=script) as lines:
            assert next(lines) == "waiting"
            inkan.ctl("resume")
    finally:
        inkan.ctl("resume", check=False)


def test_link(browse, inkan):
    row = Row(mail="browser@example.ac.jp")
    inkan.registrar.apply([row])
    (mail,) = wait_for(lambda: mails.to(inkan, row.mail, row.name), "the issuance notice")
    browse("link", BROWSER_LINK=mail.link(), BROWSER_NAME=row.name)


def test_unfetched(browse, inkan):
    row = Row(mail="browser-old@example.ac.jp")
    inkan.registrar.apply([row, Row()])
    browse("unfetched", BROWSER_NAME=row.name)
    wait_for(lambda: mails.to(inkan, "browser-new@example.ac.jp", row.name), "the mail to the corrected address")
    wait_for(lambda: mails.to(inkan, "browser-third@example.ac.jp", row.name), "the mail to the next")


@pytest.mark.parametrize("script", ["yes", "no"])
def test_chosen(browse, inkan, script):
    mark = new_name()
    entries = inkan.registrar.apply([Row(f"{letter}-{mark}") for letter in "abc"])["rows"]
    inkan.query("UPDATE certificate SET not_after = now() + interval '6 days' WHERE application = %s", entries[2]["application"])
    while inkan.value("SELECT count(*) FROM certificate") < 100:
        inkan.registrar.apply([Row() for _ in range(99)])
    browse("chosen", BROWSER_MARK=mark, BROWSER_SCRIPT=script)
    for entry in entries[:2]:
        assert inkan.registrar.get(f"/api/v1/certificates/{entry['serial']}").json()["status"] == "revoked"


def test_replacing(browse, inkan):
    old = Row(mail="replacing@example.ac.jp")
    entry = inkan.registrar.apply([old])["rows"][0]
    new = Row(old.name, entry["serial"], mail=old.mail)
    inkan.registrar.apply([new], kind="server-renew")
    for number in (1, 2):
        found = wait_for(lambda n=number: (lambda m: m if len(m) >= n else None)(mails.to(inkan, old.mail, old.name)), "the links")
        assert inkan.public.post(found[number - 1].link()).status_code == 200
    wait_for(lambda: old.name in inkan.registrar.get("/certificates/replacing").text, "state 8")
    browse("replacing", BROWSER_NAME=old.name)
    assert inkan.registrar.get(f"/api/v1/certificates/{entry['serial']}").json()["status"] == "revoked"


def test_statistics(browse, inkan):
    inkan.registrar.apply([Row(), Row(profile="3")])
    browse("statistics")


def test_manager(browse, inkan, tmp_path):
    row = Row()
    serial = inkan.registrar.apply([row])["rows"][0]["serial"]
    browse("manager", BROWSER_TSV=tsv(tmp_path, Manager(row.dn, serial, "after@example.ac.jp")), BROWSER_NAME=row.name)
    assert inkan.registrar.get(f"/api/v1/certificates/{serial}").json()["manager"]["mail"] == "after@example.ac.jp"


def test_stranger(browse):
    browse("stranger")
