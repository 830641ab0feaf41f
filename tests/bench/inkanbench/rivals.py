"""The same CSRs signed by what Debian has beside Inkan, with the same kind of issuing key: cfssl with PostgreSQL (the run's own, fsync on),
`openssl ca`, easy-rsa. Each the fastest way that it offers; none of them checks, reserves, mails or audits what Inkan does."""
import contextlib
import itertools
import json
import shutil
import socket
import subprocess
import time

from inkantest.instance import wait_for

from . import floors, service, svg
from .report import Table, key_name
from .samples import median, values_of, where

WHO = {"floor": "cryptographic floor", "inkan": "Inkan, the whole way", "cfssl": "cfssl with PostgreSQL", "openssl ca": "openssl ca",
       "easy-rsa": "easy-rsa"}
CLIENTS = (1, 2, 3, 4, 8, 16, 32)
EASYRSA = "/usr/share/easy-rsa/easyrsa"
EASYRSA_ROWS = 25
# The columns that cfssl's statements name, and its primary key.
CERTDB = """CREATE TABLE certificates (serial_number bytea NOT NULL, authority_key_identifier bytea NOT NULL, ca_label bytea, status bytea NOT NULL,
  reason int, expiry timestamptz, revoked_at timestamptz, pem bytea NOT NULL, PRIMARY KEY (serial_number, authority_key_identifier))"""
CFSSL_CONFIG = {"signing": {"default": {"usages": ["digital signature", "key encipherment", "server auth"], "expiry": "9528h",
                                        "crl_url": "http://pki.example.jp/crl", "ocsp_url": "http://pki.example.jp/ocsp"}}}
OPENSSL_CONFIG = """[ca]
default_ca = d
[d]
database = index.txt
new_certs_dir = certificates
certificate = ca.pem
private_key = ca.key
rand_serial = yes
default_md = sha256
default_days = 397
policy = p
x509_extensions = e
unique_subject = no
[p]
countryName = optional
stateOrProvinceName = optional
localityName = optional
organizationName = optional
commonName = supplied
[e]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,keyEncipherment
extendedKeyUsage = serverAuth
authorityKeyIdentifier = keyid
crlDistributionPoints = URI:http://pki.example.jp/crl
authorityInfoAccess = OCSP;URI:http://pki.example.jp/ocsp
[req]
distinguished_name = n
[n]
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def psql(url, statement):
    subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statement], check=True)


@contextlib.contextmanager
def cfssl(instance, ca, directory):
    """The URL of a cfssl that signs by ca and writes into a database of its own in the instance's PostgreSQL."""
    url = instance.env["INKAN_DATABASE_URL"]
    psql(url, "CREATE DATABASE cfssl")
    psql(url.replace("/inkan?", "/cfssl?"), CERTDB)
    source = url.replace("/inkan?", "/cfssl?") + "&sslmode=disable"
    (directory / "db.json").write_text(json.dumps({"driver": "postgres", "data_source": source}))
    (directory / "config.json").write_text(json.dumps(CFSSL_CONFIG))
    port = free_port()
    with open(directory / "log", "wb") as log:
        process = subprocess.Popen(["cfssl", "serve", "-port", str(port), "-ca", ca[0], "-ca-key", ca[1], "-config", "config.json", "-db-config",
                                    "db.json", "-loglevel", "4"], cwd=directory, stdout=log, stderr=log)
    try:
        wait_for(lambda: process.poll() is not None or listens(port), "cfssl")
        assert process.poll() is None, (directory / "log").read_text()
        yield f"http://127.0.0.1:{port}/api/v1/cfssl/sign"
    finally:
        process.terminate()
        process.wait()
        psql(url, "DROP DATABASE cfssl WITH (FORCE)")


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def post(bench, url, rows, clients):
    """Certificates a second with so many clients."""
    out = subprocess.run([bench.build / "tests/bench/bench_post", url, rows.csrs, str(clients)], check=True, capture_output=True, text=True).stdout
    return float(out.split()[1])


def best_clients(bench, instance, ca, rows):
    """{clients: certificates a second}: what this cfssl does best with differs from machine to machine."""
    found = {}
    for clients in CLIENTS:
        with bench.directory() as directory, cfssl(instance, ca, directory) as url:
            found[clients] = post(bench, url, rows, clients)
    return found


