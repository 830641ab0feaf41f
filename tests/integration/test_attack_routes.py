"""Every route under attack: other organisations' ids, foreign pages, guessed tokens, tricks with paths, SQL and bytes in parameters.

The routes come from the ingress's own tables: a new one without a case here fails these tests.
"""
import html
import json
import re
import secrets
import urllib.parse

import pytest
import requests
from inkantest import mails
from inkantest.instance import wait_for
from inkantest.rows import Manager, Revocation, Row
from inkantest.routes import all_routes

ROUTES = all_routes()
REGISTRAR = [r for r in ROUTES if r.listener == "REGISTRAR"]
CHANGING = [r for r in ROUTES if r.method != "GET" and r.listener != "PKI"]  # an OCSP question changes nothing
NOBODYS = {"uploads": "999999999999", "certificates": "987654321987654321", "links": "999999999999"}
# For whoever asks, by design: the description of the API, style sheets and scripts, the tool that works in the browser alone.
PUBLIC = {"/api/openapi.json", "/static/{}", "/tsv-tool", "/login", "/logout"}


@pytest.fixture(scope="module")
def victim(inkan):
    """Something of organisation 1, by the noun of the route that would show it, and words that only it has."""
    inkan.alive()
    row = Row(mail="victim@example.ac.jp", manager="秘密の管理者", software=f"Secret {secrets.token_hex(6)}")
    upload = inkan.registrar.apply([row])
    entry = upload["rows"][0]
    link = wait_for(lambda: mails.to(inkan, "victim@example.ac.jp", row.name), "the link")[0].link()
    return {"uploads": [upload["id"]], "certificates": [entry["serial"], hex(int(entry["serial"])), entry["application"]],
            "links": [entry["application"]], "row": row, "serial": entry["serial"], "application": entry["application"],
            "link": link, "words": (row.name, entry["serial"], row.software, "秘密の管理者", "victim@example.ac.jp")}


def noun(route):
    """The first word of the address that says what its {} is an id of."""
    return route.pattern.removeprefix("/api/v1").split("/")[1]


@pytest.mark.parametrize("route", [r for r in REGISTRAR if "{" in r.pattern and r.pattern not in PUBLIC], ids=str)
def test_ids_of_another_organisation_are_unknown(healthy, victim, route):
    """404, and not a word other than for what nobody has."""
    assert noun(route) in NOBODYS, f"{route}: say in this test whose id it takes"
    answers = []
    for who in (healthy.registrar2, healthy.registrar):
        session = csrf_session(healthy, who) if not route.pattern.startswith("/api/") else who.session
        for number in (victim[noun(route)] if who is healthy.registrar2 else [NOBODYS[noun(route)]]):
            answer = session.request(route.method, who.base + route.path(number), data={"csrf": session.cookies.get("__Host-csrf")}
                                     if route.method == "POST" and session is not who.session else None, timeout=60,
                                     allow_redirects=False)
            assert answer.status_code == 404, f"{route} {number}: {answer.status_code} {answer.text[:300]}"
            answers.append(stripped(answer.text))
            if who is healthy.registrar2:
                assert not [w for w in victim["words"] if w in answer.text and w != number]
    assert len(set(answers)) == 1, answers


def stripped(text):
    """What the page says: its main part without what differs from page to page."""
    main = re.search(r"<main.*?</main>", text, re.S)
    return re.sub(r'value="[^"]*"|\?[^"]*"', "", main.group(0) if main else text)


@pytest.mark.parametrize("route", [r for r in REGISTRAR if "{" not in r.pattern and r.method == "GET"], ids=str)
def test_lists_show_nothing_of_another_organisation(healthy, victim, route):
    for query in ("", "?q=" + victim["row"].name, "?q=" + victim["serial"], "?limit=1000", "?kind=server-issue", "?cursor=1"):
        answer = healthy.registrar2.get(route.pattern + query)
        text = answer.content.decode("cp932" if "Shift_JIS" in answer.headers.get("Content-Type", "") else "utf-8")
        asked = urllib.parse.unquote(query)
        assert not [w for w in victim["words"] if w in text and w not in asked], f"{route}{query}"


