"""The demonstration's certificates beside the issuing CA: for TLS, for the registrars, for signing mails.

Three small CAs of its own, so that each trust list names exactly what it must trust. P-256 but for the mails' signer: every
mail program reads RSA, and with RSA a mail made again is the same mail to the last byte.
"""
import datetime
import ipaddress
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAYS = 397
MAIL_FROM = "upki-support@example.jp"
P12_PASSWORD = b"inkan"


def name(common_name, organisation="Inkan Demonstration"):
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "JP"),
                      x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
                      x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def key_usage(*used):
    fields = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
              "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{field: field in used for field in fields})


def builder(subject, issuer, public_key):
    now = datetime.datetime.utcnow().replace(microsecond=0)
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=DAYS))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False))


class Authority:
    """A self-signed CA that exists in memory only: nobody can add to what it signed."""

    def __init__(self, common_name):
        self.key = ec.generate_private_key(ec.SECP256R1())
        subject = name(common_name)
        self.certificate = (builder(subject, subject, self.key.public_key())
                            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
                            .add_extension(key_usage("key_cert_sign", "crl_sign"), critical=True)
                            .sign(self.key, hashes.SHA256()))

    def issue(self, subject, usage, alternative_names, key=None):
        """(key, certificate) of an end entity."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        own_id = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        certificate = (builder(subject, self.certificate.subject, key.public_key())
                       .add_extension(x509.AuthorityKeyIdentifier(own_id.digest, None, None), critical=False)
                       .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                       .add_extension(key_usage("digital_signature"), critical=True)
                       .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
                       .add_extension(x509.SubjectAlternativeName(alternative_names), critical=False)
                       .sign(self.key, hashes.SHA256()))
        return key, certificate


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


def write(path, content, mode=0o644):
    """A new file that never had another mode."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(content)


def make_tls(instance, address="127.0.0.1"):
    authority = Authority("Inkan Demonstration TLS CA")
    key, certificate = authority.issue(
        name("localhost"), ExtendedKeyUsageOID.SERVER_AUTH,
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address(address))])
    write(instance.pki("tls-ca.pem"), pem(authority.certificate))
    write(instance.pki("tls.pem"), pem(certificate))
    write(instance.pki("tls.key"), key_pem(key), 0o600)


def make_registrars(instance, registrars):
    """registrars: [{file, romaji, mail, organisation}]."""
    authority = Authority("Inkan Demonstration Registrar CA")
    write(instance.pki("registrar-ca.pem"), pem(authority.certificate))
    for registrar in registrars:
        key, certificate = authority.issue(name(registrar["romaji"], registrar["organisation"]),
                                           ExtendedKeyUsageOID.CLIENT_AUTH, [x509.RFC822Name(registrar["mail"])])
        stem = registrar["file"]
        write(instance.pki(f"{stem}.pem"), pem(certificate))
        write(instance.pki(f"{stem}.key"), key_pem(key), 0o600)
        write(instance.pki(f"{stem}.p12"), pkcs12.serialize_key_and_certificates(
            stem.encode(), key, certificate, [authority.certificate],
            serialization.BestAvailableEncryption(P12_PASSWORD)), 0o600)


def make_mail_signer(instance):
    authority = Authority("Inkan Demonstration Mail CA")
    key, certificate = authority.issue(name("Inkan Demonstration Support"), ExtendedKeyUsageOID.EMAIL_PROTECTION,
                                       [x509.RFC822Name(MAIL_FROM)],
                                       rsa.generate_private_key(public_exponent=65537, key_size=2048))
    write(instance.pki("mail-ca.pem"), pem(authority.certificate))
    write(instance.pki("mail.pem"), pem(certificate))
    write(instance.pki("mail.key"), key_pem(key), 0o600)


def make_link_key(path):
    write(path, os.urandom(32), 0o600)
