"""Inkan as an operator installs it on a Debian machine: the package, then the steps of docs/operating.md, "Install"."""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys

import requests

from inkantest.instance import DAEMONS, TOP, Registrar, wait_for

sys.path.insert(0, str(TOP / "deploy/trylib"))
import pki  # noqa: E402
import register  # noqa: E402
from config import set_value  # noqa: E402

SERVICES = [f"inkan-{daemon}.service" for daemon in DAEMONS]
HEALTH = {daemon: f"http://127.0.0.1:{8491 + number}" for number, daemon in enumerate(DAEMONS)}
PYTHON = ["/usr/bin/python3", "-B", "-X", "utf8"]
SETTINGS = {
    "pki": {"url": "http://pki.example.jp"},
    "public": {"url": "https://127.0.0.1"},
    "upload": {"rows_max": "2000"},
    "job": {"chunk_max": "250"},
    "whois": {"servers": ".=127.0.0.1:43", "referrals": "whois.registrar.example.com=127.0.0.1:4343", "gap": "0", "cache": "0"},
    "mailer": {"smtp": "smtp://127.0.0.1:25", "starttls": "required", "ca": "/etc/inkan/relay-ca.pem", "from": pki.MAIL_FROM,
               "retry_min": "1s", "retry_max": "2s"},
}


def build_package(checkout, out):
    """The package of a checkout, compiled in one place so that only what differs is compiled again."""
    name = hashlib.sha256(str(TOP).encode()).hexdigest()[:8]
    done = subprocess.run([checkout / "deploy/package", "--keep", out], capture_output=True, text=True, check=False,
                          env={"INKAN_PACKAGE_BUILD": f"/var/tmp/inkan-package-tests-{os.geteuid()}-{name}"} | os.environ)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return pathlib.Path(done.stdout.split()[-1])


def next_version(directory):
    """A copy of the checkout as the version after it: one more migration, another settings file as delivered."""
    listed = subprocess.run(["git", "-C", TOP, "ls-files", "-z", "--cached", "--others", "--exclude-standard"], check=True,
                            capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (TOP / name).is_file():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / name, directory / name)
    last = max((directory / "deploy/schema").glob("[0-9]*.sql")).name
    number = int(last[:4]) + 1
    (directory / f"deploy/schema/{number:04d}-next.sql").write_text(
        f"-- Predecessor: {last[:4]}.\nCREATE TABLE next_version (id bigint PRIMARY KEY);\n")
    header = directory / "common/store/schema.h"
    header.write_text(re.sub(r"(#define SCHEMA_VERSION) \d+", rf"\1 {number}", header.read_text()))
    delivered = directory / "deploy/settings"
    text = delivered.read_text()
    delivered.write_text(text.replace("# Settings of all daemons", "# Of the next version: settings of all daemons"))
    assert delivered.read_text() != text
    log = directory / "deploy/debian/changelog"
    log.write_text(re.sub(r"\(([^)]+)\)", r"(\1+next)", log.read_text(), count=1))
    return number


def depends(deb):
    """The names of the packages that a package needs, the first of each choice."""
    text = subprocess.run(["dpkg-deb", "-f", deb, "Depends"], check=True, capture_output=True, text=True).stdout
    return [re.split(r"[ (|]", part.strip())[0] for part in text.split(",")]


