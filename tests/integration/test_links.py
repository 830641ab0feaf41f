"""One-time links: a page burns nothing, a delivery burns only when it is whole, two at once do not both get it."""
import concurrent.futures
import http.client
import socket
import ssl
import time
import urllib.parse

import pytest
from inkantest import mails
from inkantest.instance import wait_for
from inkantest.rows import Row


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


def test_client_that_does_not_read(healthy, link):
    """It has the first part of the answer when it goes: the link must stay."""
    url, _ = link
    tls = open_raw(healthy, url, receive_buffer=1)
    tls.sendall(post(url, "?format=chain"))
    time.sleep(1)
    assert healthy.public.post(url).status_code == 409
    tls.close()
    wait_for(lambda: healthy.public.post(url).status_code == 200, "the link given back", timeout=5)


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
