"""Rows meant to do harm: every control character in every column, bytes that are no text, formulas, headers, homographs; and a
registrar who is removed while he uploads."""
import base64
import re

import pytest
from inkantest import mails, raw
from inkantest.instance import Registrar, wait_for
from inkantest.rows import ORGANISATION, Manager, Revocation, Row, new_name
from inkantest.uploads import issue

CONTROLS = [bytes([c]) for c in (*range(0x00, 0x09), *range(0x0b, 0x20), 0x7f)]
NO_TEXT = {"80": b"\x80", "a0": b"\xa0", "fd": b"\xfd", "ff": b"\xff", "half a character": b"\x82", "lead without trail": b"\x82\x20",
           "overlong slash": b"\xc0\xaf", "overlong NUL": b"\xe0\x80\x80", "surrogate": b"\xed\xa0\x80", "private use": b"\xf0\x40",
           "half-width kana": b"\xb1"}
# Saved as UTF-8: the line is told to be in the wrong encoding.
UTF8 = {"bidi": "\u202e", "zero width": "\u200b", "joiner": "\u200d", "BOM": "\ufeff", "soft hyphen": "\u00ad", "cyrillic a": "\u0430",
        "full-width a": "ａ", "line separator": "\u2028", "C1": "\u0085", "kanji": "印"}
# Characters that CP932 has, but no half-width column.
WIDE = {"cyrillic a": "а", "greek o": "ο", "full-width dot": "．", "full-width hyphen": "－", "ideographic space": "　", "roman one": "Ⅰ"}
HALF_COLUMNS = {"server-issue": (1, 2, 7, 10, 11, 13), "server-renew": (1, 2, 4, 7, 10, 11, 13), "server-revoke": (1, 4, 5, 10),
                "manager-update": (1, 4, 10, 11)}


def good_line(kind):
    """The columns of a row that would pass, or nearly: what stands between it and a certificate is the byte put in."""
    row = Row(serial="123456" if kind == "server-renew" else "")
    rows = {"server-revoke": Revocation(row.dn, "123456", "4", "comment", "a@example.ac.jp"),
            "manager-update": Manager(row.dn, "123456", "a@example.ac.jp", "name", "affiliation", "software", "www.example.ac.jp")}
    return [field.encode("cp932") for field in rows.get(kind, row).fields()]


