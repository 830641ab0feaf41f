"""One-time links: a page burns nothing, a delivery burns only when it is whole, two at once do not both get it."""
import concurrent.futures
import html
import http.client
import re
import socket
import ssl
import time
import urllib.parse

import pytest
from inkantest import mails
from inkantest.instance import wait_for
from inkantest.rows import Row, new_name
from inkantest.uploads import revoke_unseen


@pytest.fixture
def link(healthy):
    row = Row(mail="links@example.ac.jp")
    upload = healthy.registrar.apply([row])
    (mail,) = wait_for(lambda: mails.to(healthy, "links@example.ac.jp", row.name), "the issuance notice")
    return mail.link(), {**upload["rows"][0], "name": row.name}


def open_raw(instance, url, receive_buffer=None):
    """A client of our own, down to the socket."""
    parts = urllib.parse.urlsplit(url)
    plain = socket.socket()
    if receive_buffer:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    plain.connect((parts.hostname, parts.port))
    context = ssl.create_default_context(cafile=instance.env["INKAN_TLS_CA"])
    return context.wrap_socket(plain, server_hostname=parts.hostname)


def post(url, query="", length=0, connection="keep-alive"):
    parts = urllib.parse.urlsplit(url)
    return (f"POST {parts.path}{query} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: {connection}\r\n"
            f"Content-Length: {length}\r\n\r\n").encode()


def test_reading_burns_nothing(healthy, link):
    url, _ = link
    for method in ("GET", "HEAD", "GET"):
        assert healthy.public.request(method, url).status_code == 200
    assert healthy.public.post(url).status_code == 200


@pytest.mark.parametrize("kind,start", [("pem", b"-----BEGIN CERTIFICATE"), ("chain", b"-----BEGIN CERTIFICATE"),
                                        ("der", b"\x30\x82"), ("p7b", b"-----BEGIN PKCS7")])
def test_formats(healthy, link, kind, start):
    answer = healthy.public.post(link[0], params={"format": kind})
    assert answer.status_code == 200
    assert answer.content.startswith(start) or (kind == "p7b" and answer.content[:1] == b"\x30")
    if kind == "chain":
        assert answer.content.count(b"BEGIN CERTIFICATE") >= 2


def test_second_use(healthy, link):
    assert healthy.public.post(link[0]).status_code == 200
    wait_for(lambda: healthy.public.post(link[0]).status_code == 410, "the burn")


def test_client_that_leaves_before_the_answer(healthy, link):
    url, _ = link
    tls = open_raw(healthy, url)
    tls.sendall(post(url, length=10))
    tls.close()
    time.sleep(0.5)
    assert healthy.public.post(url).status_code == 200


@pytest.mark.parametrize("stays", [False, True])
def test_client_that_does_not_read(healthy, link, stays):
    """It has the first part of the answer, and goes, or hangs on and reads no more: the link must stay, and hold nobody else's."""
    url, _ = link
    tls = open_raw(healthy, url, receive_buffer=1)
    tls.sendall(post(url, "?format=chain"))
    time.sleep(1)
    assert healthy.public.post(url).status_code == 409
    other = Row(mail="not.held@example.ac.jp")
    healthy.registrar.apply([other])
    (mail,) = wait_for(lambda: mails.to(healthy, other.mail, other.name), "the issuance notice")
    assert healthy.public.post(mail.link()).status_code == 200
    wait_for(lambda: healthy.public.post(mail.link()).status_code == 410, "the burn")
    if not stays:
        tls.close()
    wait_for(lambda: healthy.public.post(url).status_code == 200, "the link given back")
    tls.close()


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
def test_client_that_hangs_up_as_soon_as_it_has_it(healthy, connection):
    """Nobody is left to acknowledge TLS's farewell; the certificate arrived all the same. A race, so many times."""
    rows = [Row(mail=f"hangs.up.{i}@example.ac.jp") for i in range(12)]
    healthy.registrar.apply(rows)
    for row in rows:
        (mail,) = wait_for(lambda row=row: mails.to(healthy, row.mail, row.name), "the issuance notice")
        tls, got = open_raw(healthy, mail.link()), b""
        tls.sendall(post(mail.link(), connection=connection))
        while b"-----END CERTIFICATE-----\n" not in got:
            got += tls.recv(65536)
        tls.close()
        wait_for(lambda mail=mail: healthy.public.post(mail.link()).status_code == 410, "the burn", timeout=5)