def openssl_ca(bench, ca, rows):
    """Certificates a second of one `openssl ca -batch` that is given all CSRs at once: index.txt is read and written once, nothing is synced."""
    with bench.directory() as directory:
        copies(ca, directory)
        (directory / "index.txt").touch()
        (directory / "certificates").mkdir()
        names = []
        for number, pem in enumerate(rows.pems()):
            names.append(f"{number}.csr")
            (directory / names[-1]).write_text(pem)
        begin = time.monotonic()
        subprocess.run(["openssl", "ca", "-batch", "-notext", "-config", "ca.cnf", "-infiles", *names], cwd=directory, check=True, capture_output=True)
        seconds = time.monotonic() - begin
        made = len(list((directory / "certificates").iterdir()))
        assert made == rows.count, f"{made} certificates"
        return rows.count / seconds


def copies(ca, directory):
    (directory / "ca.cnf").write_text(OPENSSL_CONFIG)
    shutil.copy(ca[0], directory / "ca.pem")
    shutil.copy(ca[1], directory / "ca.key")


def easy_rsa(bench, ca, rows):
    """Certificates a second of `easyrsa sign-req`, a process for each: it knows no other way."""
    with bench.directory() as directory:
        easyrsa = [EASYRSA, "--batch", f"--pki-dir={directory}/pki"]
        subprocess.run([*easyrsa, "init-pki"], check=True, capture_output=True, cwd=directory)
        pki = directory / "pki"
        for path in ("issued", "certs_by_serial", "revoked"):
            (pki / path).mkdir(exist_ok=True)
        shutil.copy(ca[0], pki / "ca.crt")
        shutil.copy(ca[1], pki / "private/ca.key")
        (pki / "index.txt").touch()
        (pki / "index.txt.attr").write_text("unique_subject = no\n")
        (pki / "serial").write_text("01\n")
        pems = list(itertools.islice(rows.pems(), EASYRSA_ROWS))
        for number, pem in enumerate(pems):
            (pki / f"reqs/{number}.req").write_text(pem)
        begin = time.monotonic()
        for number in range(len(pems)):
            subprocess.run([*easyrsa, "sign-req", "server", str(number)], check=True, capture_output=True, cwd=directory)
        seconds = time.monotonic() - begin
        assert len(list((pki / "issued").iterdir())) == len(pems)
        return len(pems) / seconds


def run(bench):
    samples = []
    for key in bench.keys:
        ca = bench.inputs.ca(key)
        with service.running(bench, key) as instance, service.mailer_stopped(instance):
            found = best_clients(bench, instance, ca, bench.inputs.rows(max(1, bench.rows // 5), "c-"))
            clients = max(found, key=found.get)
            for turn, rows in bench.turns():
                sample = {"key": key, "turn": turn, "rows": rows.count, "clients": clients, "by_clients": found,
                          "floor": floors.cryptography(bench, rows, key), "inkan": service.upload(instance, rows)["rate"]}
                with bench.directory() as directory, cfssl(instance, ca, directory) as url:
                    sample["cfssl"] = post(bench, url, rows, clients)
                samples.append({**sample, "openssl ca": openssl_ca(bench, ca, rows), "easy-rsa": easy_rsa(bench, ca, rows)})
    return samples


def show(samples):
    lines = []
    for key in values_of(samples, "key"):
        some = where(samples, key=key)
        lines += [[key_name(key), name, median(some, who), median([s["inkan"] / s[who] for s in some])] for who, name in WHO.items()]
    yield Table(f"Certificates a second from the same {samples[0]['rows']:,} CSRs (easy-rsa: {EASYRSA_ROWS}), fsync on; Inkan is the whole way of an upload,"
                " mailer stopped", ["issuing key", "who", "a second", "Inkan is so many times as fast"], lines)
    yield Table("cfssl by the number of its clients, certificates a second; compared is the best", ["issuing key", *map(str, CLIENTS)],
                [[key_name(key), *where(samples, key=key)[0]["by_clients"].values()] for key in values_of(samples, "key")])


def charts(samples):
    yield "rivals", svg.bars("The same CSRs, the same kind of key", "certificates a second",
                             [(f"{key_name(key)}, {who}", median(where(samples, key=key), who)) for key in values_of(samples, "key") for who in WHO])