def planted(fields, column, what, at):
    """The line with bytes put into a column (from 1): in front, within or behind."""
    fields = list(fields)
    text = fields[column - 1]
    cut = {"front": 0, "within": len(text) // 2, "behind": len(text)}[at]
    # Between whole characters, or two of them would become one that is whole.
    cut = len(text[:cut].decode("cp932", "ignore").encode("cp932"))
    fields[column - 1] = text[:cut] + what + text[cut:]
    return b"\t".join(fields)


def judged(instance, lines, kind):
    """The rows of an upload of these lines, none of which is good; nothing of it is registered."""
    answer = instance.registrar.upload(b"\r\n".join(lines) + b"\r\n", "skip", kind)
    assert answer.status_code == 202, answer.text
    upload = instance.registrar.wait(answer.json()["id"])
    assert upload["state"] == "rejected" and len(upload["rows"]) == len(lines)
    assert instance.value("SELECT count(*) FROM application WHERE upload = %s AND state = 'valid'", upload["id"]) == 0
    return upload["rows"]


def assert_reason(row, column, what):
    """The row says which column, and why, in words that can be shown."""
    assert row["result"] == "NG"
    found = [e for e in row["errors"] if e["column"] in (column, 0)]
    assert found, f"{what!r} in column {column}: {row['errors']}"
    for error in row["errors"]:
        for text in (error["message"], error["message_en"], error["remedy"], error["cell"]):
            assert text and not re.search(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]", text), (what, text)


KINDS = ["server-issue", "server-renew", "server-revoke", "manager-update"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_control_character_in_every_column(healthy, kind):
    fields = good_line(kind)
    cases = [(column, what, at) for column in range(1, len(fields) + 1) for what in CONTROLS
             for at in (("within",) if column % 2 else ("front",))]
    # A CR at the end of the line belongs to its end.
    rows = judged(healthy, [planted(fields, *case) for case in cases], kind)
    for (column, what, at), row in zip(cases, rows):
        assert_reason(row, column, (what, at))


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_that_are_no_text_in_every_column(healthy, kind):
    fields = good_line(kind)
    cases = [(column, name, what) for column in range(1, len(fields) + 1) for name, what in NO_TEXT.items()]
    rows = judged(healthy, [planted(fields, column, what, "behind") for column, _, what in cases], kind)
    for (column, name, _), row in zip(cases, rows):
        assert_reason(row, column, name)


@pytest.mark.parametrize("kind", KINDS)
def test_utf8_and_look_alikes_in_every_column(healthy, kind):
    """The line saved as UTF-8, and characters of CP932 that only look like those of the column."""
    fields = good_line(kind)
    lines, cases = [], []
    for column in range(1, len(fields) + 1):
        for name, text in UTF8.items():
            utf8 = [f.decode("cp932") for f in fields]
            utf8[column - 1] += text
            lines.append("\t".join(utf8).encode("utf-8"))
            cases.append((column, name))
    for column in HALF_COLUMNS[kind]:
        for name, text in WIDE.items():
            lines.append(planted(fields, column, text.encode("cp932"), "within"))
            cases.append((column, name))
    for (column, name), row in zip(cases, judged(healthy, lines, kind)):
        assert_reason(row, column, name)


SQL = ["'; DROP TABLE application; --", "' OR '1'='1", "\\'; --", "$1", "%s", "${x}", "{{cn}}", "$(id)", "`id`", "<script>alert(1)</script>"]


def test_sql_and_markup_in_texts_stay_texts(healthy):
    """In the columns that take such characters they are kept, byte for byte; in the others refused."""
    rows = [Row(manager=text, affiliation=text, software=text) for text in SQL]
    entries = issue(healthy, *rows)
    for row, entry in entries:
        manager = healthy.registrar.get(f"/api/v1/certificates/{entry['serial']}").json()["manager"]
        assert (manager["name"], manager["affiliation"], manager["software"]) == (row.manager,) * 3
    page = healthy.registrar.get("/certificates", params={"q": rows[-1].name})
    assert "<script>" not in page.text
    bad = [Row(mail=f"{text}@example.ac.jp") for text in SQL if " " in text or "(" in text]
    bad += [Row(fqdn=text) for text in SQL] + [Row(dns_names=f"dNSName={text}") for text in SQL]
    upload = healthy.registrar.apply(bad, on_error="skip")
    assert [row["result"] for row in upload["rows"]] == ["NG"] * len(bad)


LOOK_ALIKES = ["example.ac.jp.evil.example", "evil.example/example.ac.jp", "evil-example.ac.jp", "example.ac.jp.", ".example.ac.jp",
               "www..example.ac.jp", "www.example.ac.jp,evil.example", "www.example.ac.jp%00.evil.example", "www.example.ac.jp\\.evil.example",
               "WWW.EXAMPLE.AC.JP@evil.example", "xn--.example.ac.jp", "xn--a.example.ac.jp", "xn--exmple-cua.ac.jp", "xn--80ak6aa92e.ac.jp",
               "*.example.ac.jp", "192.0.2.1", "[::1]", "localhost", "-a.example.ac.jp", "a-.example.ac.jp", "a" * 64 + ".example.ac.jp"]


@pytest.mark.parametrize("where", ["cn", "names"])
def test_names_that_only_look_like_ours(healthy, where):
    rows = [Row(name=name) if where == "cn" else Row(dns_names=f"dNSName={name}") for name in LOOK_ALIKES
            if where != "cn" or "," not in name]
    rows = [row for row in rows if len(row.dn) <= 250]
    upload = healthy.registrar.apply(rows, on_error="skip")
    assert [row["result"] for row in upload["rows"]] == ["NG"] * len(rows), [
        (r.name, r.dns_names) for r, e in zip(rows, upload["rows"]) if e["result"] != "NG"]
    assert upload["state"] == "rejected"


# ---- what goes out: downloads, mails, logs

FORMULAS = ["=HYPERLINK(\"http://evil.example\")", "+1+1", "-1+1", "@SUM(A1)", "=cmd|' /C calc'!A0", "＝1＋1", "－1", "＠SUM"]
SIGNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def all_certificates(instance):
    answer = instance.registrar.get("/api/v1/certificates.tsv")
    return [line.split("\t") for line in answer.content.decode("cp932").split("\r\n") if line]


def test_no_cell_of_a_download_is_a_formula(healthy):
    """The values are kept as they were sent; the file that people open in a spreadsheet says them as texts."""
    pairs = issue(healthy, *(Row(manager=text, affiliation=text, software=text) for text in FORMULAS), Row(manager="-", software="-"))
    comment = healthy.registrar.apply([Revocation(pairs[0][0].dn, pairs[0][1]["serial"], "4", "=1+1")], kind="server-revoke")
    assert comment["state"] == "done"
    lines = all_certificates(healthy)
    for line in lines:
        assert not [cell for cell in line if len(cell) > 1 and cell.startswith(SIGNS)], line
    cells = {line[3]: line for line in lines}
    names = lines[0].index("利用管理者氏名")
    for row, _ in pairs[:-1]:
        assert cells[row.dn][names] == "'" + row.manager
    assert cells[pairs[-1][0].dn][names] == "-"
    assert "'=1+1" in cells[pairs[0][0].dn]
    manager = healthy.registrar.get(f"/api/v1/certificates/{pairs[0][1]['serial']}").json()["manager"]
    assert manager["name"] == FORMULAS[0]


HEADERS = ["a%0d%0aBcc: evil@example.org", "=?UTF-8?B?DQpCY2M6IGV2aWxAZXhhbXBsZS5vcmc=?=", "=?utf-8?q?=0d=0aBcc:_x?=", "Bcc: evil@example.org",
           "\\r\\nBcc: evil@example.org", "--=_notice", ".", "国立　太郎 <evil@example.org>"]
OURS = {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"}


def test_no_column_becomes_a_header_of_a_mail(healthy):
    """Every column that ends in a mail, with all that a header could be made of."""
    address = "headers@example.ac.jp"
    rows = [Row(manager=text, affiliation=text, software=text, mail=address) for text in HEADERS]
    for row, entry in issue(healthy, *rows):
        (mail,) = wait_for(lambda r=row: mails.to(healthy, address, r.name), f"the mail of {row.name}")
        assert set(mail.message.keys()) <= OURS and mail.message.get_all("To") == [address]
        assert [a.addr_spec for a in mail.message["To"].addresses] == [address]
        assert mail.subject.startswith("[UPKI]") and row.manager in mail.text
        head = mail.raw.split(b"\r\n\r\n", 1)[0]
        assert b"evil" not in head and b"bcc:" not in head.lower()
        update = healthy.registrar.apply([Manager(row.dn, entry["serial"], address, HEADERS[0], HEADERS[1], HEADERS[3])], kind="manager-update")
        assert update["state"] == "done"
    comment = healthy.registrar.apply([Revocation(rows[0].dn, entry_serial(healthy, rows[0]), "4", HEADERS[1], address)], kind="server-revoke")
    assert comment["state"] == "done"
    for mail in wait_for(lambda: [m for m in mails.to(healthy, address, rows[0].name) if "失効" in m.subject], "the notice of revocation"):
        assert set(mail.message.keys()) <= OURS and b"evil" not in mail.raw.split(b"\r\n\r\n", 1)[0]


def entry_serial(instance, row):
    return instance.registrar.get("/api/v1/certificates", params={"q": row.name}).json()["certificates"][0]["serial"]


def test_nothing_from_outside_forges_a_line_of_a_log(healthy):
    """Paths, headers, file names and rows with line ends, escapes and text that runs backwards."""
    evil = b"/uploads/%0a<3>ingress:%20forged?q=\x1b[2J\xe2\x80\xae%0d%0a<0>kernel:%20forged"
    for listener in ("registrar", "public", "pki"):
        raw.talk(healthy, raw.request("GET", evil, [("User-Agent", b"x\x1b]0;forged\x07"), ("Cookie", b"lang=\xe2\x80\xae")]), listener)
    healthy.registrar.upload(Row(manager="<0>kernel: forged").line(), dry_run="true", filename="a\n<0>kernel: forged.tsv")
    healthy.whois("evil.ac.jp", b"[Domain Name] EVIL\x1b[2J\r\n<0>kernel: forged\r\n" * 20)
    healthy.ctl("whois", "ask", "evil.ac.jp", check=False)
    for daemon in ("ingress", "validator", "whois", "signer", "mailer"):
        log = healthy.log(daemon)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", log), daemon
        for line in log.splitlines():
            assert not line.startswith(("<0>", "<3>ingress: forged")), line


# ---- a registrar who is removed meanwhile

def test_a_registrar_removed_in_the_middle_of_an_upload(healthy):
    """Half of the file is here when he is removed: nothing of it is taken."""
    env = healthy.env
    third = Registrar(env, *(env[f"INKAN_REGISTRAR_{k}"].replace("registrar.", "registrar3.") for k in ("CERT", "KEY")))
    number = healthy.value("SELECT r.id FROM registrar r JOIN organisation o ON o.id = r.organisation WHERE o.name_en = 'Kigen University'")
    tsv = b"".join(Row(new_name("kigen.ac.jp"), organisation={**ORGANISATION, "O": "Kigen University"}).line() for _ in range(20))
    before = healthy.value("SELECT count(*) FROM upload")
    head = raw.request("POST", "/api/v1/uploads?kind=server-issue&confirmed=true&filename=a.tsv",
                       [("Content-Type", "text/tab-separated-values"), ("Content-Length", len(tsv))])
    with raw_as(healthy, third) as sock:
        sock.sendall(head + tsv[:len(tsv) // 2])
        healthy.ctl("registrar", "remove", str(number))
        try:
            sock.sendall(tsv[len(tsv) // 2:])
            sock.settimeout(30)
            answer = raw.read_all(sock)
        finally:
            healthy.query("UPDATE registrar SET state = 'active' WHERE id = %s", number)
    assert answer.startswith(b"HTTP/1.1 403 ") and b"963" in answer, answer[:300]
    assert healthy.value("SELECT count(*) FROM upload") == before


def raw_as(instance, registrar):
    import socket
    import ssl
    import urllib.parse
    where = urllib.parse.urlsplit(instance.env["INKAN_URL"])
    context = ssl.create_default_context(cafile=instance.env["INKAN_TLS_CA"])
    context.load_cert_chain(*registrar.session.cert)
    return context.wrap_socket(socket.create_connection((where.hostname, where.port), 30), server_hostname="localhost")


def test_a_key_is_whole_or_nothing(healthy):
    """CSRs with each kind of damage: none passes, and each says so in its column."""
    row = Row()
    der = base64.b64decode(row.csr)
    damaged = [der[:-1], der + b"\0", b"\x30\x80" + der[4:] + b"\0\0", der[:40], b"", b"\0" * 100, der[::-1], bytes([der[0]]) + b"\x84\xff\xff\xff\xff",
               *(der[:i] + bytes([der[i] ^ 0x55]) + der[i + 1:] for i in range(0, len(der), max(1, len(der) // 60)))]
    rows = [Row(csr=base64.b64encode(d).decode()) for d in damaged if d != der]
    upload = healthy.registrar.apply(rows, on_error="skip")
    assert [r["result"] for r in upload["rows"]] == ["NG"] * len(rows)
    for entry in upload["rows"]:
        assert_reason(entry, 7, "csr")
