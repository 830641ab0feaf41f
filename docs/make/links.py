"""Links of the pages to each other, to pictures and to files of the repository."""
import re
from urllib.parse import unquote

from make.sources import TOP


def anchors(page):
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", re.sub(r"[`*]", "", head).lower()).replace(" ", "-") for head in heads}


def broken():
    """A line for each link that leads nowhere."""
    found = []
    for page in [TOP / "README.md", *sorted((TOP / "docs").glob("**/*.md"))]:
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            if re.match(r"\w+:", link):
                continue
            path, _, anchor = unquote(link).partition("#")
            target = (page.parent / path).resolve() if path else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                found.append(f"{page.relative_to(TOP)}: {link}")
    return found
