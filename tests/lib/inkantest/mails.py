"""Reading the mails that the service sent."""
import email
import email.policy
import functools
import re
import subprocess

LINK = re.compile(r"https://\S+/d/[A-Za-z0-9_-]+")


class Mail:
    def __init__(self, raw):
        self.raw = raw
        self.message = email.message_from_bytes(raw, policy=email.policy.default)
        self.to = self.message["To"].addresses[0].addr_spec
        self.subject = str(self.message["Subject"])
        self.message_id = str(self.message["Message-ID"])
        self.date = str(self.message["Date"])
        part = self.message.get_body(("plain",))
        self.text = part.get_content()

    def link(self):
        return LINK.search(self.text).group(0)

    def attachment(self):
        """Name and bytes of the attached TSV file, or None."""
        found = [p for p in self.message.walk() if p.get_content_type() == "text/tab-separated-values"]
        return (found[0].get_filename(), found[0].get_payload(decode=True)) if found else None


@functools.lru_cache(maxsize=20000)
def parsed(raw):
    return Mail(raw)


def read(instance):
    return [parsed(raw) for raw in instance.mails().values()]


def to(instance, address=None, about=None):
    """Mails to address that mention about, oldest first."""
    return [m for m in read(instance) if (address is None or m.to == address) and (about is None or about in m.text)]


def verify(raw, ca, tmp_path):
    """openssl cms -verify; the signed content."""
    path = tmp_path / "mail.eml"
    path.write_bytes(raw)
    done = subprocess.run(["openssl", "cms", "-verify", "-in", str(path), "-CAfile", ca, "-purpose", "smimesign",
                           "-out", str(tmp_path / "content")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return (tmp_path / "content").read_bytes()
