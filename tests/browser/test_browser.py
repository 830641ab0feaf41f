"""What people see and press, in a real Chromium; the scenarios are in pages.mjs."""
from inkantest import mails
from inkantest.instance import wait_for
from inkantest.rows import Revocation, Row


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


def test_errors(browse, tmp_path):
    browse("errors", BROWSER_TSV=tsv(tmp_path, Row(columns={7: ""}), Row()))


def test_unticked(browse):
    browse("unticked")


def test_link(browse, inkan):
    row = Row(mail="browser@example.ac.jp")
    inkan.registrar.apply([row])
    (mail,) = wait_for(lambda: mails.to(inkan, row.mail, row.name), "the issuance notice")
    browse("link", BROWSER_LINK=mail.link(), BROWSER_NAME=row.name)


def test_stranger(browse):
    browse("stranger")