def test_every_described_path_is_among_the_routes(healthy):
    described = healthy.registrar.get("/api/openapi.json").json()["paths"]
    assert {re.sub(r"\{[^}]*\}", "{}", path) for path in described} <= {route.pattern for route in REGISTRAR}


@pytest.mark.parametrize("kind,make", [
    ("server-renew", lambda v: Row(v["row"].name, serial=v["serial"])),
    ("server-renew", lambda v: Row(serial=v["serial"], organisation={"O": "Other University", "L": "Suita", "ST": "Osaka", "C": "JP"})),
    ("server-revoke", lambda v: Revocation(v["row"].dn, v["serial"], "1")),
    ("manager-update", lambda v: Manager(v["row"].dn, v["serial"], "thief@other.ac.jp"))],
    ids=["renew", "renew under own name", "revoke", "manager"])
@pytest.mark.parametrize("on_error", ["abort", "skip"])
def test_certificates_of_another_organisation_cannot_be_named_in_files(healthy, victim, kind, make, on_error):
    upload = healthy.registrar2.apply([make(victim)], on_error=on_error, kind=kind)
    assert upload["state"] == "rejected" and upload["rows"][0]["result"] == "NG"
    said = json.dumps(upload["rows"][0]["errors"], ensure_ascii=False)
    assert "秘密" not in said and "victim@" not in said and victim["row"].software not in said
    assert healthy.value("SELECT count(*) FROM revocation r JOIN certificate c ON c.id = r.certificate WHERE c.application = %s",
                         victim["application"]) == 0
    assert healthy.registrar.get(f"/api/v1/certificates/{victim['serial']}").json()["manager"]["mail"] == "victim@example.ac.jp"


# ---- pages of others

def csrf_session(healthy, who):
    """A browser with the page's token in its cookies."""
    session = requests.Session()
    session.cert, session.verify, session.trust_env = who.session.cert, healthy.env["INKAN_TLS_CA"], False
    page = session.get(who.base + "/uploads/new", timeout=60)
    assert page.status_code == 200 and session.cookies.get("__Host-csrf")
    return session


FOREIGN = [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://SAME"}, {"Origin": "https://SAME.evil.example"},
           {"Origin": "https://evil.example/https://SAME"}, {"Origin": "https://SAME", "Sec-Fetch-Site": "cross-site"},
           {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "nonsense"}, {"Origin": ""}]


@pytest.mark.parametrize("route", CHANGING, ids=str)
def test_foreign_pages_change_nothing(healthy, victim, route):
    public = route.listener == "PUBLIC"
    base = healthy.env["INKAN_PUBLIC_URL"] if public else healthy.env["INKAN_URL"]
    session = healthy.public if public else csrf_session(healthy, healthy.registrar)
    given = victim["link"].rsplit("/", 1)[1] if public else victim.get(noun(route), ["-"])[0]
    before = facts(healthy)
    for headers in FOREIGN:
        sent = {k: v.replace("SAME", base.split("//")[1]) for k, v in headers.items()}
        answer = session.request(route.method, base + route.path(given), headers=sent, timeout=60, allow_redirects=False,
                                 data={"csrf": session.cookies.get("__Host-csrf"), "confirmed": "true", "kind": "server-issue"})
        assert answer.status_code == 403, f"{route} {sent}: {answer.status_code}"
        assert "971" in answer.text
    assert facts(healthy) == before


# They change nothing that is kept: a file of what was ticked, a session that ends or goes on. From foreign pages they are refused all the same.
WITHOUT_TOKEN = {"/certificates/tsv", "/login", "/logout"}


@pytest.mark.parametrize("route", [r for r in CHANGING if r.listener == "REGISTRAR" and not r.pattern.startswith("/api/")
                                   and r.pattern not in WITHOUT_TOKEN], ids=str)