def test_two_at_once(healthy, link):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: healthy.public.post(link[0]).status_code, range(8)))
    assert codes.count(200) == 1, codes
    assert set(codes) <= {200, 409, 410}


def test_unknown(healthy):
    base = healthy.env["INKAN_PUBLIC_URL"]
    for token in ("x", "A" * 43, "A" * 5000, "%00", "..%2f..%2fetc%2fpasswd"):
        assert healthy.public.get(f"{base}/d/{token}").status_code in (400, 404, 414)
    answer = healthy.public.get(f"{base}/d/{'A' * 43}")
    assert answer.status_code == 404 and "html" in answer.headers["Content-Type"]


def shown(instance, url, language):
    answer = instance.public.get(url, headers={"Accept-Language": language})
    return answer.status_code, re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", answer.text.split("<main", 1)[1])))


def test_page_helps_to_install(healthy):
    names = [new_name("example.org") for _ in range(2)]
    row = Row(mail="install@example.ac.jp", dns_names=",".join(f"dNSName={n}" for n in names))
    entry = healthy.registrar.apply([row])["rows"][0]
    (mail,) = wait_for(lambda: mails.to(healthy, row.mail, row.name), "the issuance notice")
    for language, words in (("ja", ("申請大学", "サーバへの設定例", "秘密鍵")), ("en", ("testkikan", "How to install it", "Private key"))):
        status, text = shown(healthy, mail.link(), language)
        assert status == 200
        for word in (*words, entry["serial"], f"CN={row.name}", *names, "ECDSA secp384r1", f"{row.name}-chain.cer", f"{row.name}.cer",
                     f"server_name {row.name} {' '.join(names)};", f"ServerName {row.name} ServerAlias {' '.join(names)} SSLEngine on",
                     f"ssl_certificate /etc/ssl/certs/{row.name}-chain.cer;", f"SSLCertificateKeyFile /etc/ssl/private/{row.name}.key"):
            assert word in text, (language, word)


def test_page_of_a_used_link_tells_when_and_nothing_else(healthy, link):
    url, entry = link
    assert healthy.public.post(url).status_code == 200
    wait_for(lambda: healthy.public.get(url).status_code == 410, "the burn")
    used = healthy.value("SELECT to_char(l.used AT TIME ZONE 'Asia/Tokyo', 'YYYY/MM/DD HH24:MI:SS') FROM link l JOIN certificate c"
                         " ON c.id = l.certificate WHERE c.application = %s", entry["application"])
    for language, words in (("ja", ("証明書は取得済みです", "取得日時", "登録担当者", "981")), ("en", ("was fetched", "registrar", "981"))):
        status, text = shown(healthy, url, language)
        assert status == 410 and used in text and all(word in text for word in words), text
        assert entry["name"] not in text and entry["serial"] not in text and "links@" not in text
    answer = healthy.public.post(url, headers={"Accept-Language": "ja"})
    assert answer.status_code == 410 and used in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_pages_of_links_that_are_no_good(healthy, link):
    url, entry = link
    for language, word in (("ja", "全てコピー"), ("en", "Copy the whole address")):
        status, text = shown(healthy, f"{healthy.env['INKAN_PUBLIC_URL']}/d/{'A' * 42}", language)
        assert status == 404 and word in text
    healthy.registrar.post(f"/api/v1/links/{entry['application']}/resend")
    for language, word in (("ja", "最新のメール"), ("en", "newest mail")):
        status, text = shown(healthy, url, language)
        assert status == 410 and word in text and entry["serial"] not in text
    new = wait_for(lambda: two_links(healthy, entry["name"]), "the new link")[1]
    healthy.query("UPDATE link SET delivery = 1, delivery_until = clock_timestamp() + interval '2 seconds' FROM certificate c"
                  " WHERE c.id = certificate AND state = 'open' AND c.application = %s", entry["application"])
    answer = healthy.public.post(new, headers={"Accept-Language": "ja"})
    assert answer.status_code == 409 and "もう一度開く" in answer.text and 'href=""' in answer.text
    assert healthy.public.get(new).status_code == 200, "while it is delivered the page stays"
    healthy.query("UPDATE link SET expires = now() - interval '1 second' FROM certificate c"
                  " WHERE c.id = certificate AND state = 'open' AND c.application = %s", entry["application"])
    for language, word in (("ja", "有効期限は切れました"), ("en", "has expired")):
        status, text = shown(healthy, new, language)
        assert status == 410 and word in text and entry["serial"] not in text


