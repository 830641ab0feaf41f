"""The pages as a browser without script uses them, the files of the PKI, and the certificates of the API."""
import html
import pathlib
import re

import pytest
import requests
from inkantest.instance import Registrar, wait_for
from inkantest.rows import Row, new_name

HTML = {"Accept": "text/html"}


@pytest.fixture
def browser(healthy):
    """A session of registrar 1 that keeps cookies."""
    session = requests.Session()
    session.cert = healthy.registrar.session.cert
    session.verify = healthy.env["INKAN_TLS_CA"]
    session.trust_env = False
    session.headers.update({"Accept": "text/html", "Accept-Language": "ja"})
    session.base = healthy.env["INKAN_URL"]
    return session


def get(session, path, **kw):
    return session.get(session.base + path, timeout=60, **kw)


def form_token(page):
    return html.unescape(re.search(r'name="csrf" value="([^"]+)"', page.text).group(1))


def send(session, tsv, token=None, filename="申請.tsv", reviewed=5, **fields):
    token = form_token(get(session, "/uploads/new")) if token is None else token
    data = {"csrf": token, "kind": "server-issue", "on_error": "abort", "confirmed": "true", **fields}
    data.update({f"review_{i + 1}": "true" for i in range(reviewed)})
    return session.post(session.base + "/uploads", data=data, files={"file": (filename, tsv, "text/plain")}, timeout=60,
                        headers={"Origin": session.base, "Sec-Fetch-Site": "same-origin"}, allow_redirects=False)


def finished(session, path):
    """The page of an upload once it no longer refreshes itself."""
    return wait_for(lambda: (lambda p: p if 'http-equiv="refresh"' not in p.text else None)(get(session, path)), path)


def test_menu_and_headers(browser):
    page = get(browser, "/")
    assert page.status_code == 200 and 'lang="ja"' in page.text
    assert "申請大学" in page.text and "発行・更新・失効" in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "script-src" not in policy
    assert "<script" not in page.text and "<style" not in page.text and " style=" not in page.text
    style = re.search(r'href="(/static/style\.[0-9a-f]{12}\.css)"', page.text).group(1)
    sheet = get(browser, style)
    assert sheet.status_code == 200 and sheet.headers["Content-Type"].startswith("text/css")
    assert "immutable" in sheet.headers["Cache-Control"]
    assert get(browser, "/static/style.css").status_code == 404


def test_scripts_are_ours_alone(browser):
    page = get(browser, "/uploads/new")
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy and "connect-src 'self'" in policy and "unsafe" not in policy
    (script,) = re.findall(r"<script([^>]*)>([^<]*)</script>", page.text)
    address = re.fullmatch(r' src="(/static/upload\.[0-9a-f]{12}\.js)" type="module"', script[0]).group(1)
    assert script[1] == "" and not re.search(r" on\w+=", page.text)
    assert get(browser, address).headers["Content-Type"].startswith("text/javascript")


MENU = [("サーバ証明書", ["発行・更新・失効", "証明書情報一括ダウンロード"]),
        ("クライアント証明書", ["発行・更新・失効", "証明書情報一括ダウンロード"]),
        ("利用管理者情報", ["更新", "全証明書情報一括ダウンロード", "発行証明書統計照会", "許可リスト一括ダウンロード"]),
        ("タイムスタンプ利用情報", ["タイムスタンプURL"])]


def test_the_menu_of_the_manual_leads_everywhere(browser):
    page = get(browser, "/uploads")
    nav = page.text[page.text.index("<nav"):page.text.index("</nav>")]
    groups = re.findall(r"<h2>(.*?)</h2>(.*?)</ul>", nav, re.S)
    assert [title for title, _ in groups] == [title for title, _ in MENU]
    assert nav.count('aria-current="page"') == 1 and 'href="/uploads" aria-current' in nav
    for (_, items), (_, wanted) in zip(groups, MENU):
        links = re.findall(r'<a href="([^"]+)"[^>]*>(.*?)</a>', items)
        assert [label for _, label in links if label in wanted] == wanted
        for href, label in links:
            found = get(browser, html.unescape(href))
            # The TSV tool is everybody's: it asks nobody who they are and shows no menu.
            here = "" if href == "/tsv-tool" else f'href="{href}" aria-current="page">{label}<'
            assert found.status_code == 200 and here in found.text, href


