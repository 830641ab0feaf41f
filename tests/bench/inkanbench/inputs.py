"""What is measured with: rows and their CSRs, and issuing keys for whoever is not the service."""
import base64
import dataclasses
import pathlib
import subprocess


@dataclasses.dataclass
class Rows:
    """The same keys twice: a TSV file for the service, CSRs for everybody else."""
    count: int
    tsv: pathlib.Path
    csrs: pathlib.Path

    def pems(self):
        """Each CSR as PEM."""
        data, at = self.csrs.read_bytes(), 0
        while at < len(data):
            size = int.from_bytes(data[at:at + 4], "big")
            body = base64.encodebytes(data[at + 4:at + 4 + size]).decode()
            yield f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n"
            at += 4 + size


class Inputs:
    """Made once for each (count, prefix, domain): two instances may be given the same rows, one instance never."""

    def __init__(self, build, directory):
        self.build, self.directory = build, directory
        directory.mkdir()

    def rows(self, count, prefix, domain="example.ac.jp"):
        base = self.directory / f"{prefix}{count}.{domain}"
        made = Rows(count, base.with_name(base.name + ".tsv"), base.with_name(base.name + ".csrs"))
        if not made.csrs.exists():
            subprocess.run([self.build / "tests/bench/bench_rows", str(count), f"{prefix}{count}-", made.tsv, made.csrs, domain], check=True)
        return made

    def ca(self, key):
        """(certificate, key) of a self-signed CA with this kind of key, for floors and rivals."""
        base = self.directory / key.replace(":", "-")
        files = base.with_name(base.name + ".pem"), base.with_name(base.name + ".key")
        if not files[0].exists():
            kind, _, size = key.partition(":")
            subprocess.run(["openssl", "req", "-x509", "-days", "3650", "-nodes", "-subj", "/C=JP/O=Bench/CN=Bench CA", "-newkey", kind, "-pkeyopt",
                            f"rsa_keygen_bits:{size}" if kind == "rsa" else f"ec_paramgen_curve:{size}", "-out", files[0], "-keyout", files[1]],
                           check=True, capture_output=True)
        return files
