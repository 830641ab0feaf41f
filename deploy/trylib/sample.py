"""The sample TSV: server certificate applications with new names and new keys at each run."""
import datetime
import secrets
import tomllib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from build import CHECKOUT

ROWS = CHECKOUT / "deploy/demo/sample.toml"
COLUMNS = 13
PROFILE_RSA, PROFILE_EC = 3, 11


def new_key(profile):
    if profile == PROFILE_RSA:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP384R1())


def make_csr(key, organisation, fqdn, names):
    subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in (
        (NameOID.COUNTRY_NAME, "JP"), (NameOID.STATE_OR_PROVINCE_NAME, organisation["st"]),
        (NameOID.LOCALITY_NAME, organisation["l"]), (NameOID.ORGANIZATION_NAME, organisation["name_en"]),
        (NameOID.COMMON_NAME, fqdn))])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
    return request.sign(key, hashes.SHA384() if isinstance(key, ec.EllipticCurvePrivateKey) else hashes.SHA256())


def csr_column(csr):
    return "".join(csr.public_bytes(serialization.Encoding.PEM).decode().splitlines()[1:-1])


class Row:
    def __init__(self, source, organisation, ending):
        self.profile, self.mail = source["profile"], source["mail"]
        self.manager, self.affiliation, self.software = source["manager"], source["affiliation"], source["software"]
        self.fqdn = f"{source['host']}-{ending}.{source['domain']}"
        self.names = [self.fqdn, *(f"{alias}-{ending}.{source['domain']}" for alias in source["aliases"])]
        self.key = new_key(self.profile)
        self.csr = make_csr(self.key, organisation, self.fqdn, self.names)
        self.dn = (f"CN={self.fqdn},O={organisation['name_en']},L={organisation['l']},ST={organisation['st']},C=JP")

    def columns(self):
        listed = ",".join(f"dNSName={name}" for name in self.names[1:])
        columns = [self.dn, str(self.profile), "", "", "", "", csr_column(self.csr), self.manager, self.affiliation,
                   self.mail, self.fqdn, self.software, listed]
        assert len(columns) == COLUMNS
        return columns


def make_rows(organisation):
    ending = f"{datetime.datetime.utcnow():%m%d%H%M%S}-{secrets.token_hex(2)}"
    return [Row(source, organisation, ending) for source in tomllib.loads(ROWS.read_text(encoding="utf-8"))["row"]]


def make_file(rows):
    """The bytes of the file: CP932, CRLF, as people's computers write it."""
    return "".join("\t".join(row.columns()) + "\r\n" for row in rows).encode("cp932")