def test_forms_need_their_token(healthy, victim, route):
    """From our own origin, but without the token, with another's, and with one that is not in the cookie."""
    before = facts(healthy)
    path = route.path(victim.get(noun(route), ["-"])[0])
    token = csrf_session(healthy, healthy.registrar).cookies.get("__Host-csrf")
    for field, cookie in ((None, token), ("", token), (token, None), (token, "x" * 22), (token[:-1], token), (token, token[:-1]),
                          (token + "A", token), (token, f"{token}; __Host-csrf=" + "A" * 22 + "B")):
        answer = healthy.registrar.session.post(
            healthy.env["INKAN_URL"] + path, timeout=60, allow_redirects=False,
            data={"confirmed": "true", "kind": "server-issue", **({} if field is None else {"csrf": field})},
            headers={"Origin": healthy.env["INKAN_URL"], "Sec-Fetch-Site": "same-origin",
                     **({} if cookie is None else {"Cookie": f"__Host-csrf={cookie}"})})
        if field == token and cookie and cookie.startswith(token + ";"):
            continue  # the first of two cookies is ours: browsers send the narrower one first
        assert answer.status_code == 403 and "972" in answer.text, (route, field, cookie, answer.status_code)
    assert facts(healthy) == before


@pytest.mark.parametrize("route", [r for r in REGISTRAR if r.access == "REGISTRAR"], ids=str)
def test_nobody_gets_in_without_a_certificate(healthy, victim, route):
    answer = requests.request(route.method, healthy.env["INKAN_URL"] + route.path(victim.get(noun(route), ["-"])[0]),
                              verify=healthy.env["INKAN_TLS_CA"], timeout=60, allow_redirects=False)
    assert answer.status_code == 401, f"{route}: {answer.status_code}"
    assert not [w for w in victim["words"] if w in answer.text]


def test_every_open_route_is_known(healthy):
    """Whoever opens a further route to everybody says so here."""
    open_ones = {r.pattern for r in REGISTRAR if r.access != "REGISTRAR"}
    assert open_ones == PUBLIC
    assert {r.pattern for r in ROUTES if r.listener == "PUBLIC"} == {"/d/{}", "/static/{}", "/tsv-tool"}
    assert {r.pattern for r in ROUTES if r.listener == "PKI"} == {"/ca/{}", "/crl/{}", "/ocsp", "/ocsp/{*}"}


def facts(instance):
    """What must not have changed."""
    return instance.query("SELECT (SELECT count(*) FROM upload), (SELECT count(*) FROM application), (SELECT count(*) FROM link),"
                          " (SELECT count(*) FROM link WHERE used IS NOT NULL), (SELECT count(*) FROM revocation)")


# ---- tokens

def test_guessed_tokens(healthy, victim):
    """One answer for all that is not a token: its length, its form, and how near it comes, tell nothing."""
    token = victim["link"].rsplit("/", 1)[1]
    swapped = token[:-1] + ("A" if token[-1] != "A" else "E")
    guesses = [secrets.token_urlsafe(32), swapped, token[:-1], token + "A", token.swapcase(), "A" * 43, "x", "." * 43,
               urllib.parse.quote("あ" * 14), token[1:] + token[0], "A" * 400, token + "%20"]
    seen = set()
    for guess in guesses:
        for method in ("GET", "POST"):
            answer = healthy.public.request(method, f"{healthy.env['INKAN_PUBLIC_URL']}/d/{guess}", timeout=60)
            assert answer.status_code == 404, f"{method} {guess}: {answer.status_code}"
            kept = {k: v for k, v in answer.headers.items() if k not in ("Date", "Content-Length")}
            seen.add((method, stripped(answer.text), json.dumps(kept, sort_keys=True)))
    assert len({s[1:] for s in seen}) == 1, seen
    assert healthy.public.get(victim["link"], timeout=60).status_code == 200


# ---- paths

