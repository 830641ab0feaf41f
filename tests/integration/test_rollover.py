"""One issuing CA follows another while the certificates, CRLs and OCSP of the old one go on."""
import pathlib
import shutil
import signal
import time
import subprocess

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtensionOID
from inkantest import mails
from inkantest.instance import second_worker, wait_for
from inkantest.rows import Revocation, Row
from inkantest.uploads import issue


class Authority:
    """A CA as its certificates' readers see it."""

    def __init__(self, instance, number, root):
        self.instance, self.number, self.root = instance, number, root
        self.issuing = x509.load_der_x509_certificate(requests.get(f"{instance.env['INKAN_PKI_URL']}/ca/{number}.cer", timeout=10).content)

    def issued(self, certificate):
        """By it, and naming its places."""
        access = certificate.extensions.get_extension_for_oid(ExtensionOID.AUTHORITY_INFORMATION_ACCESS).value
        (place,) = [a.access_location.value for a in access if a.access_method == AuthorityInformationAccessOID.CA_ISSUERS]
        return (certificate.issuer == self.issuing.subject and place.endswith(f"/ca/{self.number}.cer")
                and f"/crl/{self.number}-" in point_of(certificate))

    def crl(self, certificate):
        crl = x509.load_der_x509_crl(requests.get(point_of(certificate), timeout=10).content)
        assert crl.is_signature_valid(self.issuing.public_key()) and crl.issuer == self.issuing.subject
        return crl

    def status(self, certificate):
        """Of OCSP, its answer's signer checked up to this CA; None while there is no answer."""
        asked = ocsp.OCSPRequestBuilder().add_certificate(certificate, self.issuing, hashes.SHA256()).build()
        answer = ocsp.load_der_ocsp_response(requests.post(
            self.instance.env["INKAN_PKI_URL"] + "/ocsp", data=asked.public_bytes(serialization.Encoding.DER), timeout=10,
            headers={"Content-Type": "application/ocsp-request"}).content)
        if answer.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL:
            return None
        (responder,) = answer.certificates
        assert responder.issuer == self.issuing.subject
        return answer.certificate_status

    def verify(self, tmp_path, certificate):
        """What `openssl verify -crl_check` says: OK or the reason."""
        files = {"root": self.root, "issuing": self.issuing, "leaf": certificate, "crl": self.crl(certificate)}
        for name, thing in files.items():
            (tmp_path / f"{name}.pem").write_bytes(thing.public_bytes(serialization.Encoding.PEM))
        done = subprocess.run(["openssl", "verify", "-x509_strict", "-crl_check", "-CAfile", "root.pem", "-untrusted", "issuing.pem",
                               "-CRLfile", "crl.pem", "leaf.pem"], cwd=tmp_path, capture_output=True, text=True, check=False)
        return "OK" if done.returncode == 0 else done.stderr


def point_of(certificate):
    return certificate.extensions.get_extension_for_oid(ExtensionOID.CRL_DISTRIBUTION_POINTS).value[0].full_name[0].value


def load(instance, entry):
    return x509.load_pem_x509_certificate(instance.registrar.get(f"/api/v1/certificates/{entry['serial']}.pem").content)


def root_of(pem):
    return x509.load_pem_x509_certificate(pem[pem.rindex(b"-----BEGIN"):])


@pytest.fixture
def successor(healthy, tmp_path):
    """(old CA, new CA, signer): the new one entered, a second signer with its key running; at the end all is as before."""
    old_id = healthy.value("SELECT id FROM issuer WHERE active")
    made = healthy.ctl_json("ca", "init", "--directory", str(tmp_path / "ca"), "--name", f"Successor of {old_id} {tmp_path.name}",
                            "--key", "ec:P-384", "--shards", "2")
    key = healthy.directory / "successor.key.pem"
    shutil.copy(tmp_path / "ca/issuing.key.pem", key)
    user = pathlib.Path(f"/proc/{healthy.pid('signer')}").stat()
    shutil.chown(key, user.st_uid, user.st_gid)
    signer = second_worker(healthy, "signer", {"signer": {"key": f"file:{key}"}})
    old = Authority(healthy, old_id, root_of(pathlib.Path(healthy.env["INKAN_ISSUER_CHAIN"]).read_bytes()))
    yield old, Authority(healthy, made["issuer"], root_of((tmp_path / "ca/root.pem").read_bytes())), signer
    healthy.ctl("ca", "activate", str(old_id))
    signer.terminate()
    assert signer.wait(30) == 0
    healthy.query("UPDATE certificate SET not_after = now() - interval '1 second' WHERE issuer = %s", made["issuer"])
    healthy.ctl("ca", "retire", str(made["issuer"]))


