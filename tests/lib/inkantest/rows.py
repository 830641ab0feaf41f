"""Rows of the server-* files, with real keys and CSRs."""
import base64
import dataclasses
import itertools
import secrets

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

RUN = secrets.token_hex(4)
numbers = itertools.count(1)

ORGANISATION = {"O": "testkikan", "L": "Chiyoda-ku", "ST": "Tokyo", "C": "JP"}
OIDS = {"CN": NameOID.COMMON_NAME, "O": NameOID.ORGANIZATION_NAME, "L": NameOID.LOCALITY_NAME,
        "OU": NameOID.ORGANIZATIONAL_UNIT_NAME, "ST": NameOID.STATE_OR_PROVINCE_NAME, "C": NameOID.COUNTRY_NAME}


def new_name(domain="example.ac.jp"):
    """A host name that no other row of this run has."""
    return f"h{next(numbers)}-{RUN}.{domain}"


def new_key(profile=11):
    return rsa.generate_private_key(65537, 2048) if profile == 3 else ec.generate_private_key(ec.SECP384R1())


def make_csr(key, subject, digest=None):
    """The DER of a CSR; subject is a list of (attribute, value) in the order of the CSR."""
    name = x509.Name([x509.NameAttribute(OIDS[k], v) for k, v in subject])
    return (x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, digest or hashes.SHA256())
            .public_bytes(serialization.Encoding.DER))


class Line:
    """A row of columns in the order of its file."""

    def line(self, end=b"\r\n"):
        return "\t".join(self.fields()).encode("cp932") + end


@dataclasses.dataclass
class Row(Line):
    """One application to issue, or to renew the certificate of a serial number. What is not set fits the others."""
    name: str = ""
    serial: str = ""
    profile: str = "11"
    organisation: dict = dataclasses.field(default_factory=lambda: dict(ORGANISATION))
    attributes: list = None  # (attribute, value) of the DN in order; CN and the organisation's by default
    key: object = None
    dn: str = None
    csr: str = None
    manager: str = "国立　太郎"
    affiliation: str = "情報基盤センター"
    mail: str = "kanri@example.ac.jp"
    fqdn: str = None
    software: str = "Apache 2.4"
    dns_names: str = ""
    columns: dict = dataclasses.field(default_factory=dict)  # number from 1 → text, over everything

    def __post_init__(self):
        self.name = self.name or new_name()
        self.key = self.key or new_key(int(self.profile) if self.profile in ("3", "11") else 11)
        self.attributes = self.attributes or [("CN", self.name), *self.organisation.items()]
        if self.dn is None:
            self.dn = ",".join(f"{k}={v}" for k, v in self.attributes)
        if self.csr is None:
            self.csr = base64.b64encode(make_csr(self.key, self.attributes[::-1])).decode()

    def fields(self):
        found = [self.dn, self.profile, "", self.serial, "", "", self.csr, self.manager, self.affiliation, self.mail,
                 self.name if self.fqdn is None else self.fqdn, self.software, self.dns_names]
        for number, text in self.columns.items():
            found[number - 1] = text
        return found

    def spki(self):
        return self.key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


@dataclasses.dataclass
class Revocation(Line):
    """One row of a server-revoke file."""
    dn: str
    serial: str
    reason: str = "0"
    comment: str = ""
    mail: str = ""
    columns: dict = dataclasses.field(default_factory=dict)

    def fields(self):
        found = [self.dn, "", "", self.serial, self.reason, self.comment, "", "", "", self.mail, "", "", ""]
        for number, text in self.columns.items():
            found[number - 1] = text
        return found


@dataclasses.dataclass
class Manager(Line):
    """One row of a manager-update file."""
    dn: str
    serial: str
    mail: str
    name: str = ""
    affiliation: str = ""
    software: str = ""
    fqdn: str = ""
    columns: dict = dataclasses.field(default_factory=dict)

    def fields(self):
        found = [self.dn, "", "", self.serial, "", "", "", self.name, self.affiliation, self.mail, self.fqdn, self.software, ""]
        for number, text in self.columns.items():
            found[number - 1] = text
        return found
