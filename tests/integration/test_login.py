"""Logging in with real client certificates: what each one is told; logout, the end of a session, several registrars at once."""
import datetime
import html
import os
import pathlib
import re
import signal
import time

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from inkantest.instance import wait_for
from inkantest.rows import Row

IDLE_SEC = 1800
COOKIE = "__Host-session"


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def make_certificate(directory, name, ca=None, begins=-10, ends=300, authority=False):
    """A client certificate and key as a pair of paths; ca: (certificate, key) of the issuer; days from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signer = (ca[0].subject, ca[1]) if ca else (subject, key)
    certificate = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(now() + datetime.timedelta(days=begins))
                   .not_valid_after(now() + datetime.timedelta(days=ends))
                   .add_extension(x509.BasicConstraints(authority, None), True)
                   .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False).sign(signer, hashes.SHA256()))
    stem = str(len(os.listdir(directory)))
    paths = directory / f"{stem}.pem", directory / f"{stem}.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return str(paths[0]), str(paths[1])


@pytest.fixture(scope="module")
def registrar_ca(inkan, tmp_path_factory):
    """A CA of ours beside the demonstration's, whose key exists nowhere, as (certificate, key)."""
    trusted = pathlib.Path(re.search(r"^client_ca *= *(\S+)", inkan.config_path().read_text(), re.M).group(1))
    folder = tmp_path_factory.mktemp("ca")
    certificate, key = make_certificate(folder, "Registrar CA of the tests", authority=True)
    with trusted.open("ab") as file:
        file.write(pathlib.Path(certificate).read_bytes())
    before = inkan.pid("ingress")
    inkan.kill("ingress", signal.SIGTERM)
    wait_for(lambda: inkan.pid("ingress") != before, "a new ingress")
    inkan.alive()
    return (x509.load_pem_x509_certificate(pathlib.Path(certificate).read_bytes()),
            serialization.load_pem_private_key(pathlib.Path(key).read_bytes(), None))


@pytest.fixture
def browser(healthy):
    """Makes browsers: sessions with cookies that choose the certificate given, or none."""
    def make(pair=None, language="ja"):
        session = requests.Session()
        session.cert = pair
        session.verify = healthy.env["INKAN_TLS_CA"]
        session.trust_env = False
        session.headers.update({"Accept": "text/html", "Accept-Language": language})
        session.base = healthy.env["INKAN_URL"]
        return session
    return make


@pytest.fixture
def registrar(healthy):
    return healthy.env["INKAN_REGISTRAR_CERT"], healthy.env["INKAN_REGISTRAR_KEY"]


def text(answer):
    return html.unescape(answer.text)


def get(session, path="/", **kw):
    return session.get(session.base + path, timeout=60, **kw)


def post(session, path, **kw):
    return session.post(session.base + path, timeout=60, headers={"Origin": session.base}, allow_redirects=False, **kw)


def entered(healthy, pair, name="試験 担当"):
    """The pair entered in the register, as a registrar of organisation 1."""
    return healthy.ctl_json("registrar", "add", "--organisation", "1", "--name", name, "--mail", "t@example.ac.jp",
                            "--certificate", pair[0])


WORDS = {
    "none": (401, 960, ["ログインできません", "クライアント証明書がありません", "インポートします"], ["No client certificate", "Import the registrar's"]),
    "unknown": (403, 961, ["登録されていない証明書です", "登録が完了するまで"], ["not registered", "wait until the service desk"]),
    "stranger": (403, 961, ["登録されていない証明書です", "選択し直します"], ["not registered", "choose the registrar's"]),
    "expired": (403, 962, ["証明書の有効期限が切れています", "新しい登録担当者用証明書を申請します"], ["has expired", "apply to the service desk"]),
    "removed": (403, 963, ["登録が抹消されています", "機関責任者に確認"], ["was removed", "organisation's director"]),
}


@pytest.fixture(scope="module")
def pairs(inkan, registrar_ca, tmp_path_factory):
    folder = tmp_path_factory.mktemp("registrars")
    made = {"none": None, "unknown": make_certificate(folder, "not entered", registrar_ca),
            "stranger": make_certificate(folder, "<b>from nowhere</b>"),
            "expired": make_certificate(folder, "expired", registrar_ca, -30, -1),
            "removed": make_certificate(folder, "removed", registrar_ca)}
    entered(inkan, made["expired"])
    inkan.ctl("registrar", "remove", str(entered(inkan, made["removed"])["id"]))
    return made