class Installation:
    def __init__(self, machine, directory):
        self.machine, self.directory = machine, pathlib.Path(directory)
        for name in ("pki", "mail", "whois", "story"):
            (self.directory / name).mkdir()

    def pki(self, name):
        return self.directory / "pki" / name

    # ---- the steps

    def install(self, deb):
        self.machine.write(f"/root/{deb.name}", deb.read_bytes())
        return self.machine.run("dpkg", "-i", f"/root/{deb.name}")

    def ctl(self, *words, check=True):
        return self.machine.run("inkanctl", *words, check=check)

    def configure(self, settings):
        """Changes the settings file as an editor would."""
        path = self.machine.path("/etc/inkan/inkan.conf")
        text = path.read_text(encoding="utf-8")
        for section, values in settings.items():
            for name, value in values.items():
                text = set_value(text, section, name, value)
        path.write_text(text, encoding="utf-8")

    def set_up(self):
        machine = self.machine
        machine.run("/usr/share/inkan/postgresql/setup")
        self.configure(SETTINGS)
        machine.run("systemctl", "enable", "--now", "inkan-database.service")
        self.ctl("policy", "load", "/usr/share/inkan/policy/upki-2026.conf")
        # A slow key, so that a service can be stopped with work in hand.
        self.ctl("ca", "init", "--directory", "/root/ca", "--name", "Shinsei CA 1", "--key", "rsa:4096", "--root-key", "ec:P-384",
                 "--shards", "2")
        self.hand_out_keys()
        self.fill_register()
        machine.run("systemctl", "enable", "--now", "inkan.target")

    def hand_out_keys(self):
        organisations = register.load()
        pki.make_tls(self)
        pki.make_registrars(self, register.registrars(organisations))
        pki.make_mail_signer(self)
        machine = self.machine
        machine.run("install", "-m", "600", "-t", "/etc/inkan/keys", "/root/ca/issuing.key.pem", "/root/ca/audit.key.pem")
        machine.write("/etc/inkan/keys/mail.key.pem", self.pki("mail.key").read_bytes(), 0o600)
        machine.write("/etc/inkan/keys/link.key", os.urandom(32), 0o600)
        machine.write("/etc/inkan/mail.pem", self.pki("mail.pem").read_bytes())
        machine.write("/etc/inkan/relay-ca.pem", self.pki("tls-ca.pem").read_bytes())
        for name, source in (("tls.pem", "tls.pem"), ("tls.key", "tls.key"), ("client-ca.pem", "registrar-ca.pem")):
            machine.write(f"/etc/inkan/ingress/{name}", self.pki(source).read_bytes(), 0o600, "inkan-ingress")
        self.pki("chain.pem").write_bytes(machine.path("/root/ca/chain.pem").read_bytes())

    def fill_register(self):
        first = register.load()[0]
        self.ctl("organisation", "add", *register.option_words({
            "name-ja": first["name_ja"], "name-en": first["name_en"], "st": first["st"], "l": first["l"],
            "issue-until": register.issue_until(first["issue_until"])}))
        for domain in first["domain"]:
            self.ctl("domain", "add", domain["name"], *register.option_words({
                "organisation": "1", "registrant-ja": domain.get("registrant_ja"), "registrant-en": domain.get("registrant_en")}))
        self.machine.write("/root/registrar.pem", self.pki("registrar.pem").read_bytes())
        registrar = first["registrar"][0]
        self.ctl("registrar", "add", "--organisation", "1", "--name", registrar["name"], "--mail", registrar["mail"],
                 "--certificate", "/root/registrar.pem")

    def start_fakes(self):
        """The WHOIS servers and the mail relay."""
        demo = TOP / "deploy/demo/whois"
        shutil.copytree(demo, self.directory / "whois", dirs_exist_ok=True)
        self.machine.start_fake(self.directory / "whois.log", *PYTHON, TOP / "tests/fakes/whois_server.py", "--dir",
                                self.directory / "whois", "--listen", "127.0.0.1:43", "--registrar", "127.0.0.1:4343",
                                "--defaults", demo)
        self.machine.start_fake(self.directory / "mailbox.log", *PYTHON, TOP / "tests/fakes/mailbox.py", "--dir",
                                self.directory / "mail", "--smtp", "127.0.0.1:25", "--certificate", self.pki("tls.pem"),
                                "--key", self.pki("tls.key"))

    # ---- using it

    def environment(self):
        """What deploy/trylib/story.py wants to know."""
        values = {"URL": "https://127.0.0.1:8443", "PUBLIC_URL": "https://127.0.0.1", "TLS_CA": self.pki("tls-ca.pem"),
                  "REGISTRAR_CERT": self.pki("registrar.pem"), "REGISTRAR_KEY": self.pki("registrar.key"),
                  "ISSUER_CHAIN": self.pki("chain.pem"), "MAIL_CA": self.pki("mail-ca.pem"), "MAIL_DIR": self.directory / "mail",
                  "STORY_DIR": self.directory / "story", **{f"HEALTH_{name.upper()}": url for name, url in HEALTH.items()}}
        return {f"INKAN_{name}": str(value) for name, value in values.items()}

    def tell_story(self):
        with self.machine.network():
            return subprocess.run([*PYTHON, TOP / "deploy/trylib/story.py"], capture_output=True, text=True, check=False,
                                  timeout=300, env=os.environ | self.environment())

    def registrar(self):
        """To be used within machine.network()."""
        env = self.environment()
        return Registrar(env, env["INKAN_REGISTRAR_CERT"], env["INKAN_REGISTRAR_KEY"])

    def health(self, daemon, path="/healthz"):
        """The status of a health endpoint, or 0 when nothing answers."""
        with self.machine.network():
            try:
                return requests.get(HEALTH[daemon] + path, timeout=10).status_code
            except requests.RequestException:
                return 0

    def wait_until_ready(self):
        for daemon in DAEMONS:
            wait_for(lambda d=daemon: self.health(d, "/readyz") == 200, f"{daemon} ready", 60)

    def query(self, sql):
        """Rows of text columns, asked as the owner of the cluster."""
        found = self.machine.run("psql", "-X", "-At", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", "inkan", "-c", sql, user="postgres")
        return [line.split("\t") for line in found.stdout.splitlines()]

    def value(self, sql):
        return self.query(sql)[0][0]