def test_expired(healthy, link):
    url, entry = link
    healthy.query("UPDATE link SET expires = now() - interval '1 second' FROM certificate c"
                  " WHERE c.id = certificate AND c.application = %s", entry["application"])
    assert healthy.public.get(url).status_code == 410
    assert healthy.public.post(url).status_code == 410


def two_links(instance, name):
    found = [m.link() for m in mails.to(instance, "links@example.ac.jp", name)]
    return found if len(found) == 2 else None


def test_resend_kills_the_old_link(healthy, link):
    url, entry = link
    answer = healthy.registrar.post(f"/api/v1/links/{entry['application']}/resend")
    assert answer.status_code in (200, 202), answer.text
    old, new = wait_for(lambda: two_links(healthy, entry["name"]), "the second notice")
    assert old != new
    assert healthy.public.post(old).status_code == 410
    assert healthy.public.post(new).status_code == 200
    assert healthy.registrar2.post(f"/api/v1/links/{entry['application']}/resend").status_code == 404


def resend(instance, entry, **kw):
    return instance.registrar.post(f"/api/v1/links/{entry['application']}/resend", **kw)


def manager_events(instance, entry):
    """Who changed the manager's address, from what, to what."""
    return instance.query("SELECT actor, detail->'before'->>'mail', detail->'after'->>'mail' FROM audit_event"
                          " WHERE kind = 'manager_changed' AND application = %s ORDER BY xid, id", entry["application"])


@pytest.mark.parametrize("body", ["json", "data", "files"])
def test_resend_to_a_corrected_address(healthy, link, body):
    url, entry = link
    new = f"corrected-{body}@example.ac.jp"
    fields = {"manager_mail": (None, new) if body == "files" else new}
    answer = resend(healthy, entry, **{body: fields})
    assert answer.status_code == 202, answer.text
    (mail,) = wait_for(lambda: mails.to(healthy, new, entry["name"]), "the mail to the corrected address")
    assert healthy.public.post(url).status_code == 410
    assert len(mails.to(healthy, "links@example.ac.jp", entry["name"])) == 1, "nothing more to the old address"
    shown = healthy.registrar.get(f"/api/v1/certificates/{entry['serial']}").json()
    assert shown["manager"]["mail"] == new
    registrar = healthy.value("SELECT u.registrar FROM upload u JOIN application a ON a.upload = u.id WHERE a.id = %s",
                              entry["application"])
    assert manager_events(healthy, entry) == [(f"registrar:{registrar}", "links@example.ac.jp", new)]
    # The address stays: for the next link without one, and no second change when it is given again.
    for count, again in ((2, {}), (3, {"json": {"manager_mail": new}})):
        assert resend(healthy, entry, **again).status_code == 202
        found = wait_for(lambda n=count: len(m := mails.to(healthy, new, entry["name"])) == n and m, "the next mail")
    codes = {m.link(): healthy.public.post(m.link()).status_code for m in found}
    assert sorted(codes.values()) == [200, 410, 410] and codes[mail.link()] == 410
    assert len(manager_events(healthy, entry)) == 1


