"""What documents say, taken out of them."""
import re

from inkantest.instance import TOP


def text(name):
    return (TOP / name).read_text(encoding="utf-8")


def anchors(name):
    """The parts of a page, as links name them."""
    heads = re.findall(r"^#+ (.*)$", text(name), re.M)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def blocks(name):
    """The code blocks of a page that name a language, as (language, text), in order."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", text(name), re.M | re.S)
