"""
What others read in what we sign: OpenSSL, GnuTLS, NSS, python3-cryptography and zlint, over every kind of certificate and CRL.
The findings that are known and left stand in KNOWN, each with its reason; any other, of level warning or above, fails.
"""
import json
import pathlib
import subprocess

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtensionOID
from inkantest.instance import TOP, wait_for
from inkantest.rows import ORGANISATION, Revocation, Row, new_name

KNOWN = {
    "w_subject_common_name_included": "the manual's DN has CN; BR 7.1.4.3 allows it as a copy of a dNSName",
    "w_ext_subject_key_identifier_missing_sub_cert": "BR 7.1.2.7.6 says not recommended, RFC 5280 (the lint's source) recommended",
    "w_sub_cert_aia_contains_internal_names": "the tests' own addresses are on loopback",
}
KNOWN_2021 = {
    "e_organizational_unit_name_prohibited": "the manual of 2021 has OU; the BRs forbid it since 2022-09",
    "w_ext_subject_key_identifier_not_recommended_subscriber": "as the certificates of 2021 had it",
}
# Hierarchies as `inkanctl ca init --url` makes them.
HIERARCHIES = {"RSA": ("rsa:3072", "rsa:3072"), "EC": ("ec:P-384", "ec:P-384")}
# Kinds of certificate: the policy, and the row.
KINDS = {
    "upki-2026 RSA": ("upki-2026", {"profile": "3"}),
    "upki-2026 EC": ("upki-2026", {"profile": "11", "dns_names": True}),
    "upki-2021 RSA": ("upki-2021", {"profile": "3", "ou": True}),
    "upki-2021 EC": ("upki-2021", {"profile": "11"}),
}


def make_row(profile, dns_names=False, ou=False):
    name = new_name()
    return Row(name, profile=profile, dns_names=f"dNSName={new_name('example.org')}" if dns_names else "",
               attributes=[("CN", name), *([("OU", "Media Center")] if ou else []), *ORGANISATION.items()])


def run(*command, **kw):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=60, **kw)


def fetch_crl(instance, certificate):
    point = certificate.extensions.get_extension_for_oid(ExtensionOID.CRL_DISTRIBUTION_POINTS).value[0].full_name[0].value
    return x509.load_der_x509_crl(requests.get(point, timeout=10).content)


class Desk:
    """All that was signed, as PEM files."""

    def __init__(self, directory):
        self.directory, self.certificates, self.crls = directory, {}, {}

    def keep(self, name, thing):
        path = self.directory / (name.replace(" ", "-") + ".pem")
        path.write_bytes(thing.public_bytes(serialization.Encoding.PEM))
        return path


@pytest.fixture(scope="module")
def desk(inkan, under_policy, tmp_path_factory):
    inkan.alive()
    made = Desk(tmp_path_factory.mktemp("desk"))
    for policy in ("upki-2026", "upki-2021"):
        with under_policy(policy):
            kinds = [kind for kind, (of, _) in KINDS.items() if of == policy]
            rows = [make_row(**KINDS[kind][1]) for kind in kinds]
            upload = inkan.registrar.apply(rows)
            assert upload["state"] == "done", upload
            for kind, entry in zip(kinds, upload["rows"]):
                pem = inkan.registrar.get(f"/api/v1/certificates/{entry['serial']}.pem").content
                made.certificates[kind] = made.keep(kind, x509.load_pem_x509_certificate(pem))
            revoked = inkan.registrar.apply([Revocation(row.dn, entry["serial"], reason) for row, entry, reason in
                                             zip(rows, upload["rows"], "01")], kind="server-revoke")
            assert revoked["state"] == "done"
    issuing, root = pathlib.Path(inkan.env["INKAN_ISSUER_CHAIN"]).read_text().split("-----END CERTIFICATE-----\n")[:2]
    for name, text in (("issuing", issuing), ("root", root)):
        certificate = x509.load_pem_x509_certificate((text + "-----END CERTIFICATE-----\n").encode())
        made.certificates[name] = made.keep(name, certificate)
    for kind in KINDS:
        certificate = x509.load_pem_x509_certificate(made.certificates[kind].read_bytes())
        crl = wait_for(lambda c=certificate: (lambda found: found if found.get_revoked_certificate_by_serial_number(
            c.serial_number) else None)(fetch_crl(inkan, c)), "the CRL")
        made.crls[kind] = made.keep("crl " + kind, crl)
    for kind, (key, root_key) in HIERARCHIES.items():
        directory = made.directory / kind
        inkan.ctl("ca", "init", "--directory", str(directory), "--name", f"Readers {kind} {new_name()}"[:60], "--key", key,
                  "--root-key", root_key, "--url", "http://pki.example.jp/ca")
        made.certificates[f"{kind} root"], made.certificates[f"{kind} issuing"] = directory / "root.pem", directory / "issuing.pem"
        made.crls[f"{kind} root"] = made.keep(f"crl {kind} root", x509.load_der_x509_crl((directory / "root.crl").read_bytes()))
    responder = bytes(inkan.value("SELECT der FROM ocsp_certificate LIMIT 1"))
    made.certificates["responder"] = made.keep("responder", x509.load_der_x509_certificate(responder))
    shards = inkan.value("SELECT crl_shards FROM issuer WHERE active")
    for shard in range(shards):
        crl = x509.load_der_x509_crl(requests.get(f"{inkan.env['INKAN_PKI_URL']}/crl/1-{shard}.crl", timeout=10).content)
        if len(crl) == 0:
            made.crls["empty"] = made.keep("crl empty", crl)
    return made