def test_what_comes_later_says_so(browser):
    for path in ("/clients/uploads/new", "/clients/certificates/all"):
        assert "クライアント証明書の機能は準備中です。" in get(browser, path).text
        assert "Client certificates come later." in get(browser, path, headers={"Accept-Language": "en"}).text


def test_timestamp_address(browser):
    assert 'href="https://tsa.example.ac.jp/stamp"' in get(browser, "/timestamp").text


def permissions(registrar, **kw):
    answer = registrar.get("/api/v1/permissions.tsv", **kw)
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "text/tab-separated-values; charset=Shift_JIS"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="permissions.tsv"'
    lines = answer.content.decode("cp932").split("\r\n")
    assert lines.pop() == ""
    return [line.split("\t") for line in lines]


def test_permission_list(browser, healthy):
    page = get(browser, "/permissions")
    assert "許可リスト一括ダウンロード画面" in page.text and 'action="/api/v1/permissions.tsv"' in page.text
    until = healthy.value("SELECT to_char(issue_until, 'YYYY/MM/DD') FROM organisation WHERE id = 1")
    heads, *rows = permissions(healthy.registrar)
    assert heads == ["ドメイン", "機関名(英語)", "ST", "L", "OU", "証明書発行有効期限", "状態"]
    assert rows[0] == ["example.ac.jp", "testkikan", "Tokyo", "Chiyoda-ku", "", until, "許可"]
    assert ["shinsei-gakuen.ac.jp", "審査中"] == [rows[4][0], rows[4][-1]] and len(rows) == 5
    healthy.ctl("ou", "add", "1", "@SUM(A1)")
    healthy.ctl("ou", "add", "1", "Media Center")
    try:
        _, *rows = permissions(healthy.registrar)
        assert [row[4] for row in rows if row[0] == "example.ac.jp"] == ["'@SUM(A1)", "Media Center"] and len(rows) == 10
        heads, *others = permissions(healthy.registrar2, headers={"Accept-Language": "en"})
        assert heads[0] == "Domain" and [(row[0], row[4], row[-1]) for row in others] == [("other.ac.jp", "", "permitted")]
    finally:
        healthy.ctl("ou", "remove", "1", "@SUM(A1)")
        healthy.ctl("ou", "remove", "1", "Media Center")


def test_permission_list_pages_join(healthy):
    """More domains than one page of the query holds."""
    healthy.query("INSERT INTO domain (organisation, name) SELECT 3, 'd' || i || '.kigen.ac.jp' FROM generate_series(1, 230) i")
    third = Registrar(healthy.env, *(str(pathlib.Path(healthy.env["INKAN_REGISTRAR_CERT"]).with_name(f"registrar3.{end}"))
                                     for end in ("pem", "key")))
    try:
        _, *rows = permissions(third)
        assert len(rows) == 231 == len({row[0] for row in rows})
    finally:
        healthy.query("DELETE FROM domain WHERE name LIKE 'd%%.kigen.ac.jp'")


