"""The signer by itself on a cluster of its own: what the validator would have left for it, and what it made of that."""
import contextlib
import os
import signal
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from .cluster import run
from .instance import wait_for

DER, SPKI = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
KEYS = {3: rsa.generate_private_key(65537, 2048).public_key(), 11: ec.generate_private_key(ec.SECP384R1()).public_key()}


class Signer:
    def __init__(self, cluster, register=True):
        self.cluster = cluster
        self.settings = {"signer": {}}
        for setting, file in (("key", "issuing.key.pem"), ("audit_key", "audit.key.pem")):
            path = cluster.directory / file
            if not (cluster.ca / file).exists():  # in a token
                continue
            path.write_bytes((cluster.ca / file).read_bytes())
            cluster.give(path, 0o600)
            self.settings["signer"][setting] = f"file:{path}"
        self.count = 0
        self.running = []
        if register:
            self.register()

    def on(self, cluster):
        """The same signer on another database, which has the register already."""
        return Signer(cluster, register=False)

    def register(self):
        cluster = self.cluster
        cluster.query("INSERT INTO organisation (id, name_ja, name_en, st, l, issue_until)"
                      " VALUES (1, '申請大学', 'testkikan', 'Tokyo', 'Chiyoda-ku', '2099-03-31')")
        cluster.query("INSERT INTO domain (id, organisation, name, state) VALUES (1, 1, 'example.ac.jp', 'permitted'),"
                      " (2, 1, 'other.ac.jp', 'permitted')")
        cluster.query("INSERT INTO registrar (id, organisation, name, mail, fingerprint)"
                      " VALUES (1, 1, '登録', 'registrar@example.ac.jp', sha256('1'))")

    # ---- what the validator would have left

    def accept(self, names, chunk=250, domain=1):
        """An accepted upload: a list of names a row (the first the FQDN); every third row has an EC key. Its number."""
        upload = self.cluster.value(
            "INSERT INTO upload (organisation, registrar, kind, on_error, dry_run, confirmed, filename, sha256, state, rows_total,"
            " rows_ok, open_chunks, policy) SELECT 1, 1, 'server-issue', 'abort', false, true, 't.tsv', sha256('t'), 'accepted',"
            " %s, %s, %s, policy FROM service RETURNING id", len(names), len(names), -(-len(names) // chunk))
        connection = self.cluster.connect(autocommit=False)
        with connection, connection.cursor() as cursor:
            for seq, row in enumerate(names, 1):
                self.count += 1
                profile = 11 if seq % 3 == 2 else 3
                spki = KEYS[profile].public_bytes(DER, SPKI)
                cursor.execute("INSERT INTO upload_line VALUES (%s, %s, 'x')", (upload, seq))
                cursor.execute(
                    "WITH new AS (INSERT INTO application (upload, seq, organisation, state, dn, match_key, st, l, o, cn, names,"
                    " domains, profile, spki, spki_hash, manager_name, manager_mail) VALUES (%s, %s, 1, 'valid', 'x', %s, 'Tokyo',"
                    " 'Chiyoda-ku', 'testkikan', %s, %s, %s, %s, %s, %s, '管理者', 'manager@example.ac.jp')"
                    " RETURNING id, match_key, spki_hash), seen AS (INSERT INTO key_seen SELECT spki_hash, id FROM new)"
                    " INSERT INTO dn_taken SELECT 1, match_key, id FROM new",
                    (upload, seq, row[0], row[0], row, [domain], profile, spki, os.urandom(32)))  # as if each had a key of its own
            for first in range(1, len(names) + 1, chunk):
                cursor.execute("INSERT INTO job (stage, turn, organisation, upload, seq_from, seq_to) VALUES"
                               " ('sign', job_turn('sign', 1), 1, %s, %s, %s)", (upload, first, min(first + chunk - 1, len(names))))
        connection.close()
        return upload

    def accept_some(self, n=1, **kw):
        return self.accept([[f"h{self.count + i}.example.ac.jp"] for i in range(n)], **kw)

    # ---- running it

    def once(self, code=0, instance=None):
        done = subprocess.run(self.cluster.command("signer", self.settings, "--once", instance=instance), capture_output=True,
                              text=True, timeout=120, check=False)
        print(done.stderr)
        assert done.returncode == code, done.stderr
        for sign in ("AddressSanitizer", "LeakSanitizer", "runtime error", "BUG"):
            assert sign not in done.stderr
        return done.stderr

    def background(self, instance=None, *words):
        self.running.append(subprocess.Popen(self.cluster.command("signer", self.settings, *words, instance=instance)))
        return self.running[-1]

    def end(self):
        """Nothing of a failed test goes on."""
        for process in self.running:
            process.kill()
            process.wait()
        self.running = []

    def wait_for_lock(self):
        wait_for(lambda: self.cluster.value("SELECT count(*) FROM pg_stat_activity WHERE usename = 'inkan_signer'"
                                            " AND wait_event_type = 'Lock'"), "the signer waits for a lock", interval=0.02)

    # ---- looking

    def certificates(self, upload):
        return [x509.load_der_x509_certificate(bytes(der)) for (der,) in self.cluster.query(
            "SELECT c.der FROM certificate c JOIN application a ON a.id = c.application WHERE a.upload = %s ORDER BY a.seq", upload)]

    def serials(self, upload, of="certificate"):
        return [bytes(s) for (s,) in self.cluster.query(
            f"SELECT x.serial FROM {of} x JOIN application a ON a.id = x.application WHERE a.upload = %s ORDER BY a.seq", upload)]

    def check_done(self, upload, ok, failed=0):
        value = self.cluster.value
        assert self.cluster.query("SELECT state, rows_ok, rows_ng, open_chunks, ended IS NOT NULL FROM upload WHERE id = %s", upload) \
            == [("done", ok, failed, 0, True)]
        serials = self.serials(upload)
        assert len(serials) == len(set(serials)) == ok
        for kind, number in (("certificate_issued", ok), ("row_failed", failed)):
            assert value("SELECT count(*) FROM audit_event WHERE kind = %s AND upload = %s", kind, upload) == number
        assert value("SELECT count(*) FROM notice n JOIN certificate c ON c.id = n.certificate JOIN application a ON"
                     " a.id = c.application JOIN link l ON l.id = n.link AND l.certificate = c.id AND l.state = 'open'"
                     " AND l.expires = c.issued + interval '30 days' JOIN job j ON j.id = n.job AND j.stage = 'send'"
                     " WHERE a.upload = %s AND n.kind = 'issued' AND n.recipient = 'manager@example.ac.jp'"
                     " AND n.greeting = '管理者'", upload) == ok
        assert value("SELECT count(*) FROM link l JOIN certificate c ON c.id = l.certificate JOIN application a ON"
                     " a.id = c.application WHERE a.upload = %s", upload) == ok
        assert value("SELECT count(*) FROM job WHERE stage = 'sign' AND upload = %s", upload) == 0
        assert value("SELECT count(*) FROM intent i JOIN application a ON a.id = i.application WHERE a.upload = %s"
                     " AND i.lint NOT LIKE 'inkan-lint %%'", upload) == 0

    def errors(self, upload):
        return self.cluster.query("SELECT a.state, e->>'symbol' FROM application a, jsonb_array_elements(a.errors) e"
                                  " WHERE a.upload = %s ORDER BY a.seq", upload)

    def crl(self, shard):
        return x509.load_der_x509_crl(bytes(self.cluster.value("SELECT der FROM crl WHERE shard = %s", shard)))


def set_clock(cluster, ahead):
    cluster.query("CREATE OR REPLACE FUNCTION inkan_now() RETURNS timestamptz LANGUAGE sql STABLE AS"
                  f" $$ SELECT now() + interval '{ahead}' $$")


class Held:
    """A running signer stopped between its two commits: the intents stand, and the job's row is locked by us."""

    def __init__(self, signer, upload):
        self.signer, self.cluster = signer, signer.cluster
        gate, self.job = (self.cluster.connect(autocommit=False) for _ in range(2))
        gate.cursor().execute("SELECT id FROM organisation WHERE id = 1 FOR UPDATE")
        self.process = signer.background()
        signer.wait_for_lock()
        self.job.cursor().execute("SELECT id FROM job WHERE stage = 'sign' AND upload = %s FOR SHARE", (upload,))
        gate.rollback()
        wait_for(lambda: signer.serials(upload, "intent"), "T1 has committed", interval=0.02)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.job.rollback()

    def go_on(self):
        self.job.rollback()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0


@contextlib.contextmanager
def recording(signer, upload):
    """A running signer in the middle of its second commit, until what this gives is called."""
    lock = signer.cluster.connect(autocommit=False)
    lock.cursor().execute("SELECT id FROM upload WHERE id = %s FOR NO KEY UPDATE", (upload,))
    process = signer.background()
    signer.wait_for_lock()
    yield lock.rollback
    process.terminate()
    assert process.wait(30) == 0


def openssl(*words):
    return run(["openssl", *words])


def verify_with_openssl(cluster, certificates, tmp_path, *crls):
    paths = []
    for number, certificate in enumerate(certificates):
        paths.append(tmp_path / f"c{number}.pem")
        paths[-1].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files = []
    for number, crl in enumerate(crls):
        (tmp_path / f"l{number}.pem").write_bytes(crl.public_bytes(serialization.Encoding.PEM))
        files += ["-CRLfile", tmp_path / f"l{number}.pem"]
    text = openssl("verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", cluster.ca / "root.pem", "-untrusted",
                   cluster.ca / "issuing.pem", *(["-crl_check", *files] if crls else []), *paths)
    assert text.count(": OK") == len(paths)