@pytest.fixture(scope="module")
def zlint(tmp_path_factory):
    done = run(TOP / "tests/lib/zlint.sh", tmp_path_factory.mktemp("zlint"))
    if done.returncode != 0:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    return done.stdout.strip()


MADE = [f"{kind} {which}" for kind in HIERARCHIES for which in ("root", "issuing")]


@pytest.mark.parametrize("kind", [*KINDS, *MADE, "responder", *(f"CRL {kind}" for kind in KINDS), "CRL RSA root", "CRL EC root",
                                  "CRL empty"])
def test_zlint(desk, zlint, kind):
    path = desk.crls[kind[4:]] if kind.startswith("CRL ") else desk.certificates[kind]
    done = run(zlint, "-format", "pem", path)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert [r for r in results.values() if r["result"] == "pass"]
    found = {lint for lint, r in results.items() if r["result"] in ("warn", "error", "fatal")}
    known = {**KNOWN, **KNOWN_2021} if "2021" in kind else KNOWN
    assert found - set(known) == set()


@pytest.mark.parametrize("kind", KINDS)
def test_openssl(desk, kind):
    """Strict, with the CRL: valid but for the revocation that we made."""
    common = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-policy_check", "-CAfile", desk.certificates["root"],
              "-untrusted", desk.certificates["issuing"]]
    done = run(*common, desk.certificates[kind])
    assert done.returncode == 0, done.stderr
    done = run(*common, "-crl_check", "-extended_crl", "-CRLfile", desk.crls[kind], desk.certificates[kind])
    assert done.returncode != 0 and "certificate revoked" in done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_gnutls(desk, kind, tmp_path):
    chain = tmp_path / "chain.pem"
    chain.write_bytes(desk.certificates[kind].read_bytes() + desk.certificates["issuing"].read_bytes())
    name = x509.load_pem_x509_certificate(chain.read_bytes()).subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
    done = run("certtool", "--verify", "--load-ca-certificate", desk.certificates["root"], "--infile", chain, "--verify-hostname",
               name, "--verify-purpose", "1.3.6.1.5.5.7.3.1", "--verify-profile", "medium")
    assert done.returncode == 0 and "Verified. The certificate is trusted." in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("kind", [*KINDS, "empty"])
def test_gnutls_crl(desk, kind):
    done = run("certtool", "--verify-crl", "--load-ca-certificate", desk.certificates["issuing"], "--infile", desk.crls[kind])
    assert done.returncode == 0 and "Verified. The certificate is trusted." in done.stdout, done.stdout + done.stderr


