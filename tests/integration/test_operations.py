"""Health, halt, audit: what operators rely on."""
import configparser
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import threading
import urllib.parse

import pytest
from inkantest import audit
from inkantest.instance import DAEMONS, Registrar, wait_for
from inkantest.rows import Row


def test_health_endpoints(healthy):
    for daemon in DAEMONS:
        assert healthy.health(daemon, "/healthz").status_code == 200
        ready = healthy.health(daemon, "/readyz")
        assert ready.status_code == 200 and ready.json()["reasons"] == []
        text = healthy.health(daemon, "/metrics").text
        for name in ("inkan_jobs", "inkan_job_oldest_seconds", "inkan_job_seconds", "inkan_lease_expired_total",
                     "inkan_errors_total", "inkan_rows_in_total", "inkan_rows_out_total"):
            assert f"# TYPE {name} " in text, (daemon, name)


def test_metrics_count(healthy):
    before = {d: healthy.metric(d, "inkan_rows_out_total") for d in ("validator", "signer", "mailer")}
    errors = healthy.metric("validator", 'inkan_errors_total{code="201"}')
    healthy.registrar.apply([Row() for _ in range(3)] + [Row(columns={12: ""})], on_error="skip")
    assert healthy.metric("validator", "inkan_rows_out_total") >= before["validator"] + 4
    assert healthy.metric("signer", "inkan_rows_out_total") >= before["signer"] + 3
    assert healthy.metric("validator", 'inkan_errors_total{code="201"}') == errors + 1
    wait_for(lambda: healthy.metric("mailer", "inkan_rows_out_total") >= before["mailer"] + 3, "mails counted")


def test_halt_and_resume(healthy):
    healthy.ctl("halt", "--reason", "test")
    try:
        answer = healthy.registrar.upload(b"".join(Row().line() for _ in range(5)))
        upload = answer.json()["id"]
        wait_for(lambda: healthy.registrar.get(f"/api/v1/uploads/{upload}").json()["state"] == "accepted", "acceptance")
        before = healthy.value("SELECT count(*) FROM certificate")
        wait_for(lambda: healthy.health("signer", "/readyz").status_code == 503, "readiness tells")
        assert "halt" in healthy.health("signer", "/readyz").text
        assert healthy.value("SELECT count(*) FROM certificate") == before
        assert healthy.registrar.get(f"/api/v1/uploads/{upload}").json()["state"] == "accepted"
    finally:
        healthy.ctl("resume")
    assert healthy.registrar.wait(upload)["state"] == "done"
    kinds = {k for (k,) in healthy.query("SELECT DISTINCT kind FROM audit_event")}
    assert {"halted", "resumed"} <= kinds


def test_halt_returns_when_the_last_signing_has_committed(healthy):
    """After halt has returned, not one certificate more is stored, though a thousand wait."""
    rows = [Row() for _ in range(400)]
    upload = healthy.registrar.upload(b"".join(r.line() for r in rows)).json()["id"]
    wait_for(lambda: healthy.value("SELECT count(*) FROM certificate c JOIN application a ON a.id = c.application"
                                   " WHERE a.upload = %s", upload) > 0, "the first certificates", interval=0.005)
    healthy.ctl("halt", "--reason", "test")
    try:
        counts = [healthy.value("SELECT count(*) FROM certificate") for _ in range(30)]
        threading.Event().wait(0.5)
        counts.append(healthy.value("SELECT count(*) FROM certificate"))
        assert len(set(counts)) == 1
    finally:
        healthy.ctl("resume")
    assert healthy.registrar.wait(upload)["state"] == "done"


def sealed(instance):
    return instance.value("SELECT count(*) FROM audit_event WHERE xid >= audit_sealed()") == 0


def test_audit_counts_deeds(healthy):
    good, bad = Row(), Row(columns={12: ""})
    upload = healthy.registrar.apply([good, bad], on_error="skip")
    kinds = dict(healthy.query("SELECT kind, count(*) FROM audit_event WHERE upload = %s GROUP BY 1", upload["id"]))
    assert kinds == {"upload_received": 1, "upload_accepted": 1, "row_refused": 1, "certificate_issued": 1}
    assert (healthy.value("SELECT count(*) FROM audit_event WHERE kind = 'certificate_issued'")
            == healthy.value("SELECT count(*) FROM certificate"))