def test_a_ca_follows_another(healthy, successor, tmp_path):
    old, new, _ = successor
    (fetched, fetched_entry), (waiting, waiting_entry), (renewed, renewed_entry) = issue(healthy, Row(), Row(), Row())
    before = {entry["serial"]: load(healthy, entry) for entry in (fetched_entry, waiting_entry, renewed_entry)}
    assert all(old.issued(c) for c in before.values()), "entered is not active"
    assert healthy.value("SELECT count(*) FROM job WHERE subject LIKE %s", f"{new.number}-%") == 0

    healthy.ctl("ca", "activate", str(new.number))
    (fresh, fresh_entry), *more = issue(healthy, *(Row() for _ in range(60)))
    certificate = load(healthy, fresh_entry)
    assert new.issued(certificate) and all(new.issued(load(healthy, entry)) for _, entry in more[::20])
    wait_for(lambda: healthy.value("SELECT count(*) FROM crl WHERE issuer = %s", new.number) == 2, "the new CA's CRLs")
    assert new.verify(tmp_path, certificate) == "OK"
    wait_for(lambda: new.status(certificate) == ocsp.OCSPCertStatus.GOOD, "the new CA's OCSP")

    # what the old one issued lives on: link, chain, status
    (mail,) = wait_for(lambda: mails.to(healthy, waiting.mail, waiting.name), "the notice from before")
    chain = healthy.public.post(mail.link(), params={"format": "chain"}).content
    assert x509.load_pem_x509_certificate(chain[chain.rindex(b"-----BEGIN"):]) == old.issuing
    assert old.verify(tmp_path, before[fetched_entry["serial"]]) == "OK"
    assert old.status(before[fetched_entry["serial"]]) == ocsp.OCSPCertStatus.GOOD

    # renewed by the new one; revoked on the list of who issued it, each by the signer that has its key
    upload = healthy.registrar.apply([Row(renewed.name, renewed_entry["serial"])], kind="server-renew")
    assert upload["state"] == "done" and new.issued(load(healthy, upload["rows"][0]))
    revoked = healthy.registrar.apply([Revocation(fetched.dn, fetched_entry["serial"], "4"), Revocation(fresh.dn, fresh_entry["serial"], "1")],
                                      kind="server-revoke")
    assert revoked["state"] == "done" and revoked["rows_ok"] == 2, revoked
    for authority, gone in ((old, before[fetched_entry["serial"]]), (new, certificate)):
        assert authority.status(gone) == ocsp.OCSPCertStatus.REVOKED
        wait_for(lambda a=authority, c=gone: a.crl(c).get_revoked_certificate_by_serial_number(c.serial_number), "the CRL")
        assert "certificate revoked" in authority.verify(tmp_path, gone)
    assert old.verify(tmp_path, before[renewed_entry["serial"]]) == "OK"

    # the next CRL of every shard of both, without a revocation
    numbers = dict(healthy.query("SELECT issuer || '-' || shard, number FROM crl"))
    healthy.query("UPDATE job SET due = clock_timestamp() WHERE stage = 'crl'")
    wait_for(lambda: all(number > numbers[subject] for subject, number in healthy.query(
        "SELECT issuer || '-' || shard, number FROM crl WHERE issuer IN (%s, %s)", old.number, new.number)), "the next CRLs")

    # two signers, and neither is in the other's way
    healthy.alive()
    assert healthy.health("signer", "/readyz").json()["reasons"] == []
    refused = healthy.ctl("ca", "retire", str(old.number), check=False)
    assert refused.returncode == 4 and "valid" in refused.stderr
    changed = healthy.query("SELECT subject FROM audit_event WHERE kind = 'issuer_changed' ORDER BY xid DESC, id DESC LIMIT 1")
    assert changed == [(f"issuer {new.number}",)]


def test_signer_without_the_key_leaves_the_work(healthy, successor):
    """What only another signer can do is not touched by this one, however often it looks, and waits for that one."""
    old, new, signer = successor
    healthy.ctl("ca", "activate", str(new.number))
    wait_for(lambda: healthy.value("SELECT count(*) FROM crl WHERE issuer = %s", new.number) == 2, "the new CA's CRLs")
    signer.send_signal(signal.SIGSTOP)
    try:
        upload = healthy.registrar.upload(b"".join(Row().line() for _ in range(60))).json()["id"]
        wait_for(lambda: healthy.registrar.get(f"/api/v1/uploads/{upload}").json()["state"] == "accepted", "acceptance")
        newest = healthy.value("SELECT max(number) FROM crl WHERE issuer = %s", old.number)
        healthy.query("UPDATE job SET due = date_trunc('second', clock_timestamp()) WHERE stage = 'crl'")
        wait_for(lambda: healthy.value("SELECT min(number) FROM crl WHERE issuer = %s", old.number) > newest, "the old CA's CRLs")
        assert healthy.query("SELECT DISTINCT stage, attempt, worker, due = date_trunc('second', due) FROM job WHERE subject LIKE %s",
                             f"{new.number}-%") == [("crl", 0, None, True)]
        waiting = "SELECT id, due FROM job WHERE stage = 'sign' AND upload = %s AND attempt = 0 AND worker IS NULL ORDER BY id"
        time.sleep(1.5)  # each lane looks once a second whose turn it is
        left = healthy.query(waiting, upload)
        time.sleep(1.5)
        assert left and healthy.query(waiting, upload) == left
    finally:
        signer.send_signal(signal.SIGCONT)
    assert healthy.registrar.wait(upload)["state"] == "done"