PATHS = ["//", "/./", "/../", "/%2e%2e/", "/uploads/..%2f..%2fetc%2fpasswd", "/static/..%2f..%2fetc%2fpasswd",
         "/static/%2e%2e%2f%2e%2e%2fetc/passwd", "/static//etc/passwd", "/static/....//", "/static/%c0%ae%c0%ae/", "/static/%00",
         "/static/style.css%00.html", "/uploads/1%00", "/uploads/1;x", "/uploads/1/../2", "/uploads/%31/", "/uploads/１", "/uploads/-1",
         "/uploads/0x1", "/uploads/1e9", "/uploads/9223372036854775808", "/uploads/%ff%fe", "/uploads/%ed%a0%80", "/uploads/%c0%b1",
         "/uploads/%e2%80%ae1", "/api/v1//uploads", "/api/v1/uploads/", "/API/v1/uploads", "/api/v1/uploads%2f1", "/api/v1/uploads/1%",
         "/api/v1/uploads/1%zz", "/api/v1/certificates/%2e%2e", "/api/v1/certificates/1.pem.pem", "/api/v1/certificates/" + "9" * 60,
         "/api/v1/certificates/" + "a" * 4000, "/" + "a/" * 2000, "/uploads/new/", "/static/" + "%41" * 1000, "/uploads/\\..\\"]


def test_tricks_with_paths(healthy):
    import http.client
    import ssl
    context = ssl.create_default_context(cafile=healthy.env["INKAN_TLS_CA"])
    context.load_cert_chain(*healthy.registrar.session.cert)
    where = urllib.parse.urlsplit(healthy.env["INKAN_URL"])
    for path in PATHS:
        # http.client sends what it is given; requests would tidy it up first.
        connection = http.client.HTTPSConnection(where.hostname, where.port, context=context, timeout=60)
        connection._validate_path = lambda _: None
        connection._encode_request = lambda text: text.encode("utf-8", "surrogateescape")
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 404, f"{path[:80]}: {answer.status}"
        assert b"root:" not in body
        connection.close()


# ---- parameters

HOSTILE = ["'", "''; DROP TABLE upload; --", "1 OR 1=1", "1'::int", "\\", "%", "_", "$1", "{}", "null", "true", "-1", "9" * 30, "1e400",
           "\u202e1", "１", "a\u0000b", "\ud800", "\n\r\n", "%00", "<script>alert(1)</script>", "{{t.title}}", "${7*7}", "x" * 4000, "x" * 5000,
           "2026-13-45", "infinity", "-infinity", "NaN", "0x", "0x" + "f" * 60]
NAMES = ["q", "state", "cursor", "limit", "wait", "expires_before", "expires_after", "result", "kind", "on_error", "dry_run", "confirmed",
         "filename", "lang", "format", "manager_mail", "once", "csrf", "from", "status", "sort", "page", "organisation", "id"]


def encoded(text):
    return urllib.parse.quote(text.encode("utf-8", "surrogatepass"), safe="")


@pytest.mark.parametrize("route", [r for r in REGISTRAR if r.method == "GET" and "events" not in r.pattern], ids=str)
def test_hostile_parameters(healthy, victim, route):
    """No value of any parameter is an error of the service's own, and none reaches SQL or a page as anything but text."""
    path = route.path(victim.get(noun(route), ["-"])[0])
    before = facts(healthy)
    for i, value in enumerate(HOSTILE):
        for names in (NAMES[:12], NAMES[12:]):
            query = "&".join(f"{name}={encoded(value)}" for name in names if not (name == "wait" and value.isdigit()))
            answer = healthy.registrar.get(f"{path}?{query}")
            assert answer.status_code in (200, 400, 404, 414, 431), f"{path} {value!r}: {answer.status_code} {answer.text[:200]}"
            text = answer.text
            assert "syntax error" not in text
            if answer.headers.get("Content-Type", "").startswith("text/html"):
                assert "<script>alert" not in text
        if i % 8 == 0:
            assert healthy.health("ingress", "/readyz").status_code == 200
    assert facts(healthy) == before