def test_audit_verify_finds_tampering(healthy):
    wait_for(lambda: sealed(healthy), "the seals")
    assert healthy.ctl("audit", "verify").returncode == 0
    (xid, number, kind), = healthy.query("SELECT xid::text, id, kind FROM audit_event ORDER BY xid, id LIMIT 1")
    healthy.query("UPDATE audit_event SET kind = 'forged' WHERE xid = %s::xid8 AND id = %s", xid, number)
    try:
        assert healthy.ctl("audit", "verify", check=False).returncode == 4
    finally:
        healthy.query("UPDATE audit_event SET kind = %s WHERE xid = %s::xid8 AND id = %s", kind, xid, number)
    assert healthy.ctl("audit", "verify").returncode == 0
    healthy.query("CREATE TABLE saved AS SELECT * FROM audit_event WHERE xid = %s::xid8 AND id = %s", xid, number)
    healthy.query("DELETE FROM audit_event WHERE xid = %s::xid8 AND id = %s", xid, number)
    try:
        assert healthy.ctl("audit", "verify", check=False).returncode == 4
    finally:
        healthy.query("INSERT INTO audit_event OVERRIDING SYSTEM VALUE SELECT * FROM saved")
        healthy.query("DROP TABLE saved")
    assert healthy.ctl("audit", "verify").returncode == 0


TAMPERING = {
    "changed": "UPDATE audit_event SET subject = 'x' WHERE (xid, id) = (SELECT xid, id FROM audit_event ORDER BY xid, id LIMIT 1)",
    "removed": "DELETE FROM audit_event WHERE (xid, id) = (SELECT xid, id FROM audit_event ORDER BY xid, id LIMIT 1)",
    "inserted": "INSERT INTO audit_event (xid, kind) SELECT xid, 'halted' FROM audit_event ORDER BY xid, id LIMIT 1",
    "reordered": "UPDATE audit_event SET xid = (SELECT xid FROM audit_event ORDER BY xid DESC LIMIT 1)"
                 " WHERE (xid, id) = (SELECT xid, id FROM audit_event ORDER BY xid, id LIMIT 1)",
    "seal removed": "DELETE FROM audit_seal WHERE number = 1",
    "seal changed": "UPDATE audit_seal SET previous = sha256('x') WHERE number = 2",
    "revocation without event": "INSERT INTO revocation (issuer, serial, shard, reason, certificate, application)"
                                " SELECT c.issuer, c.serial, 0, 0, c.id, c.application FROM certificate c"
                                " WHERE NOT EXISTS (SELECT FROM revocation r WHERE r.certificate = c.id) LIMIT 1",
    "certificate without event": "WITH i AS (INSERT INTO intent (application, issuer, serial, policy, tbs) SELECT a.id, 1, substr(sha256('x'), 1, 16), policy,"
                                 " 'x' FROM application a, service WHERE a.profile IS NOT NULL"
                                 " AND NOT EXISTS (SELECT FROM certificate c WHERE c.application = a.id)"
                                 " LIMIT 1 RETURNING *) INSERT INTO certificate (application, organisation, issuer, serial, der, cn,"
                                 " spki_hash, not_before, not_after) SELECT application, 1, 1, serial, 'x', 'x', 'x', now(), now() FROM i",
    "mail removed": "DELETE FROM notice WHERE id = (SELECT id FROM notice WHERE kind = 'issued' ORDER BY id DESC LIMIT 1)",
    "mail without event": "INSERT INTO notice (kind, organisation, certificate, recipient, greeting, job) SELECT 'revoked', c.organisation,"
                          " c.id, 'x@example.jp', '', 0 FROM certificate c"
                          " WHERE NOT EXISTS (SELECT FROM revocation r WHERE r.certificate = c.id) LIMIT 1",
}


def test_a_second_verifier_agrees(healthy):
    """One that shares no code finds the same: nothing wrong, and each way of tampering, tried in a transaction of its own."""
    healthy.registrar.apply([Row(), Row()])
    healthy.registrar.apply([Row(mail="x")])
    wait_for(lambda: sealed(healthy), "the seals")
    assert audit.troubles(healthy.query) == []
    for deed, sql in TAMPERING.items():
        connection = healthy.database()
        connection.autocommit = False
        with connection.cursor() as cursor:
            cursor.execute(sql)
            assert cursor.rowcount > 0, deed

            def query(text):
                cursor.execute(text)
                return cursor.fetchall()
            assert audit.troubles(query), deed
        connection.rollback()
        connection.close()