@pytest.mark.parametrize("case", WORDS)
def test_each_certificate_is_told_what_is_wrong(browser, pairs, case):
    status, code, japanese, english = WORDS[case]
    told = {language: get(browser(pairs[case], language)) for language in ("ja", "en")}
    for language, words in (("ja", japanese), ("en", english)):
        assert told[language].status_code == status and str(code) in told[language].text
        assert [word for word in words if word not in text(told[language])] == [], text(told[language])
        assert "<nav" not in told[language].text and COOKIE not in told[language].cookies
    shown = {"none": None, "unknown": "CN=not entered", "stranger": "CN=<b>from nowhere</b>"}.get(case, f"CN={case}")
    if shown:
        assert "ブラウザから提示された証明書" in text(told["ja"]) and shown in text(told["ja"]).replace("\\", "")
    else:
        assert "ブラウザから提示された証明書" not in text(told["ja"])
    assert "<b>from" not in told["ja"].text


def test_no_two_cases_have_the_same_title(browser, pairs):
    titles = {case: re.search("<h1>(.*?)</h1>", get(browser(pair)).text).group(1) for case, pair in pairs.items()}
    assert titles["unknown"] == titles["stranger"] and len(set(titles.values())) == 4


def test_a_registrar_of_a_suspended_organisation_is_told_and_may_look(healthy, browser, registrar):
    upload = healthy.registrar.apply([Row()])
    healthy.ctl("organisation", "change", "1", "--state", "suspended")
    try:
        for language, words in (("ja", ["機関状態が無効なため", "引き続き利用できます"]), ("en", ["not active", "still search"])):
            for path in ("/", "/uploads/new", f"/uploads/{upload['id']}"):
                page = get(browser(registrar, language), path)
                assert page.status_code == 200 and [word for word in words if word not in page.text] == []
    finally:
        healthy.ctl("organisation", "change", "1", "--state", "active")
    assert "機関状態が無効" not in get(browser(registrar)).text


def test_the_end_of_the_issuing_limit_is_told(healthy, browser, registrar):
    third = tuple(str(pathlib.Path(path).with_name(f"registrar3{pathlib.Path(path).suffix}")) for path in registrar)
    assert "証明書発行有効期限が切れています" in get(browser(third)).text
    assert "You can still revoke" in get(browser(third, "en")).text
    assert "証明書発行有効期限が切れています" not in get(browser(registrar)).text


def test_a_certificate_that_ends_soon_is_told(healthy, browser, registrar_ca, tmp_path):
    soon = make_certificate(tmp_path, "soon", registrar_ca, ends=20)
    number = entered(healthy, soon)["id"]
    ends = (now() + datetime.timedelta(days=20, hours=9)).strftime("%Y/%m/%d")
    assert re.search(f"有効期限が近づいています。有効期限:</b> {ends}", get(browser(soon)).text)
    healthy.ctl("registrar", "remove", str(number))


# ---- sessions

def test_logout_withholds_pages_until_login_is_pressed(healthy, browser, registrar):
    session = browser(registrar)
    page = get(session, "/uploads?x=a%26b")
    assert page.status_code == 200 and 'action="/logout"' in page.text
    cookie = page.headers["Set-Cookie"]
    assert cookie.startswith(COOKIE + "=") and all(a in cookie for a in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))
    assert "Max-Age" not in cookie and "Expires" not in cookie, "closing the browser ends it"
    out = post(session, "/logout")
    assert out.status_code == 303 and out.headers["Clear-Site-Data"] == '"cache", "storage"'
    for path in ("/", "/uploads?x=a%26b", "/certificates", "/uploads/new"):
        page = get(session, path)
        assert page.status_code == 403 and "ログアウトしました。" in page.text and "申請大学" not in page.text
    assert "You have signed out." in get(session, headers={"Accept-Language": "en"}).text
    before = healthy.value("SELECT count(*) FROM upload")
    assert post(session, "/uploads", files={"file": ("a.tsv", Row().line())}).status_code == 403
    assert healthy.value("SELECT count(*) FROM upload") == before
    to = html.unescape(re.search('name="to" value="([^"]*)"', get(session, "/uploads?x=a%26b").text).group(1))
    assert to == "/uploads?x=a%26b"
    back = post(session, "/login", data={"to": to})
    assert back.status_code == 303 and back.headers["Location"] == to
    assert get(session, to).status_code == 200