@pytest.mark.parametrize("kw", [
    {"json": {"manager_mail": "nobody"}}, {"json": {"manager_mail": "a@b"}}, {"json": {"manager_mail": "a b@example.ac.jp"}},
    {"json": {"manager_mail": "a@example.ac.jp\r\nBcc: b@example.ac.jp"}}, {"json": {"manager_mail": "<a@example.ac.jp>"}},
    {"json": {"manager_mail": "a" * 64 + "@example.ac.jp" + ".jp" * 2}}, {"data": {"manager_mail": "利用@example.ac.jp"}},
    {"json": {"manager_mail": 5}}, {"json": ["manager_mail"]}, {"data": b"{", "headers": {"Content-Type": "application/json"}},
    {"data": b'{"manager_mail": "a@example.ac.jp", "manager_mail": "b@example.ac.jp"}', "headers": {"Content-Type": "application/json"}},
])
def test_resend_to_no_address(healthy, link, kw):
    url, entry = link
    answer = resend(healthy, entry, **kw)
    assert answer.status_code == 400 and answer.json()["code"] in (966, 967), answer.text
    assert manager_events(healthy, entry) == []
    assert healthy.public.post(url).status_code == 200, "the link lives"


def test_resend_of_another_organisation_changes_nothing(healthy, link):
    _, entry = link
    path = f"/api/v1/links/{entry['application']}/resend"
    assert healthy.registrar2.post(path, json={"manager_mail": "thief@example.ac.jp"}).status_code == 404
    assert manager_events(healthy, entry) == []


def test_operator_resends(healthy, link):
    url, entry = link
    sent = healthy.ctl_json("link", "resend", entry["serial"], "--mail", "operator@example.ac.jp", "--reason", "電話による依頼")
    assert sent["manager_mail"] == "operator@example.ac.jp" and sent["application"] == entry["application"]
    (mail,) = wait_for(lambda: mails.to(healthy, "operator@example.ac.jp", entry["name"]), "the mail")
    assert healthy.public.post(url).status_code == 410
    events = healthy.query("SELECT kind, actor, detail->>'reason', detail->>'by' <> '' FROM audit_event WHERE application = %s"
                           " AND kind IN ('manager_changed', 'link_resent') ORDER BY xid, id", entry["application"])
    assert events == [(kind, "inkan_operator", "電話による依頼", True) for kind in ("manager_changed", "link_resent")]
    assert healthy.ctl_json("link", "resend", entry["application"], "--reason", "again")["manager_mail"] == "operator@example.ac.jp"
    assert healthy.ctl("link", "resend", "999999999999999", "--reason", "x", check=False).returncode == 3
    assert healthy.ctl("link", "resend", "x", "--reason", "x", check=False).returncode == 2
    assert healthy.ctl("link", "resend", entry["application"], check=False).returncode == 2
    assert healthy.ctl("link", "resend", entry["application"], "--mail", "x", "--reason", "x", check=False).returncode == 2
    assert mail.link() != url


def unfetched(instance, entry, **parameters):
    """The entry in the list of what is not fetched, read page by page; None: it is not there."""
    cursor = ""
    while cursor is not None:
        page = instance.registrar.get("/api/v1/links", params={"cursor": cursor, "limit": "3", **parameters}).json()
        for one in page["links"]:
            if one["application"] == entry["application"]:
                return one
        cursor = page["next"]
    return None


def page_with(instance, name):
    """The page of the list that has this name on it; older tests have left many."""
    path = "/links?limit=1000"
    while path:
        page = instance.registrar.get(path, headers={"Accept": "text/html"}).text
        if name in page:
            return page
        following = re.search(r'href="(/links\?[^"]*cursor=[^"]+)"', page)
        path = following and html.unescape(following.group(1))
    raise AssertionError(f"{name} is on no page")


