"""inkanctl revoke: many certificates for one reason, with a dry run first."""
import hashlib
import pathlib

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from inkantest import audit, mails
from inkantest.instance import wait_for
from inkantest.rows import Revocation, Row
from inkantest.uploads import codes, issue


def preview(instance, *words, reason="4", comment="試験"):
    return instance.ctl_json("revoke", "--reason", reason, "--comment", comment, *words)


def execute(instance, *words, reason="4", comment="試験"):
    """The campaign's number, after a dry run."""
    code = preview(instance, *words, reason=reason, comment=comment)["code"]
    return preview(instance, *words, "--execute", code, reason=reason, comment=comment)["campaign"]


def ended(instance, campaign):
    return wait_for(lambda: (lambda found: found["ended"] and found)(instance.ctl_json("revoke", "show", str(campaign))),
                    "the end of the campaign")


def serials_file(tmp_path, *lines):
    path = tmp_path / "serials.txt"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def listed(instance):
    """Serial numbers on all published CRLs, with their reasons."""
    found = {}
    for issuer, shard in instance.query("SELECT issuer, shard FROM crl"):
        der = requests.get(f"{instance.env['INKAN_PKI_URL']}/crl/{issuer}-{shard}.crl", timeout=10).content
        for entry in x509.load_der_x509_crl(der):
            found[entry.serial_number] = entry.extensions[0].value.reason if len(entry.extensions) else None
    return found


def test_serials_of_a_file(healthy, tmp_path):
    """Dry run, a wrong code, the deed: CRLs, links, mails, audit, counts."""
    issued = issue(healthy, *(Row(mail=f"camp{i}@example.ac.jp") for i in range(4)))
    numbers = [int(entry["serial"]) for _, entry in issued]
    healthy.registrar.apply([Revocation(issued[3][0].dn, str(numbers[3]), "5")], kind="server-revoke")
    links = [wait_for(lambda i=i, r=row: mails.to(healthy, f"camp{i}@example.ac.jp", r.name), "the link")[0].link()
             for i, (row, _) in enumerate(issued[:3])]
    tsv = Revocation(issued[2][0].dn, str(numbers[2])).line().decode("cp932").strip()
    path = serials_file(tmp_path, numbers[0], hex(numbers[1]), "", tsv, numbers[3], numbers[0], "0x1234")
    before = healthy.query("SELECT (SELECT count(*) FROM campaign), (SELECT count(*) FROM audit_event WHERE kind LIKE 'campaign%%')")
    shown = preview(healthy, "--file", str(path))
    assert {k: shown[k] for k in ("certificates", "already_revoked", "expired", "in_flight", "unknown_serials")} == {
        "certificates": 3, "already_revoked": 1, "expired": 0, "in_flight": 0, "unknown_serials": 1}
    assert [int(s, 16) for s in shown["unknown"]] == [0x1234]
    assert [(o["name"], o["certificates"]) for o in shown["organisations"]] == [("testkikan", 3)]
    assert before == healthy.query(
        "SELECT (SELECT count(*) FROM campaign), (SELECT count(*) FROM audit_event WHERE kind LIKE 'campaign%%')")
    done = healthy.ctl("revoke", "--reason", "1", "--comment", "x", "--file", str(path), "--execute", shown["code"], check=False)
    assert done.returncode == 4 and "another" in done.stderr, "the reason is part of the code"
    done = healthy.ctl("revoke", "--reason", "9", "--comment", "x", "--file", str(serials_file(tmp_path, 5)), check=False)
    assert done.returncode == 3
    path = serials_file(tmp_path, *numbers)
    assert preview(healthy, "--file", str(path))["code"] == shown["code"], "the same certificates have the same code"
    campaign = execute(healthy, "--file", str(path), reason="9", comment="資格取消")
    found = ended(healthy, campaign)
    assert (found["revoked"], found["failed"], found["open"], found["certificates"]) == (3, 0, 0, 3)
    assert found["selection"]["serials"] == 4 and found["operator"] and found["comment"] == "資格取消"
    assert campaign in [c["campaign"] for c in healthy.ctl_json("revoke", "list")]
    wait_for(lambda: set(numbers[:3]) <= set(listed(healthy)), "the CRLs")
    assert {listed(healthy)[n] for n in numbers[:3]} == {x509.ReasonFlags.privilege_withdrawn}
    assert [healthy.public.post(link).status_code for link in links] == [410] * 3
    for i, (row, entry) in enumerate(issued[:3]):
        (mail,) = wait_for(lambda i=i, r=row: [m for m in mails.to(healthy, f"camp{i}@example.ac.jp", r.name) if "失効" in m.subject],
                           "the manager's mail")
        assert entry["serial"] in mail.text and "利用資格の取消 (資格取消)" in mail.text
        mails.verify(mail.raw, healthy.env["INKAN_MAIL_CA"], tmp_path)
    registrars = {m for (m,) in healthy.query("SELECT mail FROM registrar WHERE organisation = 1 AND state = 'active'")}
    told = wait_for(lambda: (lambda got: len(got) == len(registrars) and got)(
        [m for m in mails.read(healthy) if m.subject == "サーバ証明書一括失効完了通知" and f"Campaign:  {campaign}\r" in m.text]), "the digests")
    assert {m.to for m in told} == registrars
    assert all("3件" in m.text and "資格取消" in m.text for m in told)
    name, content = told[0].attachment()
    assert name == f"campaign-{campaign}.tsv"
    assert sorted(content.decode("cp932").splitlines()) == sorted(
        f"{entry['serial']}\t{row.dn}\tcamp{i}@example.ac.jp" for i, (row, entry) in enumerate(issued[:3]))
    assert not [m for m in mails.read(healthy) if m.to in registrars and issued[0][0].name in m.text and "失効" in m.subject]
    entry = healthy.registrar.get(f"/api/v1/certificates/{numbers[0]}").json()
    assert entry["status"] == "revoked"
    wait_for(lambda: healthy.value("SELECT count(*) FROM audit_event WHERE xid >= audit_sealed()") == 0, "the seals")
    assert audit.troubles(healthy.query) == []
    assert healthy.query("SELECT count(*), count(DISTINCT subject) FROM audit_event WHERE kind = 'certificate_revoked'"
                         " AND (detail->>'campaign')::bigint = %s", campaign) == [(3, 3)]
    kinds = {k for (k,) in healthy.query("SELECT kind FROM audit_event WHERE subject = %s", f"campaign {campaign}")}
    assert kinds == {"campaign_started", "campaign_ended"}


