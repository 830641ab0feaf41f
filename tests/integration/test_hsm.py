"""The CA's key in a PKCS#11 token: what is issued with it, and what happens when it is away, goes away, or refuses."""
import json
import os
import signal
import socket
import subprocess

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from inkantest.cluster import Cluster, run
from inkantest.instance import wait_for
from inkantest.signer import DER, SPKI, Signer, verify_with_openssl
from inkantest.token import PIN, SOFTHSM, Token, module

KINDS = {"rsa": "rsa:2048", "p256": "EC:secp256r1", "p384": "EC:secp384r1"}
SECONDS = 120  # for others load the machine


class Nobody:
    """What Token wants of a cluster before there is one."""
    give = Cluster.give


@pytest.fixture(scope="module")
def token(scratch):
    scratch.mkdir(exist_ok=True)
    made = Token(scratch / "t", Nobody())
    for number, (name, kind) in enumerate(KINDS.items(), 1):
        made.make_key(name, kind, number)
    yield made
    made.cut()


@pytest.fixture(scope="module")
def cluster(scratch, token):
    made = Cluster(scratch / "hsm", os.environ["INKAN_BUILD"], ca_key=token.uri("p256"), shards=2)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def signer(cluster):
    return Signer(cluster)


@pytest.fixture(autouse=True)
def as_it_was(request):
    yield
    if "signer" in request.fixturenames:
        request.getfixturevalue("signer").end()
    request.getfixturevalue("token").cut()


def use(signer, uri):
    signer.settings["signer"]["key"] = uri