def test_list_of_what_is_not_fetched(healthy, link):
    url, entry = link
    wait_for(lambda: unfetched(healthy, entry)["state"] == "sent", "the mail told of")
    one = unfetched(healthy, entry)
    assert (one["serial"], one["cn"], one["manager_mail"]) == (entry["serial"], entry["name"], "links@example.ac.jp")
    assert one["sent"] and one["expires"] and one["fetched"] is None
    page = page_with(healthy, entry["name"])
    assert f"/certificates/{entry['application']}/resend" in page
    listed = healthy.ctl_json("link", "list", "--unfetched", "--organisation", "1", "--limit", "100000")
    assert [x["state"] for x in listed if x["application"] == entry["application"]] == ["sent"]
    assert not [x for x in healthy.ctl_json("link", "list", "--unfetched", "--organisation", "2") if x["cn"] == entry["name"]]
    assert entry["name"] not in healthy.registrar2.get("/api/v1/links", params={"limit": "1000"}).text
    healthy.query("UPDATE link SET expires = now() - interval '1 second' FROM certificate c"
                  " WHERE c.id = certificate AND c.application = %s", entry["application"])
    assert unfetched(healthy, entry)["state"] == "expired"
    assert resend(healthy, entry).status_code == 202
    assert unfetched(healthy, entry)["state"] in ("queued", "sent")
    _, new = wait_for(lambda: two_links(healthy, entry["name"]), "the second notice")
    assert healthy.public.post(new).status_code == 200
    wait_for(lambda: unfetched(healthy, entry) is None, "it leaves the list")
    for bad in ({"cursor": "x"}, {"limit": "0"}):
        assert healthy.registrar.get("/api/v1/links", params=bad).status_code == 400


# ---- notices to the registrars before and after a link's end

UNFETCHED, LAPSED = "[UPKI] サーバ証明書未取得通知", "[UPKI] サーバ証明書取得期限切れ通知"


def reminders(instance, entry):
    """kind → days between the link's end and the reminder."""
    return {kind: gap.days for kind, gap in instance.query(
        "SELECT r.kind, r.due - l.expires FROM reminder r JOIN link l ON l.id = r.link JOIN certificate c ON c.id = r.certificate"
        " WHERE c.application = %s", entry["application"])}


def judge(instance, entry, kind):
    """Makes a reminder due, waits until it has been judged; whether it was wanted."""
    told = ("SELECT (detail->>'wanted')::boolean FROM audit_event WHERE kind = 'reminded' AND application = %s"
            " AND detail->>'kind' = %s ORDER BY xid, id", entry["application"], kind)
    before = len(instance.query(*told))
    instance.query("UPDATE reminder r SET due = now() FROM certificate c WHERE c.id = r.certificate AND c.application = %s"
                   " AND r.kind = %s", entry["application"], kind)
    instance.make_due("remind")
    return wait_for(lambda: (found := instance.query(*told)) and len(found) > before and found, "the judgement")[-1][0]


def end_link(instance, entry):
    instance.query("UPDATE link SET expires = now() - interval '1 second' FROM certificate c"
                   " WHERE c.id = certificate AND c.application = %s AND link.state = 'open'", entry["application"])


def to_registrars(instance, entry, subject):
    """Whom such mails about the certificate were for, sorted; and the text of one."""
    found = [m for m in mails.to(instance, None, entry["name"]) if m.subject == subject]
    return sorted(m.to for m in found), found[0].text if found else ""


def registrars(instance):
    return sorted({mail for (mail,) in instance.query("SELECT mail FROM registrar WHERE organisation = 1 AND state = 'active'")})


def test_registrars_are_told_before_and_after_the_end(healthy, link, tmp_path):
    url, entry = link
    assert reminders(healthy, entry) == {"unfetched": -7, "lapsed": 1}
    assert judge(healthy, entry, "unfetched") is True
    wait_for(lambda: to_registrars(healthy, entry, UNFETCHED)[0] == registrars(healthy), "the notice before the end")
    text = to_registrars(healthy, entry, UNFETCHED)[1]
    assert "links@example.ac.jp" in text and entry["serial"] in text and f"CN={entry['name']}" in text and "未取得証明書一覧" in text
    assert "/d/" not in text, "a registrar's notice never carries the link"
    end = healthy.value("SELECT to_char((l.expires AT TIME ZONE 'Asia/Tokyo'), 'YYYY') FROM link l JOIN certificate c"
                        " ON c.id = l.certificate WHERE c.application = %s", entry["application"])
    assert end in text.split("【証明書取得URLの期限】")[1][:20]
    raw = next(m.raw for m in mails.to(healthy, None, entry["name"]) if m.subject == UNFETCHED)
    mails.verify(raw, healthy.env["INKAN_MAIL_CA"], tmp_path)
    end_link(healthy, entry)
    assert judge(healthy, entry, "lapsed") is True
    wait_for(lambda: to_registrars(healthy, entry, LAPSED)[0] == registrars(healthy), "the notice after the end")
    assert entry["serial"] in to_registrars(healthy, entry, LAPSED)[1]
    assert reminders(healthy, entry) == {}
    # A new link has notices of its own, each once.
    assert resend(healthy, entry).status_code == 202
    wait_for(lambda: reminders(healthy, entry) == {"unfetched": -7, "lapsed": 1}, "the new link's reminders")
    assert judge(healthy, entry, "unfetched") is True
    wait_for(lambda: to_registrars(healthy, entry, UNFETCHED)[0] == sorted(2 * registrars(healthy)), "the new link's notice")


