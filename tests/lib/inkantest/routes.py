"""The ingress's route tables, read from its sources, so that no route can be forgotten by a test of all of them."""
import dataclasses
import re

from inkantest.instance import TOP

ROUTE = re.compile(r'\{LISTENER_(\w+), "(\w+)", "([^"]+)", ACCESS_(\w+)')


@dataclasses.dataclass(frozen=True)
class Route:
    listener: str
    method: str
    pattern: str
    access: str

    def path(self, *segments):
        """The pattern with its {…} filled in."""
        given = iter(segments)
        return re.sub(r"\{\*?\}", lambda _: next(given), self.pattern)

    def __str__(self):
        return f"{self.listener} {self.method} {self.pattern}"


def all_routes():
    found = [Route(*m) for path in sorted((TOP / "services/ingress").rglob("*.c")) for m in ROUTE.findall(path.read_text())]
    assert len(found) > 20, "the tables look different now: mend ROUTE"
    return found