def start(signer):
    """In the background, with a port for its health; the address of that."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    signer.settings["health"] = {"signer": f"127.0.0.1:{port}"}
    process = signer.background()

    def ready():
        assert process.poll() is None, process.returncode
        try:
            answer = requests.get(f"http://127.0.0.1:{port}/readyz", timeout=30)
        except requests.ConnectionError:
            return ""
        return f"{answer.status_code} {answer.text}"
    return process, ready


def end(process):
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0  # the sanitizer's exit code would be another


# ---- issuing

@pytest.mark.parametrize("kind", KINDS)
def test_certificates_and_crls(scratch, token, kind, tmp_path):
    """By more threads than libp11 has sessions."""
    cluster = Cluster(scratch / kind, os.environ["INKAN_BUILD"], ca_key=token.uri(kind), shards=2)
    try:
        assert not (cluster.ca / "issuing.key.pem").exists()
        signer = Signer(cluster)
        signer.settings["signer"].update(key=token.uri(kind), threads=20)
        upload = signer.accept_some(100)
        signer.once()
        signer.check_done(upload, 100)
        verify_with_openssl(cluster, signer.certificates(upload), tmp_path, signer.crl(0), signer.crl(1))
    finally:
        cluster.stop()


def test_found_by_id_and_serial(signer, token):
    slots = run(["softhsm2-util", "--show-slots"])
    serial = next(line.split(":")[1].strip() for line in slots.splitlines() if "Serial number" in line)
    use(signer, f"pkcs11:serial={serial};id=%02;type=private?module-path={SOFTHSM}&pin-value={PIN}")
    upload = signer.accept_some(3)
    assert PIN not in signer.once()
    signer.check_done(upload, 3)


# ---- the token goes away

def test_cut_off_in_the_middle(signer, token, cluster, tmp_path):
    rows = 600
    token.connect()
    use(signer, token.uri("p256", by=module("p11-kit-client")))
    process, ready = start(signer)
    wait_for(lambda: ready().startswith("200"), "ready", SECONDS)
    upload = signer.accept_some(rows, chunk=60)
    issued = 0
    for _ in range(3):
        wait_for(lambda done=issued: len(signer.serials(upload)) > done, "more is issued", SECONDS, interval=0.01)
        token.cut()
        answer = wait_for(lambda: "key: " in (said := ready()) and said, "not ready", SECONDS)
        assert answer.startswith("503") and "the token does not answer any more" in answer
        issued = len(signer.serials(upload))
        assert 0 < issued < rows
        wait_for(lambda: cluster.value("SELECT count(*) FROM job WHERE upload = %s AND token IS NULL", upload) > 0, "job held", SECONDS)
        assert cluster.value("SELECT max(attempt) FROM job WHERE upload = %s AND token IS NULL", upload) == 0
        assert len(signer.serials(upload)) == issued and signer.errors(upload) == []
        token.connect()
    wait_for(lambda: cluster.value("SELECT state FROM upload WHERE id = %s", upload) == "done", "done", SECONDS)
    assert ready().startswith("200")
    end(process)
    signer.check_done(upload, rows)
    # What was stated before the token went was signed after it came back, and not stated again.
    assert len(signer.serials(upload, "intent")) == rows
    verify_with_openssl(cluster, signer.certificates(upload)[::50], tmp_path)


def test_crls_and_responders_wait_for_the_token(signer, token, cluster):
    token.connect()
    use(signer, token.uri("p256", by=module("p11-kit-client")))
    process, ready = start(signer)
    wait_for(lambda: ready().startswith("200"), "ready", SECONDS)
    wait_for(lambda: cluster.value("SELECT count(*) FROM crl") == 2, "the first CRLs", SECONDS)
    token.cut()
    before = signer.crl(0).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    responder = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(DER, SPKI)
    cluster.query("INSERT INTO ocsp_responder (spki) VALUES (%s)", responder)
    cluster.query("UPDATE job SET due = clock_timestamp() - interval '1 hour' WHERE stage IN ('crl', 'ocsp')")
    wait_for(lambda: "key: " in ready(), "not ready", SECONDS)
    for _ in range(3):
        dues = "SELECT due FROM job WHERE stage IN ('crl', 'ocsp') ORDER BY id"
        last = cluster.query(dues)
        wait_for(lambda last=last: all(a != b for a, b in zip(cluster.query(dues), last)), "each job looked at again", SECONDS)
    held = "SELECT count(*) FROM job WHERE stage IN ('crl', 'ocsp') AND token IS NULL AND attempt = 0"
    wait_for(lambda: cluster.value(held) == 3, "two CRLs and the responders held", SECONDS)
    token.connect()
    wait_for(lambda: signer.crl(0).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number > before, "a CRL", SECONDS)
    wait_for(lambda: cluster.value("SELECT count(*) FROM ocsp_certificate WHERE spki = %s", responder) == 1, "a responder", SECONDS)
    end(process)


def test_gone_while_nothing_is_signed(signer, token):
    token.connect()
    use(signer, token.uri("p256", by=module("p11-kit-client")))
    process, ready = start(signer)
    wait_for(lambda: ready().startswith("200"), "ready", SECONDS)
    token.cut()
    wait_for(lambda: "503" in (said := ready()) and "key: " in said, "not ready", SECONDS)
    end(process)


def test_silent_token(signer, token):
    """A module that does not return: said after a minute, and nothing is lost when it returns after all."""
    token.connect()
    use(signer, token.uri("p256", by=module("p11-kit-client")))
    process, ready = start(signer)
    wait_for(lambda: ready().startswith("200"), "ready", SECONDS)
    token.stop()
    upload = signer.accept_some(5)
    wait_for(lambda: "s for the token" in ready(), "not ready", 2 * SECONDS, interval=1)
    token.go_on()
    wait_for(lambda: signer.cluster.value("SELECT state FROM upload WHERE id = %s", upload) == "done", "done", SECONDS)
    wait_for(lambda: ready().startswith("200"), "ready again", SECONDS)
    end(process)
    signer.check_done(upload, 5)


def test_away_at_the_start(signer, token):
    use(signer, token.uri("p256", by=module("p11-kit-client")))
    process, ready = start(signer)
    answer = wait_for(lambda: "key: " in (said := ready()) and said, "not ready", SECONDS)
    assert answer.startswith("503")
    upload = signer.accept_some(5)
    token.connect()
    wait_for(lambda: signer.cluster.value("SELECT state FROM upload WHERE id = %s", upload) == "done", "done", SECONDS)
    assert ready().startswith("200")
    end(process)
    signer.check_done(upload, 5)


# ---- PINs

def test_wrong_pin_is_tried_once(signer, token):
    with token.listen(SOFTHSM) as listener:
        use(signer, token.uri("p256", by=listener, pin="wrong"))
        said = signer.once(78)
    assert "refuses the PIN" in said and "1111" not in said
    assert token.count("C_Login") == 1


def test_wrong_pin_of_a_token_that_comes_later_is_tried_once(signer, token):
    with token.listen(module("p11-kit-client")) as listener:
        use(signer, token.uri("p256", by=listener, pin="wrong"))
        process, ready = start(signer)
    wait_for(lambda: "key: " in ready(), "not ready", SECONDS)
    token.connect()
    wait_for(lambda: "refuses the PIN" in ready(), "the PIN is refused", SECONDS)
    # Each look is one of the watch, each second: more than ten of them change nothing.
    upload = signer.accept_some(1)
    for _ in range(12):
        job = "SELECT due FROM job WHERE stage = 'sign' AND upload = %s AND token IS NULL"
        due = wait_for(lambda: signer.cluster.query(job, upload), "held", SECONDS)
        wait_for(lambda before=due: signer.cluster.query(job, upload) not in (before, []), "held again", SECONDS)
    assert token.count("C_Login") == 1
    end(process)
    use(signer, token.uri("p256"))
    signer.cluster.query("UPDATE job SET due = now() WHERE upload = %s", upload)
    signer.once()
    signer.check_done(upload, 1)


# ---- what the operator wrote

@pytest.mark.parametrize("uri, said", [
    ("pkcs11:token=ca;object=p256?pin-value=PIN", "names no module"),
    ("pkcs11:token=ca;object=p256?module-path=/nowhere.so&pin-value=PIN", "module-path= cannot be read"),
    ("pkcs11:token=ca;object=p256;objekt=x?module-path=SO&pin-value=PIN", "attribute that is not known"),
    ("pkcs11:token=ca?module-path=SO&pin-value=PIN", "names no key"),
    ("pkcs11:token=ca;object=p256;type=public?module-path=SO&pin-value=PIN", "another type than private"),
    ("pkcs11:token=ca;object=%zz?module-path=SO&pin-value=PIN", "not a pkcs11: URI"),
    ("pkcs11:token=ca;object=p256?module-path=SO&pin-value=PIN&pin-source=file:DIR/pin", "not both"),
    ("pkcs11:token=ca;object=p256?module-path=SO&pin-source=file:DIR/nothing", "cannot be read"),
    ("pkcs11:token=ca;object=p256?module-path=SO&pin-source=file:DIR/open", "only this user can read"),
    ("pkcs11:token=ca;object=p256?module-path=SO&pin-source=|cat", "must be file:"),
    ("pkcs11:token=ca;object=p256?module-path=SO", "wants a PIN"),
    ("pkcs11:token=ca;object=none?module-path=SO&pin-value=PIN", "no such private key"),
    ("pkcs11:token=ca;object=lonely?module-path=SO&pin-value=PIN", "no public half"),
    ("pkcs11:token=ca;object=twice?module-path=SO&pin-value=PIN", "several keys"),
])
def test_mistakes(signer, token, cluster, uri, said):
    """The daemon does not start (78), and ca init makes nothing; neither says the PIN."""
    if not (token.directory / "open").exists():
        token.pin_file("open", PIN)
        (token.directory / "open").chmod(0o644)
        token.make_key("lonely", KINDS["p256"], 0x21)
        token.tool("--delete-object", "--type", "pubkey", "--id", "21")
        token.make_key("twice", KINDS["p256"], 0x22)
        token.make_key("twice", KINDS["p256"], 0x23)
    uri = uri.replace("SO", str(SOFTHSM)).replace("PIN", PIN).replace("DIR", str(token.directory))
    use(signer, uri)
    text = signer.once(78)
    assert said in text and PIN not in text
    done = subprocess.run([cluster.build / "services/ctl/inkanctl", "--database", cluster.uri + "&user=inkan_owner", "ca", "init",
                           "--directory", cluster.directory / "other", "--name", "Other CA", "--key", uri],
                          capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode != 0 and said in done.stderr and PIN not in done.stdout + done.stderr
    assert not (cluster.directory / "other").exists()
    assert len(json.loads(cluster.ctl("--json", "ca", "list"))) == 1