def test_nobody_is_told_of_what_was_fetched(healthy, link):
    url, entry = link
    assert healthy.public.post(url).status_code == 200
    wait_for(lambda: reminders(healthy, entry) == {}, "the reminders gone")
    assert resend(healthy, entry).status_code == 202
    wait_for(lambda: two_links(healthy, entry["name"]), "another link")
    assert reminders(healthy, entry) == {}, "it was fetched before"


@pytest.mark.parametrize("what", ["resent", "revoked", "ended", "used"])
def test_a_reminder_is_judged_when_it_is_due(healthy, link, what):
    _, entry = link
    kind = "unfetched"
    if what == "resent":
        # Before the mailer made the new link's token.
        healthy.query("UPDATE link SET state = 'superseded' FROM certificate c WHERE c.id = certificate AND c.application = %s",
                      entry["application"])
    elif what == "revoked":
        revoke_unseen(healthy, entry["serial"])
    elif what == "ended":
        end_link(healthy, entry)
    else:
        kind = "lapsed"
        end_link(healthy, entry)
        healthy.query("UPDATE certificate SET fetched = now() WHERE application = %s", entry["application"])
    assert judge(healthy, entry, kind) is False
    assert to_registrars(healthy, entry, UNFETCHED)[0] == to_registrars(healthy, entry, LAPSED)[0] == []


def test_a_resent_link_takes_the_reminders_over(healthy, link):
    _, entry = link
    links = ("SELECT DISTINCT l.generation FROM reminder r JOIN link l ON l.id = r.link JOIN certificate c ON c.id = r.certificate"
             " WHERE c.application = %s", entry["application"])
    assert healthy.query(*links) == [(1,)]
    assert resend(healthy, entry).status_code == 202
    wait_for(lambda: healthy.query(*links) == [(2,)], "the reminders of the new link")
    assert reminders(healthy, entry) == {"unfetched": -7, "lapsed": 1}


def test_burn_and_notice_are_one(healthy, link):
    url, entry = link
    assert healthy.public.post(url).status_code == 200
    state = lambda: healthy.query(  # noqa: E731
        "SELECT l.state, c.fetched IS NOT NULL, (SELECT count(*) FROM notice n WHERE n.certificate = c.id AND n.kind = 'fetched'),"
        " (SELECT count(*) FROM audit_event a WHERE a.kind = 'link_used' AND a.application = c.application)"
        " FROM link l JOIN certificate c ON c.id = l.certificate WHERE c.application = %s", entry["application"])[0]
    wait_for(lambda: state()[0] == "used", "the burn")
    assert state() == ("used", True, 1, 1)


def test_nobody_can_fill_the_spool(healthy, link):
    """Only uploads carry files; elsewhere a large body is refused before it is read."""
    url, _ = link
    base = urllib.parse.urlsplit(healthy.env["INKAN_PUBLIC_URL"])
    trust = ssl.create_default_context(cafile=healthy.env["INKAN_TLS_CA"])
    for path in (urllib.parse.urlsplit(url).path, "/d/x"):
        connection = http.client.HTTPSConnection(base.hostname, base.port, context=trust, timeout=20)
        connection.putrequest("POST", path)
        connection.putheader("Content-Type", "multipart/form-data; boundary=b")
        connection.putheader("Content-Length", "200000")
        connection.endheaders()
        assert connection.getresponse().status == 413
        connection.close()
    assert healthy.public.post(url, files={"file": ("a.tsv", b"x")}).status_code == 200