def test_logout_is_not_for_other_sites(browser, registrar):
    session = browser(registrar)
    assert get(session).status_code == 200
    for path in ("/logout", "/login"):
        foreign = session.post(session.base + path, headers={"Origin": "https://evil.example"}, allow_redirects=False)
        assert foreign.status_code == 403 and get(session, path).status_code == 405
    assert get(session).status_code == 200


@pytest.mark.parametrize("to", ["//evil.example/", "https://evil.example/", "/\\evil.example", "\\evil", "/a\r\nX: y", "", "x" * 300, None])
def test_login_leads_to_pages_of_ours_alone(browser, registrar, to):
    answer = post(browser(registrar), "/login", data={"to": to} if to is not None else {})
    assert answer.status_code == 303 and answer.headers["Location"] == "/" and "X" not in answer.headers


def remembered(session, value):
    session.cookies.clear()
    session.cookies.set(COOKIE, str(value), domain="127.0.0.1", path="/", secure=True)


def test_a_session_ends_after_idle_time(browser, registrar):
    session = browser(registrar)
    remembered(session, int(time.time()) - IDLE_SEC + 60)
    page = get(session, "/uploads")
    assert page.status_code == 200 and COOKIE in page.headers["Set-Cookie"], "a page is a sign of life"
    for value in (int(time.time()) - IDLE_SEC - 60, 0, "x", "-1", "9" * 40, "1 2"):
        remembered(session, value)
        page = get(session, "/uploads")
        assert page.status_code == 403 and "セッションを終了しました" in page.text and "Set-Cookie" not in page.headers, value
    assert "The session ended" in get(session, headers={"Accept-Language": "en"}).text
    assert post(session, "/login", data={"to": "/uploads"}).headers["Location"] == "/uploads"


def test_a_page_that_refreshes_itself_is_no_sign_of_life(healthy, browser, registrar):
    healthy.ctl("halt", "--reason", "test")
    try:
        upload = healthy.registrar.upload(Row().line()).json()
        page = get(browser(registrar), f"/uploads/{upload['id']}")
        assert 'http-equiv="refresh"' in page.text and "Set-Cookie" not in page.headers
    finally:
        healthy.ctl("resume")
    healthy.registrar.wait(upload["id"])
    assert COOKIE in get(browser(registrar), f"/uploads/{upload['id']}").headers["Set-Cookie"]


def test_a_session_grants_nothing_and_the_api_has_none(healthy, browser, registrar, pairs):
    for case, pair in pairs.items():
        session = browser(pair)
        remembered(session, int(time.time()))
        assert get(session).status_code == WORDS[case][0], case
    session = browser(registrar)
    remembered(session, "out")
    answer = get(session, "/api/v1/uploads")
    assert answer.status_code == 200 and "Set-Cookie" not in answer.headers


def test_removal_takes_effect_in_a_session(healthy, browser, registrar_ca, tmp_path):
    pair = make_certificate(tmp_path, "for a moment", registrar_ca)
    number = entered(healthy, pair)["id"]
    session = browser(pair)
    assert get(session).status_code == 200 and get(session, "/uploads").status_code == 200
    healthy.ctl("registrar", "remove", str(number))
    assert get(session, "/uploads").status_code == 403


def test_several_registrars_at_once(healthy, browser, registrar, registrar_ca, tmp_path):
    """Two of one organisation and one of another, each in a browser: each page says who one is; one logs out, the others stay."""
    colleague = make_certificate(tmp_path, "colleague", registrar_ca)
    number = entered(healthy, colleague, "同僚 一郎")["id"]
    other = healthy.env["INKAN_REGISTRAR2_CERT"], healthy.env["INKAN_REGISTRAR2_KEY"]
    sessions = [(browser(registrar), "登録 花子", "申請大学"), (browser(colleague), "同僚 一郎", "申請大学"),
                (browser(other), "浪速 次郎", "浪速大学")]

    def whom(session):
        return re.search('<p class="user"><span>(.*?)</span> <b>(.*?)</b></p>', get(session).text).groups()
    for _ in range(2):
        for session, name, organisation in sessions:
            assert whom(session) == (organisation, name)
    assert post(sessions[0][0], "/logout").status_code == 303
    assert get(sessions[0][0]).status_code == 403
    for session, name, organisation in sessions[1:]:
        assert whom(session) == (organisation, name)
    healthy.ctl("registrar", "remove", str(number))
