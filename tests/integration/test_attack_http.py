"""The HTTP listeners under attack: slow clients, floods, broken requests, bodies and forms. After each the service is as before."""
import concurrent.futures
import pathlib
import time

import pytest
from inkantest import raw
from inkantest.instance import wait_for
from inkantest.rows import Row
from inkantest.settings import settings

PATIENCE_SEC = 2
CONNECTIONS = 60
MEMORY_MAX = 900 << 20  # of a build with sanitizers, whose freed memory comes back late


def memory(instance, which="VmRSS"):
    words = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{instance.pid('ingress')}/status").read_text().splitlines())
    return int(words[which].split()[0]) << 10


def descriptors(instance):
    return len(list(pathlib.Path(f"/proc/{instance.pid('ingress')}/fd").iterdir()))


def uploads(instance):
    return instance.value("SELECT count(*) FROM upload")


@pytest.fixture(scope="module")
def impatient(inkan):
    """The shared instance with limits that a test can reach."""
    inkan.alive()
    with settings(inkan, {"ingress": {"ingress": {"patience": f"{PATIENCE_SEC}s", "connections": CONNECTIONS}}}):
        yield inkan


@pytest.fixture
def attacked(impatient):
    """Nothing is registered, nobody died, memory is bounded, and the next registrar is served."""
    before, pid = uploads(impatient), impatient.pid("ingress")
    yield impatient
    wait_for(lambda: served(impatient), "service after the attack", 30)
    assert impatient.pid("ingress") == pid, "the ingress died"
    assert uploads(impatient) == before and memory(impatient) < MEMORY_MAX
    assert impatient.health("ingress", "/readyz").status_code == 200
    assert not impatient.sanitizer_reports()


def served(instance, listener="registrar"):
    path, status = {"registrar": ("/api/v1/uploads", 200), "public": ("/d/x", 404), "pki": ("/ca/1.cer", 200)}[listener]
    try:
        return raw.talk(instance, raw.request("GET", path), listener, timeout=5)[0] == status
    except OSError:
        return False


def drip(sock, data, seconds):
    """Sends a byte at a time; True when the other side ended the connection meanwhile."""
    end = time.monotonic() + seconds
    for byte in data:
        if raw.ended(sock):
            return True
        try:
            sock.sendall(bytes([byte]))
        except OSError:
            return True
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return wait_for(lambda: raw.ended(sock), "the end", seconds)


# ---- slow clients

SLOW = {
    "head": lambda: b"",
    "body": lambda: raw.request("POST", "/api/v1/uploads?kind=server-issue&confirmed=true&filename=a.tsv",
                                [("Content-Type", "text/tab-separated-values"), ("Content-Length", 1000000)]),
    "form": lambda: raw.request("POST", "/api/v1/uploads", [("Content-Type", "multipart/form-data; boundary=formboundary7"), ("Content-Length", 99999)],
                                b'--formboundary7\r\nContent-Disposition: form-data; name="kind"\r\n\r\n'),
    "chunks": lambda: raw.request("POST", "/api/v1/uploads?kind=server-issue&confirmed=true&filename=a.tsv",
                                  [("Content-Type", "text/tab-separated-values"), ("Transfer-Encoding", "chunked")]),
}


@pytest.mark.parametrize("what", SLOW)
def test_slow_senders_are_cut_off(attacked, what):
    """A byte now and then keeps no connection beyond the limit."""
    rest = {"head": raw.request("GET", "/", [("X-Slow", "a" * 4000)]), "chunks": b"1\r\nx\r\n" * 2000}.get(what, b"x" * 4000)
    before = attacked.metric("ingress", "inkan_http_cut_off_total")
    with raw.connect(attacked) as sock:
        sock.sendall(SLOW[what]())
        assert drip(sock, rest, 30 + PATIENCE_SEC), "still connected"
    assert attacked.metric("ingress", "inkan_http_cut_off_total") > before


def test_slow_handshakes_are_cut_off(attacked):
    with raw.plain(attacked) as sock:
        assert drip(sock, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 4000, 30 + PATIENCE_SEC)


def test_clients_that_never_read_are_cut_off(attacked):
    before = attacked.metric("ingress", "inkan_http_cut_off_total")
    one = raw.request("GET", "/api/openapi.json", close=False)
    with raw.connect(attacked, receive_buffer=2048, timeout=2) as sock:
        try:
            for _ in range(20000):
                sock.sendall(one)
        except OSError:
            pass  # nobody takes it any more
        wait_for(lambda: attacked.metric("ingress", "inkan_http_cut_off_total") > before, "the end of it", 60)


