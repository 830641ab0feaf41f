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