def der_of(path, directory):
    """A CRL's file as NSS wants it."""
    made = directory / (path.stem + ".der")
    made.write_bytes(x509.load_pem_x509_crl(path.read_bytes()).public_bytes(serialization.Encoding.DER))
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_nss(desk, kind, tmp_path):
    database = f"sql:{tmp_path}"
    assert run("certutil", "-N", "-d", database, "--empty-password").returncode == 0
    for name, trust, path in (("root", "C,,", desk.certificates["root"]), ("issuing", ",,", desk.certificates["issuing"]),
                              ("leaf", ",,", desk.certificates[kind])):
        done = run("certutil", "-A", "-d", database, "-t", trust, "-n", name, "-i", path)
        assert done.returncode == 0, done.stderr
    done = run("certutil", "-V", "-d", database, "-n", "leaf", "-u", "V", "-e")
    assert done.returncode == 0 and "certificate is valid" in done.stdout, done.stdout + done.stderr
    assert run("certutil", "-V", "-d", database, "-n", "issuing", "-u", "L", "-e").returncode == 0


@pytest.mark.parametrize("kind", [f"{kind} root" for kind in HIERARCHIES])
def test_nss_crl(desk, kind, tmp_path):
    database = f"sql:{tmp_path}"
    assert run("certutil", "-N", "-d", database, "--empty-password").returncode == 0
    assert run("certutil", "-A", "-d", database, "-t", "C,,", "-n", "root", "-i", desk.certificates[kind]).returncode == 0
    done = run("crlutil", "-I", "-d", database, "-t", "1", "-i", der_of(desk.crls[kind], tmp_path))
    assert done.returncode == 0, done.stderr
    assert "root" in run("crlutil", "-L", "-d", database).stdout


@pytest.mark.parametrize("kind", KINDS)
def test_nss_reads_what_it_does_not_take(desk, kind, tmp_path):
    """
    The CRLs of an issuing CA: NSS knows no issuingDistributionPoint, which must be critical (RFC 5280 5.2.5, BR 7.2.2.1), and refuses
    them for it and for nothing else; its decoder reads every entry.
    """
    database, der = f"sql:{tmp_path}", der_of(desk.crls[kind], tmp_path)
    assert run("certutil", "-N", "-d", database, "--empty-password").returncode == 0
    for name, trust in (("root", "C,,"), ("issuing", ",,")):
        assert run("certutil", "-A", "-d", database, "-t", trust, "-n", name, "-i", desk.certificates[name]).returncode == 0
    assert "SEC_ERROR_CRL_UNKNOWN_CRITICAL_EXTENSION" in run("crlutil", "-I", "-d", database, "-t", "1", "-i", der).stderr
    shown = run("nss-pp", "-t", "crl", "-i", der)
    crl = x509.load_der_x509_crl(der.read_bytes())
    assert shown.returncode == 0 and shown.stdout.count("Serial Number:") == len(crl) > 0, shown.stderr
    assert shown.stdout.count("Issuing Distribution Point") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_python_cryptography(desk, kind):
    """Every extension can be parsed, of certificate and CRL; the CRL's signature is the issuer's."""
    certificate = x509.load_pem_x509_certificate(desk.certificates[kind].read_bytes())
    issuing = x509.load_pem_x509_certificate(desk.certificates["issuing"].read_bytes())
    assert not [e for e in certificate.extensions if isinstance(e.value, x509.UnrecognizedExtension)]
    assert certificate.issuer == issuing.subject
    crl = x509.load_pem_x509_crl(desk.crls[kind].read_bytes())
    assert crl.is_signature_valid(issuing.public_key())
    assert not [e for e in crl.extensions if isinstance(e.value, x509.UnrecognizedExtension)]
    assert crl.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None


@pytest.mark.parametrize("kind", HIERARCHIES)
def test_hierarchy(desk, kind):
    """The issuing CA stands below its root, and is not on the root's CRL."""
    root, issuing = desk.certificates[f"{kind} root"], desk.certificates[f"{kind} issuing"]
    done = run("openssl", "verify", "-x509_strict", "-crl_check", "-CRLfile", desk.crls[f"{kind} root"], "-CAfile", root, issuing)
    assert done.returncode == 0, done.stderr
    done = run("certtool", "--verify-crl", "--load-ca-certificate", root, "--infile", desk.crls[f"{kind} root"])
    assert done.returncode == 0, done.stdout