def test_a_slow_client_that_keeps_the_pace_is_served(attacked):
    """The limit is a pace, not a time: 8 kB a second go on longer than the patience."""
    body = b"--formboundary7\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\nnothing\r\n--formboundary7\r\nContent-Disposition: form-data; name=\"file\";" \
           b" filename=\"a.tsv\"\r\n\r\n" + b"x" * 30000 + b"\r\n--formboundary7--\r\n"
    with raw.connect(attacked) as sock:
        sock.sendall(raw.request("POST", "/api/v1/uploads", [("Content-Type", "multipart/form-data; boundary=formboundary7"), ("Content-Length", len(body))]))
        for at in range(0, len(body), 4000):
            sock.sendall(body[at:at + 4000])
            time.sleep(0.5)
        assert raw.read_all(sock).startswith(b"HTTP/1.1 400 ")


# ---- floods

@pytest.mark.parametrize("listener", ["registrar", "public", "pki"])
def test_a_flood_of_connections(attacked, listener):
    """From many addresses, idle. Descriptors stay bounded, and when they are cut off, others are served; no other listener suffers."""
    crowd = []
    try:
        for i in range(6 * CONNECTIONS):
            try:
                crowd.append(raw.plain(attacked, listener, source=f"127.0.0.{2 + i % 50}", timeout=1))
            except OSError:
                pass  # the backlog is full: that is a limit too
        assert descriptors(attacked) < 3 * CONNECTIONS + 100
        other = {"registrar": "pki", "pki": "registrar", "public": "registrar"}[listener]
        path = "/crl/1-0.crl" if other == "pki" else "/api/v1/uploads"
        assert raw.talk(attacked, raw.request("GET", path), other)[0] in (200, 404)
        wait_for(lambda: served(attacked, listener), "service among the crowd", 60)
    finally:
        for sock in crowd:
            sock.close()


def test_floods_of_headers(attacked):
    for headers in ([("X-%d" % i, "a") for i in range(5000)], [("X-%d" % i, "a") for i in range(100)], [("X" * 70000, "a")],
                    [("X", "a" * 200000)], [("Cookie", "; ".join(f"lang{i}=x" for i in range(8000)))]):
        status, _ = raw.talk(attacked, raw.request("GET", "/api/v1/uploads", headers))
        assert status in (400, 413, 431, None), status
    status, _ = raw.talk(attacked, raw.request("GET", "/api/v1/uploads?" + "&".join(f"a{i}=b" for i in range(2000))))
    assert status in (400, 414, 431, None)


# ---- what is no HTTP