def test_a_line_without_serial(healthy, tmp_path):
    done = healthy.ctl("revoke", "--reason", "4", "--comment", "x", "--file", str(serials_file(tmp_path, "12", "", "x12")), check=False)
    assert done.returncode == 2 and "line 3" in done.stderr


def test_nothing_says_which(healthy):
    for words in (("--reason", "4", "--comment", "x"), ("--reason", "6", "--comment", "x", "--organisation", "1"),
                  ("--reason", "4", "--comment", "", "--organisation", "1"), ("--reason", "4", "--organisation", "1"),
                  ("--reason", "4", "--comment", "x", "--issued-from", "yesterday"),
                  ("--reason", "4", "--comment", "x", "--spki", "12"), ("--reason", "4", "--comment", "x", "--domain", "%")):
        assert healthy.ctl("revoke", *words, check=False).returncode == 2, words


def test_queries(healthy, tmp_path):
    """Each criterion selects what it says, and all together what fits all."""
    (row, entry), (rsa, _), (other, _) = issue(healthy, Row(), Row(profile="3"), Row(dns_names=""))
    pem = tmp_path / "key.pem"
    pem.write_bytes(row.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    certificate = tmp_path / "certificate.pem"
    certificate.write_bytes(healthy.registrar.get(f"/api/v1/certificates/{entry['serial']}.pem").content)
    policy = healthy.value("SELECT encode(policy, 'hex') FROM service")
    name = ("--domain", row.name)
    for words, wanted in ((name, 1), (("--domain", "x" + row.name), 0), (("--key", str(pem)), 1), (("--key", str(certificate)), 1),
                          (("--spki", hashlib.sha256(row.spki()).hexdigest()), 1), ((*name, "--profile", "11"), 1),
                          ((*name, "--profile", "3"), 0), (("--domain", rsa.name, "--profile", "3"), 1),
                          ((*name, "--organisation", "1"), 1), ((*name, "--organisation", "Other University"), 0),
                          ((*name, "--issuer", "1"), 1), ((*name, "--issuer", "2"), 0), ((*name, "--policy", policy), 1),
                          ((*name, "--policy", "0" * 64), 0), ((*name, "--issued-from", "2026-01-01"), 1),
                          ((*name, "--issued-until", "2026-01-01T00:00:00Z"), 0), ((*name, "--issued-from", "2199-01-01"), 0)):
        done = healthy.ctl("revoke", "--reason", "4", "--comment", "x", *words, "--json", check=False)
        assert done.returncode == (0 if wanted else 3), (words, done.stdout, done.stderr)
    all_of_domain = preview(healthy, "--domain", "example.ac.jp")["certificates"]
    assert all_of_domain >= 3 and all_of_domain == healthy.value(
        "SELECT count(*) FROM certificate c JOIN application a ON a.id = c.application WHERE certificate_valid(c) AND EXISTS"
        " (SELECT FROM unnest(a.names) AS n WHERE n LIKE '%%.example.ac.jp' OR n = 'example.ac.jp')")
    assert other.name != row.name


def test_compromised_key(healthy, tmp_path):
    (row, entry), = issue(healthy)
    campaign = execute(healthy, "--spki", hashlib.sha256(row.spki()).hexdigest(), reason="1")
    assert ended(healthy, campaign)["revoked"] == 1
    upload = healthy.registrar.apply([Row(key=row.key)])
    assert upload["state"] == "rejected" and codes(upload) == [[(918, 7)]]
    wait_for(lambda: listed(healthy).get(int(entry["serial"])) == x509.ReasonFlags.key_compromise, "the CRL")


def test_a_set_that_grew_has_another_code(healthy):
    first = Row(columns={12: "Grow"})
    issue(healthy, first)
    before = preview(healthy, "--domain", first.name)["code"]
    (second, _), = issue(healthy, Row(name=f"sub.{first.name}"))
    assert second.name.endswith(first.name)
    done = healthy.ctl("revoke", "--reason", "4", "--comment", "x", "--domain", first.name, "--execute", before, check=False)
    assert done.returncode == 4
    assert healthy.value("SELECT count(*) FROM revocation r JOIN certificate c ON c.id = r.certificate WHERE c.cn = %s", first.name) == 0


def test_what_is_in_flight_does_not_escape(healthy):
    """Accepted while signing is halted, selected, resumed: no certificate, an error in the row, the name free, the key blocked."""
    (old, _), = issue(healthy)
    row, bystander = Row(name=f"flight.{old.name}"), Row()
    healthy.ctl("halt", "--reason", "test")
    try:
        upload = healthy.registrar.upload(row.line() + bystander.line()).json()["id"]
        wait_for(lambda: healthy.registrar.get(f"/api/v1/uploads/{upload}").json()["state"] == "accepted", "acceptance")
        shown = preview(healthy, "--domain", old.name, reason="1")
        assert (shown["certificates"], shown["in_flight"]) == (1, 1)
        campaign = execute(healthy, "--domain", old.name, reason="1")
        assert ended(healthy, campaign)["to_be_stopped"] == 1
    finally:
        healthy.ctl("resume")
    found = healthy.registrar.wait(upload)
    assert found["state"] == "done" and codes(found) == [[(943, 0)], []]
    assert healthy.ctl_json("revoke", "show", str(campaign))["stopped_before_issue"] == 1
    assert healthy.value("SELECT count(*) FROM dn_taken WHERE match_key = %s", row.name) == 0
    assert codes(healthy.registrar.apply([Row(name=row.name, key=row.key)])) == [[(918, 7)]], "its key is blocked"
    issue(healthy, Row(name=row.name))


def test_only_what_is_in_flight(healthy):
    row = Row()
    healthy.ctl("halt", "--reason", "test")
    try:
        upload = healthy.registrar.upload(row.line()).json()["id"]
        wait_for(lambda: healthy.registrar.get(f"/api/v1/uploads/{upload}").json()["state"] == "accepted", "acceptance")
        assert ended(healthy, execute(healthy, "--domain", row.name))["certificates"] == 0
    finally:
        healthy.ctl("resume")
    assert codes(healthy.registrar.wait(upload)) == [[(943, 0)]]


def test_signers_role_revokes_only_what_a_campaign_names(healthy):
    (row, _), (other, _) = issue(healthy, Row(), Row())
    healthy.kill("signer", 19)
    try:
        campaign = execute(healthy, "--domain", row.name, reason="5")
        insert = ("INSERT INTO revocation (issuer, serial, certificate, shard, reason, campaign, application)"
                  " SELECT issuer, serial, id, 0, %s, %s, %s FROM certificate WHERE cn = %s")
        application = healthy.value("SELECT application FROM certificate WHERE cn = %s", row.name)
        with healthy.database("signer").cursor() as cursor:
            for words in ((5, campaign, None, other.name), (4, campaign, None, row.name), (5, campaign + 1, None, row.name),
                          (5, campaign, application, row.name), (5, None, None, row.name)):
                with pytest.raises(Exception, match="row-level security"):
                    cursor.execute(insert, words)
            for sql in ("INSERT INTO campaign_item SELECT campaign, 2, certificate + 1, organisation FROM campaign_item LIMIT 1",
                        "UPDATE campaign SET reason = 1", "INSERT INTO campaign_stop VALUES (1, 1)"):
                with pytest.raises(Exception, match="permission denied"):
                    cursor.execute(sql)
    finally:
        healthy.kill("signer", 18)
    assert ended(healthy, campaign)["revoked"] == 1


def test_revoked_by_a_file_meanwhile(healthy):
    """Both want the same certificate: revoked once, and the campaign says by whom."""
    (row, entry), = issue(healthy)
    healthy.kill("signer", 19)
    try:
        campaign = execute(healthy, "--domain", row.name, reason="5")
        upload = healthy.registrar.upload(Revocation(row.dn, entry["serial"], "5").line(), kind="server-revoke").json()["id"]
        wait_for(lambda: healthy.registrar.get(f"/api/v1/uploads/{upload}").json()["state"] == "accepted", "acceptance")
    finally:
        healthy.kill("signer", 18)
    found, file = ended(healthy, campaign), healthy.registrar.wait(upload)
    assert found["revoked"] + found["revoked_by_others"] == 1
    assert codes(file) == ([[(933, 4)]] if found["revoked"] else [[]])


def test_an_item_that_fails_is_told(healthy):
    """Poison: the item ends in an error, the campaign goes on to its end."""
    (row, _), (other, _) = issue(healthy, Row(), Row())
    healthy.kill("signer", 19)
    try:
        path = pathlib.Path(healthy.env["INKAN_RUN_DIR"]) / "poison.txt"
        path.write_text("\n".join(s for (s,) in healthy.query(
            "SELECT '0x' || encode(serial, 'hex') FROM certificate WHERE cn IN (%s, %s)", row.name, other.name)))
        campaign = execute(healthy, "--file", str(path))
        healthy.query("WITH whole AS (DELETE FROM job WHERE campaign = %s RETURNING *) INSERT INTO job (stage, turn, organisation,"
                      " campaign, seq_from, seq_to, attempt) SELECT stage, turn, 0, campaign, n, n, CASE n WHEN 1 THEN 3 ELSE 0 END"
                      " FROM whole, generate_series(1, 2) n", campaign)
    finally:
        healthy.kill("signer", 18)
    found = ended(healthy, campaign)
    assert (found["revoked"], found["failed"], found["open"]) == (1, 1, 0)
    assert healthy.value("SELECT count(*) FROM audit_event WHERE kind = 'campaign_item_failed' AND (detail->>'campaign')::bigint = %s"
                         " AND (detail->>'code')::integer = 940", campaign) == 1
