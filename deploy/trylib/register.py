"""Fills the database: schema, policy, issuing CA, and the demonstration's register, all by inkanctl."""
import datetime
import tomllib

from build import CHECKOUT
from command import run

REGISTER = CHECKOUT / "deploy/demo/register.toml"
JST = datetime.timezone(datetime.timedelta(hours=9))
LIMIT_DAYS = 365


def load():
    return tomllib.loads(REGISTER.read_text(encoding="utf-8"))["organisation"]


def ctl_command(instance):
    return [instance.bin / "inkanctl", "--config", instance.conf / "inkan.conf"]


def ctl(instance, *words):
    return run([*ctl_command(instance), *words], "inkanctl " + " ".join(map(str, words[:2])))


def registrars(organisations):
    """Every registrar with the English name of the organisation."""
    return [registrar | {"organisation": organisation["name_en"]}
            for organisation in organisations for registrar in organisation["registrar"]]


def issue_until(text):
    if text != "+1y":
        return text
    return (datetime.datetime.now(JST).date() + datetime.timedelta(days=LIMIT_DAYS)).isoformat()


def option_words(values):
    return [word for name, value in values.items() if value is not None for word in (f"--{name}", value)]


def fill(instance, organisations, ca):
    ctl(instance, "--database", instance.database_url, "database", "migrate", CHECKOUT / "deploy/schema")
    ctl(instance, "policy", "load", instance.conf / "policy.conf")
    ctl(instance, "ca", "init", *option_words({
        "directory": instance.pki("ca"), "name": "Inkan Demonstration CA", "organisation": "Inkan Demonstration",
        "key": ca["key"], "root-key": ca["root_key"], "shards": ca["shards"]}))
    for number, organisation in enumerate(organisations, 1):
        ctl(instance, "organisation", "add", *option_words({
            "name-ja": organisation["name_ja"], "name-en": organisation["name_en"], "st": organisation["st"],
            "l": organisation["l"], "issue-until": issue_until(organisation["issue_until"])}))
        for domain in organisation["domain"]:
            ctl(instance, "domain", "add", domain["name"], *option_words({
                "organisation": number, "registrant-ja": domain.get("registrant_ja"),
                "registrant-en": domain.get("registrant_en")}))
        for registrar in organisation["registrar"]:
            ctl(instance, "registrar", "add", *option_words({
                "organisation": number, "name": registrar["name"], "mail": registrar["mail"],
                "certificate": instance.pki(registrar["file"] + ".pem")}))