def test_inkanctl_help_and_json(healthy):
    assert "organisation" in healthy.ctl("--help").stdout
    assert healthy.ctl_json("organisation", "list")
    assert healthy.ctl("nonsense", check=False).returncode == 2
    assert healthy.ctl("health").returncode == 0


@pytest.mark.parametrize("text", [None, "", "# none\n", "8df20e6961a16398b85\n"])
def test_validator_needs_the_list_of_weak_keys(healthy, request, text):
    """Without Debian's weak keys nothing is judged: a list that is missing, empty or torn is a wrong setting."""
    directory = pathlib.Path(tempfile.mkdtemp())  # not tmp_path: another user reads it
    directory.chmod(0o755)
    request.addfinalizer(lambda: shutil.rmtree(directory))
    weak_keys, conf = directory / "weak-keys.txt", directory / "validator.conf"
    if text is not None:
        weak_keys.write_text(text)
    own = (pathlib.Path(healthy.env["INKAN_CONF_DIR"]) / "validator-2.conf").read_text()
    changed, count = re.subn(r"^weak_keys = .*$", f"weak_keys = {weak_keys}", own, flags=re.M)
    assert count == 1
    conf.write_text(changed)
    process = pathlib.Path(f"/proc/{healthy.pid('validator')}")
    done = subprocess.run([os.path.realpath(process / "exe"), "--config", conf, "--instance", "weak"], capture_output=True,
                          text=True, check=False, timeout=60, user=process.stat().st_uid, group=process.stat().st_gid,
                          env={})
    assert done.returncode == 78, done.stderr
    assert "validator.weak_keys: " in done.stderr


def served(url):
    """The certificate that a new connection to a listener gets, DER."""
    address = urllib.parse.urlsplit(url)
    return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((address.hostname, address.port)))


@pytest.fixture
def tls_files(healthy):
    """{setting: path} of the ingress; as they were in the end."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(pathlib.Path(healthy.env["INKAN_CONF_DIR"]) / "ingress.conf", encoding="utf-8")
    paths = {name: pathlib.Path(config["ingress"][name]) for name in ("tls_certificate", "tls_key", "client_ca")}
    before = {path: path.read_bytes() for path in paths.values()}
    yield paths
    for path, content in before.items():
        path.write_bytes(content)
    reload(healthy, "read anew")


def reload(instance, word):
    count = instance.log("ingress").count(word)
    instance.kill("ingress", signal.SIGHUP)
    wait_for(lambda: instance.log("ingress").count(word) > count, word)


def test_tls_is_read_anew_at_sighup(healthy, tls_files, tmp_path):
    """For connections to come; who is connected stays so, and files that cannot be used change nothing."""
    urls = [healthy.env["INKAN_URL"], healthy.env["INKAN_PUBLIC_URL"]]
    (before,) = {served(url) for url in urls}
    pid = healthy.pid("ingress")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", tmp_path / "key", "-out", tmp_path / "certificate", "-days", "3"], check=True, capture_output=True)
    new = ssl.PEM_cert_to_DER_cert((tmp_path / "certificate").read_text())
    kept = Registrar(healthy.env, healthy.env["INKAN_REGISTRAR_CERT"], healthy.env["INKAN_REGISTRAR_KEY"])
    assert kept.get("/api/v1/uploads").status_code == 200

    tls_files["tls_certificate"].write_bytes((tmp_path / "certificate").read_bytes())
    reload(healthy, "cannot be used")
    assert {served(url) for url in urls} == {before}, "a certificate without its key"
    tls_files["tls_key"].write_bytes((tmp_path / "key").read_bytes())
    reload(healthy, "read anew")
    assert {served(url) for url in urls} == {new}
    assert kept.get("/api/v1/uploads").status_code == 200, "a connection from before"

    tls_files["client_ca"].write_bytes((tmp_path / "certificate").read_bytes())
    reload(healthy, "read anew")
    other = Registrar(healthy.env, healthy.env["INKAN_REGISTRAR_CERT"], healthy.env["INKAN_REGISTRAR_KEY"])
    other.session.verify = str(tmp_path / "certificate")
    assert other.get("/api/v1/uploads").status_code == 403, "a registrar of a CA that is not trusted any more"
    assert healthy.pid("ingress") == pid