def test_certificates_of_all_kinds(browser, healthy):
    assert 'action="/api/v1/all-certificates.tsv"' in get(browser, "/all-certificates").text
    healthy.registrar.apply([Row()])
    answer = healthy.registrar.get("/api/v1/all-certificates.tsv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="all.tsv"'
    lines = answer.content.decode("cp932").split("\r\n")
    assert len(lines) > 2 and {len(line.split("\t")) for line in lines[:-1]} == {46}


@pytest.mark.parametrize("address", ["INKAN_URL", "INKAN_PUBLIC_URL"])
def test_tsv_tool_asks_nobody_and_may_send_nothing(healthy, address):
    page = healthy.public.get(healthy.env[address] + "/tsv-tool", headers={"Accept": "text/html", "Accept-Language": "en"}, timeout=60)
    assert page.status_code == 200 and "Certificate profile ID" in page.text
    policy = dict(part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'" and policy["script-src"] == "'self'" and policy["form-action"] == "'none'"
    assert "connect-src" not in policy and "unsafe" not in page.headers["Content-Security-Policy"]
    (script,) = re.findall(r"<script[^>]*>", page.text)
    source = re.search(r'src="(/static/tsv-tool\.[0-9a-f]{12}\.js)"', script).group(1)
    assert healthy.public.get(healthy.env[address] + source, timeout=60).headers["Content-Type"] == "text/javascript; charset=utf-8"


def test_language(browser):
    english = get(browser, "/?lang=en")
    assert 'lang="en"' in english.text and "testkikan" in english.text
    assert 'lang="en"' in get(browser, "/").text, "the choice is remembered"
    assert 'lang="ja"' in get(browser, "/?lang=ja").text
    found = get(browser, "/certificates?q=a%26b&lang=ja")
    other = html.unescape(re.search(r'href="([^"]*)" hreflang="en"', found.text).group(1))
    assert other == "?q=a%26b&lang=en"
    browser.cookies.clear()
    assert 'lang="en"' in get(browser, "/", headers={"Accept-Language": "en-GB,en;q=0.9"}).text


def test_upload_by_form(browser):
    row = Row()
    answer = send(browser, row.line())
    assert answer.status_code == 303, answer.text
    page = finished(browser, answer.headers["Location"])
    assert "申請完了画面" in page.text and "ファイルのアップロード処理が完了しました。" in page.text
    assert row.name in page.text and "申請.tsv" in page.text
    assert answer.headers["Location"] in get(browser, "/uploads").text
    assert row.name in get(browser, "/certificates", params={"q": row.name}).text


def test_errors_are_a_table(browser):
    answer = send(browser, Row(columns={12: ""}).line())
    page = finished(browser, answer.headers["Location"])
    assert "エラー画面" in page.text and "SEQ" in page.text and "処理結果" in page.text and "エラー内容" in page.text
    assert "201:12," in page.text and "は入力必須項目です。" in page.text and "is required" in page.text


def test_what_users_write_is_escaped(browser):
    answer = send(browser, Row(columns={11: "<b>x</b>.example.ac.jp"}).line(), filename="<i>.tsv")
    page = finished(browser, answer.headers["Location"])
    assert "<b>x</b>" not in page.text and "<i>.tsv" not in page.text and "&lt;i&gt;.tsv" in page.text


def test_file_error(browser):
    page = finished(browser, send(browser, b"x", filename="test.csv").headers["Location"])
    assert "209" in page.text and "拡張子" in page.text


def test_review_items_are_needed_unless_only_checked(browser):
    refused = send(browser, Row().line(), reviewed=4)
    assert refused.status_code == 400 and "審査項目" in refused.text
    assert refused.text.count(" checked") == 5, "four items and the error mode stay chosen"
    checked = send(browser, Row().line(), reviewed=0, dry_run="true")
    page = finished(browser, checked.headers["Location"])
    assert "検査結果画面" in page.text


def test_forms_need_their_token(browser, healthy):
    count = "SELECT count(*) FROM upload"
    before = healthy.value(count)
    assert send(browser, Row().line(), token="A" * 22).status_code == 403
    token = form_token(get(browser, "/uploads/new"))
    found = get(browser, "/certificates?q=a%26b&lang=ja")
    other = html.unescape(re.search(r'href="([^"]*)" hreflang="en"', found.text).group(1))
    assert other == "?q=a%26b&lang=en"
    browser.cookies.clear()
    assert send(browser, Row().line(), token=token).status_code == 403
    foreign = browser.post(browser.base + "/uploads", data={"csrf": token}, headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert healthy.value(count) == before


def test_no_certificate(healthy):
    page = healthy.public.get(healthy.env["INKAN_URL"] + "/", headers=HTML | {"Accept-Language": "ja"})
    assert page.status_code == 401 and "ログイン方法" in page.text and "960" in page.text


def test_others_see_nothing(browser, healthy):
    row = Row()
    upload = healthy.registrar.apply([row])
    other = healthy.registrar2
    assert other.get(f"/uploads/{upload['id']}", headers=HTML).status_code == 404
    serial = upload["rows"][0]["serial"]
    assert other.get(f"/api/v1/certificates/{serial}").status_code == 404
    assert other.get(f"/api/v1/certificates/{serial}.pem").status_code == 404
    assert row.name not in other.get("/api/v1/certificates", params={"q": row.name}).text


def test_unknown_page(browser):
    page = get(browser, "/nowhere")
    assert page.status_code == 404 and "text/html" in page.headers["Content-Type"]


def test_resend_by_form(browser, healthy):
    row = Row(mail="resend-form@example.ac.jp")
    upload = healthy.registrar.apply([row])
    page = get(browser, "/certificates", params={"q": row.name})
    path = f"/certificates/{upload['rows'][0]['application']}/resend"
    assert path in page.text
    page = get(browser, path)
    assert row.name in page.text and f'value="{row.mail}"' in page.text
    assert healthy.registrar2.get(path, headers=HTML).status_code == 404
    refused = browser.post(browser.base + path, data={"csrf": "no"}, allow_redirects=False)
    assert refused.status_code == 403
    answer = browser.post(browser.base + path, data={"csrf": form_token(page)}, allow_redirects=False)
    assert answer.status_code == 303
    assert healthy.value("SELECT count(*) FROM link l JOIN certificate c ON c.id = l.certificate WHERE c.cn = %s", row.name) == 2


def test_certificates_of_the_api(healthy):
    marker = new_name()
    rows = [Row(f"{letter}-{marker}") for letter in "abc"]
    upload = healthy.registrar.apply(rows)
    first = healthy.registrar.get("/api/v1/certificates", params={"q": marker, "limit": "2"}).json()
    assert [c["cn"] for c in first["certificates"]] == [rows[2].name, rows[1].name] and first["next"]
    second = healthy.registrar.get("/api/v1/certificates", params={"q": marker, "limit": "2", "cursor": first["next"]}).json()
    assert [c["cn"] for c in second["certificates"]] == [rows[0].name] and second["next"] is None
    serial = upload["rows"][0]["serial"]
    one = healthy.registrar.get(f"/api/v1/certificates/{serial}").json()
    assert one == healthy.registrar.get(f"/api/v1/certificates/{int(serial):#x}").json()
    assert one["serial"] == serial and one["names"] == [rows[0].name] and one["status"] == "valid"
    pem = healthy.registrar.get(f"/api/v1/certificates/{serial}.pem")
    assert pem.text.count("BEGIN CERTIFICATE") == 2
    for bad in ({"limit": "0"}, {"limit": "x"}, {"cursor": "x"}, {"state": "nonsense"}, {"expires_before": "tomorrow"}):
        answer = healthy.registrar.get("/api/v1/certificates", params=bad)
        assert answer.status_code == 400 and answer.json()["code"] == 966, bad
    assert healthy.registrar.get("/api/v1/certificates", params={"q": marker, "expires_before": "2026-01-01"}).json() == {
        "certificates": [], "next": None}
    for unknown in ("1", "0x1", "x", "9" * 60, "1.pem", ".pem"):
        assert healthy.registrar.get(f"/api/v1/certificates/{unknown}").status_code == 404, unknown


def test_pki_files_may_be_cached(healthy):
    base = healthy.env["INKAN_PKI_URL"]
    ca = requests.get(base + "/ca/1.cer", timeout=10)
    assert ca.status_code == 200 and ca.headers["Content-Type"] == "application/pkix-cert" and ca.content[:1] == b"0"
    crl = requests.get(base + "/crl/1-0.crl", timeout=10)
    assert crl.status_code == 200 and crl.headers["Content-Type"] == "application/pkix-crl"
    assert 0 < int(re.search(r"max-age=(\d+)", crl.headers["Cache-Control"]).group(1)) <= 3600
    same = requests.get(base + "/crl/1-0.crl", headers={"If-None-Match": crl.headers["ETag"]}, timeout=10)
    assert same.status_code == 304 and same.content == b""
    same = requests.get(base + "/crl/1-0.crl", headers={"If-Modified-Since": crl.headers["Last-Modified"]}, timeout=10)
    assert same.status_code == 304
    head = requests.head(base + "/crl/1-0.crl", timeout=10)
    assert head.status_code == 200 and int(head.headers["Content-Length"]) == len(crl.content)
    for path in ("/ca/2.cer", "/ca/01.cer", "/ca/x.cer", "/ca/1", "/crl/1-99999.crl", "/crl/1.crl", "/crl/1-0", "/crl/-1-0.crl",
                 "/ca/99999999999.cer", "/"):
        assert requests.get(base + path, timeout=10).status_code == 404, path
