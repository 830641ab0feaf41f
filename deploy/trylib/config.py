"""inkan.conf for this instance, a copy of the policy, and where --set puts a value."""
import re

from build import CHECKOUT
from failure import Failure
from instance import DAEMONS, SENDERS
from pki import MAIL_FROM

LINE_BYTES_MAX = 198  # inih as Debian builds it cuts longer ones in two, without a word
POLICY = CHECKOUT / "deploy/policy/upki-2026.conf"
REFERRAL = "whois.registrar.example.com"  # the name that deploy/demo/whois/example.org.txt refers to
CA_DEFAULTS = {"key": "rsa:2048", "root_key": None, "shards": None}  # None: as inkanctl ca init has it


class Overrides:
    """The values of --set, sorted by where they belong: the policy, the making of the CA, or the settings."""

    def __init__(self, texts):
        self.policy_text = POLICY.read_text(encoding="utf-8")
        sections = set(re.findall(r"^\[([^]]+)\]", self.policy_text, re.M))
        self.ca, self.settings = dict(CA_DEFAULTS), {}
        for text in texts:
            match = re.fullmatch(r"([^.=]+)\.([^=]+)=(.*)", text, re.S)
            if not match or "\n" in text:
                raise Failure(f"--set {text}: expected SECTION.NAME=VALUE")
            section, name, value = match.groups()
            if section == "ca":
                if name not in CA_DEFAULTS:
                    raise Failure(f"--set {text}: the CA has only {', '.join(CA_DEFAULTS)}")
                self.ca[name] = value
            elif section in sections:
                self.policy_text = set_value(self.policy_text, section, name, value)
            else:
                self.settings.setdefault(section, {})[name] = value


def set_value(text, section, name, value):
    """The INI text with section.name = value: in place of the first line that has the name, else a new line."""
    head, start, rest = text.partition(f"[{section}]")
    body, following, tail = rest.partition("\n[")
    line = f"{name} = {value}"
    changed, count = re.subn(rf"^{re.escape(name)}\s*=.*$", lambda _: line, body, count=1, flags=re.M)
    return head + start + (changed if count else f"\n{line}{body}") + following + tail


def settings(instance):
    """Everything a daemon must be told here, by section."""
    return {
        "database": {"uri": instance.database_uri},
        "bus": {"senders": " ".join(f"ipc://{instance.bus(name)}" for name in SENDERS)},
        "job": {"lease": "5s"},
        "health": {name: instance.address(f"health_{name}") for name in DAEMONS},
        "pki": {"url": f"http://{instance.address('pki')}"},
        "public": {"url": f"https://{instance.address('public')}"},
        "ingress": {
            "registrar_listen": instance.address("registrar"),
            "public_listen": instance.address("public"),
            "pki_listen": instance.address("pki"),
            "tls_certificate": instance.keys("ingress") / "tls.pem",
            "tls_key": instance.keys("ingress") / "tls.key",
            "client_ca": instance.keys("ingress") / "registrar-ca.pem",
            "spool": instance.state("ingress"),
        },
        "validator": {"weak_keys": CHECKOUT / "deploy/debian-weak-keys.txt"},
        "whois": {
            "servers": f".={instance.address('whois_server')}",
            "referrals": f"{REFERRAL}={instance.address('whois_registrar')}",
            "cache": "0",
            "timeout": "3s",
            "gap": "0",
        },
        "signer": {
            "key": f"file:{instance.keys('signer') / 'issuing.key'}",
            "audit_key": f"file:{instance.keys('signer') / 'audit.key'}",
        },
        "mailer": {
            "smtp": f"smtp://{instance.address('smtp')}",
            "starttls": "required",
            "ca": instance.keys("mailer") / "tls-ca.pem",
            "from": MAIL_FROM,
            "certificate": instance.keys("mailer") / "mail.pem",
            "key": f"file:{instance.keys('mailer') / 'mail.key'}",
            "link_key": instance.keys("mailer") / "link.key",
            "head_file": instance.state("mailer") / "audit-heads",
            "retry_min": "1s",
            "retry_max": "10s",
        },
    }


def ini(sections):
    text = "\n".join(f"[{section}]\n" + "".join(f"{name} = {value}\n" for name, value in values.items())
                     for section, values in sections.items() if values)
    long = [line for line in text.splitlines() if len(line.encode()) > LINE_BYTES_MAX]
    if long:
        raise Failure(f"a line of the settings is longer than {LINE_BYTES_MAX} bytes: {long[0]}")
    return text


def write_settings(instance, overrides):
    """CONF/<daemon>.conf and CONF/<daemon>-2.conf (for a second instance, without a health endpoint): the same settings
    but for the place where hints are bound, which must be a sender's own. CONF/inkan.conf is for inkanctl."""
    instance.conf.mkdir()
    common = settings(instance)
    for section, values in overrides.settings.items():
        common.setdefault(section, {}).update(values)
    (instance.conf / "policy.conf").write_text(overrides.policy_text, encoding="utf-8")
    (instance.conf / "inkan.conf").write_text(ini(common), encoding="utf-8")
    for daemon in DAEMONS:
        for number in ("", "-2"):
            own = {section: dict(values) for section, values in common.items()}
            if daemon in SENDERS:
                own["bus"].setdefault("bind", f"ipc://{instance.bus(daemon + number)}")
            if number:
                own["health"][daemon] = ""
            (instance.conf / f"{daemon}{number}.conf").write_text(ini(own), encoding="utf-8")


def settings_of(instance, daemon):
    return instance.conf / f"{daemon}.conf"