def test_bytes_that_are_no_text(healthy, victim):
    for query in ("q=%ff", "q=%c0%af", "q=%ed%a0%80", "q=%00", "%ff=1", "q=%e5%8d", "cursor=%ff", "state=%80", "lang=%ff"):
        for path in ("/api/v1/certificates", "/certificates", "/api/v1/uploads", "/uploads"):
            answer = healthy.registrar.get(f"{path}?{query}")
            assert answer.status_code == 400, f"{path}?{query}: {answer.status_code}"
    answer = healthy.registrar.post(f"/api/v1/links/{victim['application']}/resend", data=b"manager_mail=%ff%40example.ac.jp",
                                    headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 400


JSONS = [b"", b"{", b"[]", b"null", b'"x"', b'{"manager_mail": 1}', b'{"manager_mail": null}', b'{"manager_mail": "a", "manager_mail": "b"}',
         b'{"manager_mail": "\\u0000"}', b'{"manager_mail": "\\ud800"}', b'{"manager_mail": "a@b\\r\\nBcc: c@d"}', b"{" * 3000,
         b"[" * 3000, b'{"manager_mail": "' + b"\xff" + b'"}', b"\xef\xbb\xbf{}", b'{"' + b"x" * 5000 + b'": "y"}', b'{"a":"b"} x',
         b'{"manager_mail": ["victim@example.ac.jp"]}', b'{"manager_mail": "' + b"x" * 5000 + b'@example.ac.jp"}']


def test_hostile_json(healthy, victim):
    before = healthy.value("SELECT count(*) FROM notice")
    links = facts(healthy)
    for body in JSONS:
        if not body:
            continue  # no corrected address: the link is sent again, as it should
        answer = healthy.registrar.post(f"/api/v1/links/{victim['application']}/resend", data=body,
                                        headers={"Content-Type": "application/json"})
        assert answer.status_code == 400, f"{body[:60]}: {answer.status_code}"
    assert healthy.value("SELECT count(*) FROM notice") == before and facts(healthy) == links


MAILS = ["a@b.jp\r\nBcc: evil@example.org", "a@b.jp\nSubject: x", "a@b.jp%0d%0aBcc:x@y", "<a@b.jp>", "a@b.jp,c@d.jp", "a@b.jp c@d.jp",
         '"a b"@b.jp', "a@b@c.jp", "a@", "@b.jp", "a@b.jp>", "a@b.jp\x00", "a@b.jp\u202e", "あ@b.jp", "a@例え.jp", "a" * 80 + "@b.jp", "a@b.jp;",
         "a@b.jp\t", " a@b.jp", "a@b.jp ", "a..b@b.jp\x7f", "a@b.jp\x85", "=?utf-8?q?a=40b?=@c.jp\r\n"]


@pytest.mark.parametrize("way", ["json", "form"])
def test_no_address_ends_a_header(healthy, victim, way):
    before = healthy.value("SELECT count(*) FROM notice")
    for address in MAILS:
        path = f"/api/v1/links/{victim['application']}/resend"
        answer = (healthy.registrar.post(path, json={"manager_mail": address}) if way == "json"
                  else healthy.registrar.post(path, data={"manager_mail": address}))
        assert answer.status_code == 400, f"{address!r}: {answer.status_code}"
    assert healthy.value("SELECT count(*) FROM notice") == before


def test_pages_show_what_was_sent_as_text(healthy):
    """A search that is markup stays a text on the page that shows it."""
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    page = healthy.registrar.get("/certificates", params={"q": evil})
    assert page.status_code == 200 and "<script>" not in page.text and "<img src=x" not in page.text
    name = '"><b>申請\u202evst.exe\x1b[2J.tsv'
    upload = healthy.registrar.upload(Row().line(), filename=name, dry_run="true").json()
    shown = html.unescape(healthy.registrar.get(f"/uploads/{upload['id']}").text)
    assert "\u202e" not in shown and "\x1b" not in shown
    assert "<b>申請" not in healthy.registrar.get(f"/uploads/{upload['id']}").text