GARBAGE = [b"\x00" * 1000, b"\xff" * 5000, b"GET /\r\n\r\n", b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
           b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", b"\r\n" * 2000,
           b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
           b"TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n",
           b"G\x00T / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"GET /\x00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
           b"GET / HTTP/1.1\nHost: x\nConnection: close\n\n", b"GET / HTTP/1.1\r\nHost: x\r\nX: \x00\x1b[2J\r\nConnection: close\r\n\r\n",
           b"GET /?a=%zz&%00=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"A" * 200000]


def test_garbage(attacked):
    for data in GARBAGE:
        for listener in ("registrar", "public", "pki"):
            with raw.connect(attacked, listener, timeout=PATIENCE_SEC + 10) as sock:
                try:
                    sock.sendall(data)
                except OSError:
                    continue
                answer = raw.read_all(sock)
                assert not answer.startswith(b"HTTP/1.1 5") or answer.startswith((b"HTTP/1.1 501 ", b"HTTP/1.1 505 ")), data[:40]
        with raw.plain(attacked, timeout=10) as sock:  # no TLS at all
            sock.sendall(data)
            raw.read_all(sock)


BODIES = {
    "length of 19 digits": ([("Content-Length", "9" * 19)], b""),
    "length beyond all bounds": ([("Content-Length", "9" * 30)], b""),
    "negative length": ([("Content-Length", "-1")], b""),
    "length with a sign": ([("Content-Length", "+5")], b"hello"),
    "two lengths": ([("Content-Length", "5"), ("Content-Length", "6")], b"hello!"),
    "length and chunks": ([("Content-Length", "5"), ("Transfer-Encoding", "chunked")], b"0\r\n\r\n"),
    "a chunk of all bits": ([("Transfer-Encoding", "chunked")], b"ffffffffffffffff\r\nx\r\n0\r\n\r\n"),
    "a chunk beyond all bits": ([("Transfer-Encoding", "chunked")], b"1" + b"0" * 40 + b"\r\nx\r\n0\r\n\r\n"),
    "a negative chunk": ([("Transfer-Encoding", "chunked")], b"-1\r\nx\r\n0\r\n\r\n"),
    "no chunk size": ([("Transfer-Encoding", "chunked")], b"\r\nx\r\n"),
    "a chunk extension without end": ([("Transfer-Encoding", "chunked")], b"1;" + b"a" * 100000),
    "trailers without end": ([("Transfer-Encoding", "chunked")], b"0\r\n" + b"X: y\r\n" * 20000),
    "an unknown coding": ([("Transfer-Encoding", "gzip, chunked")], b"1\r\nx\r\n0\r\n\r\n"),
    "gzip": ([("Content-Encoding", "gzip"), ("Content-Length", "4")], b"\x1f\x8b\x08\x00"),
}


@pytest.mark.parametrize("case", BODIES)
def test_broken_bodies(attacked, case):
    """As the file of an upload that would be taken: nothing is, but what is whole and empty of applications."""
    headers, body = BODIES[case]
    before = attacked.value("SELECT count(*) FROM application")
    status, _ = raw.talk(attacked, raw.request("POST", "/api/v1/uploads?kind=nothing&confirmed=true&filename=a.tsv",
                                               [("Content-Type", "text/tab-separated-values"), *headers], body), timeout=PATIENCE_SEC + 8)
    # 500 is what libmicrohttpd itself says of a chunk's line that does not fit its memory.
    assert status in (400, 411, 413, 415, 431, 501, None) or (status == 500 and "extension" in case), status
    assert attacked.value("SELECT count(*) FROM application") == before


def test_chunks_without_end(attacked):
    """Told nothing of its length, the body is dropped at the limit, never stored whole; the answer says so or the connection ends."""
    most = 17 << 20  # upload.rows_max of 2000 rows of 8 kB, and more
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    with raw.connect(attacked) as sock:
        sent, status = 0, b""
        try:
            sock.sendall(raw.request("POST", "/api/v1/uploads?kind=server-issue&confirmed=true&filename=a.tsv",
                                     [("Content-Type", "text/tab-separated-values"), ("Transfer-Encoding", "chunked")]))
            while sent < most:
                sock.sendall(piece)
                sent += 65536
            sock.sendall(b"0\r\n\r\n")
            status = raw.read_all(sock)
        except OSError:
            pass
    assert not status or status.startswith(b"HTTP/1.1 413 "), status[:200]


# ---- forms

def part(name, value, more=b""):
    return b'--formboundary7\r\nContent-Disposition: form-data; name="' + name + b'"' + more + b"\r\n\r\n" + value + b"\r\n"


def row():
    return Row().line()


GOOD = [part(b"kind", b"server-issue"), part(b"confirmed", b"true")]
FORMS = {
    "two files": lambda: [*GOOD, part(b"file", row(), b'; filename="a.tsv"'), part(b"file", row(), b'; filename="b.tsv"'), b"--formboundary7--\r\n"],
    "a field twice": lambda: [part(b"kind", b"server-revoke"), *GOOD, part(b"file", row(), b'; filename="a.tsv"'), b"--formboundary7--\r\n"],
    "a field twice, apart": lambda: [*GOOD, part(b"file", row(), b'; filename="a.tsv"'), part(b"on_error", b"skip"), part(b"csrf", b""),
                                     part(b"on_error", b"abort"), b"--formboundary7--\r\n"],
    "cut off": lambda: [*GOOD, part(b"file", row(), b'; filename="a.tsv"')[:-40]],
    "without its last boundary": lambda: [*GOOD, part(b"file", row(), b'; filename="a.tsv"')],
    "the boundary never comes": lambda: [b"hello\r\n" * 1000],
    "a huge field name": lambda: [*GOOD, part(b"n" * 40000, b"x"), part(b"file", row(), b'; filename="a.tsv"'), b"--formboundary7--\r\n"],
    "a huge field": lambda: [*GOOD, part(b"on_error", b"skip" * 4000), part(b"file", row(), b'; filename="a.tsv"'), b"--formboundary7--\r\n"],
    "many fields": lambda: [*GOOD, *(part(b"f%d" % i, b"x") for i in range(500)), part(b"file", row(), b'; filename="a.tsv"'), b"--formboundary7--\r\n"],
    "nested": lambda: [*GOOD, b'--formboundary7\r\nContent-Disposition: form-data; name="file"\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n',
                       (b'--y\r\nContent-Disposition: attachment; filename="a.tsv"\r\n\r\n' + row() + b"\r\n") * 2, b"--y--\r\n--formboundary7--\r\n"],
    "a NUL in a field": lambda: [part(b"kind", b"server-issue\x00"), part(b"confirmed", b"true"),
                                 part(b"file", row(), b'; filename="a.tsv"'), b"--formboundary7--\r\n"],
    "a field that is no text": lambda: [*GOOD, part(b"on_error", b"\xff\xfe"), part(b"file", row(), b'; filename="a.tsv"'), b"--formboundary7--\r\n"],
    "no name": lambda: [b"--formboundary7\r\nContent-Disposition: form-data\r\n\r\n" + row() + b"\r\n", b"--formboundary7--\r\n"],
    "headers of a part without end": lambda: [b"--formboundary7\r\n" + b"X: y\r\n" * 20000, b"--formboundary7--\r\n"],
}


@pytest.mark.parametrize("case", FORMS)
def test_broken_forms(attacked, case):
    body = b"".join(FORMS[case]())
    status, answer = raw.talk(attacked, raw.request("POST", "/api/v1/uploads", [("Content-Type", "multipart/form-data; boundary=formboundary7"),
                                                                              ("Content-Length", len(body))], body))
    assert status in (400, 413), f"{status} {answer[-300:]}"


@pytest.mark.parametrize("boundary", ["", "; boundary=", '; boundary=""', "; boundary=" + "y" * 5000, "; boundary=zzzzzzzz; boundary=formboundary7", "; boundary=\x00"])
def test_boundaries(attacked, boundary):
    body = b"".join([*GOOD, part(b"file", b"", b'; filename="a"'), b"--q--\r\n"])
    status, answer = raw.talk(attacked, raw.request("POST", "/api/v1/uploads", [("Content-Type", "multipart/form-data" + boundary),
                                                                              ("Content-Length", len(body))], body))
    assert status in (400, None), f"{status} {answer[-300:]}"


NAMES = {b"..\\..\\a.tsv": "a.tsv", b"../../../etc/passwd.tsv": "passwd.tsv", b"C:\\x\\b.tsv": "b.tsv", b"a\x1b[2J.tsv": "a?[2J.tsv",
         "a\u202evst.tsv".encode(): "a?vst.tsv", b"\xff\xfe.tsv": "", "印".encode() * 200 + b".tsv": None}


def test_file_names(impatient):
    """They are shown, never opened; what is not shown as it is becomes harmless."""
    for name, shown in NAMES.items():
        body = b"".join([part(b"kind", b"server-issue"), part(b"dry_run", b"true"), part(b"file", row(), b'; filename="' + name + b'"'),
                         b"--formboundary7--\r\n"])
        status, answer = raw.talk(impatient, raw.request("POST", "/api/v1/uploads", [("Content-Type", "multipart/form-data; boundary=formboundary7"),
                                                                                   ("Content-Length", len(body))], body))
        assert status == 202, answer[-300:]
        stored = impatient.value("SELECT filename FROM upload ORDER BY id DESC LIMIT 1")
        assert stored == shown if shown is not None else stored.endswith("印.tsv") and len(stored.encode()) < 256


def test_a_large_file_stays_out_of_memory(inkan):
    """It is spooled, and read from there a piece at a time; with a row too many, so that nobody else is concerned."""
    rows, line = 10000, b"x" * 6000 + b"\n"
    with settings(inkan, {"ingress": {"upload": {"rows_max": rows}}}), concurrent.futures.ThreadPoolExecutor() as pool:
        assert served(inkan)
        before = most = memory(inkan, "RssFile")
        answer = pool.submit(inkan.registrar.post, "/api/v1/uploads?kind=server-issue&confirmed=true&filename=a.tsv", data=line * (rows + 1),
                             headers={"Content-Type": "text/tab-separated-values"})
        while not answer.done():
            most = max(most, memory(inkan, "RssFile"))
        assert answer.result().status_code == 202 and answer.result().json()["state"] == "rejected", answer.result().text
        assert most - before < len(line) * rows // 3
