"""A random schedule of links that are cut and heal, the same for the same seed."""
import random
import time

PAIRS = (("front", "data"), ("work", "data"), ("sign", "data"), ("data", "copy"), ("front", "work"), ("front", "sign"), ("work", "sign"))
WAYS = ("both", "there", "back")
SECONDS = (0.3, 1, 3, 8)
AT_ONCE_MAX = 2


class Links:
    def __init__(self, net, directory, seed=0):
        self.net, self.chance = net, random.Random(seed)
        self.log = open(directory / "links.log", "a", encoding="utf-8")
        self.begin = time.monotonic()
        self.later = []  # (when, what, undo)
        self.struck = set()
        self.kinds = [*PAIRS, *((name,) for name in net.hosts)]

    def say(self, text):
        self.log.write(f"{time.monotonic() - self.begin:7.2f} {text}\n")
        self.log.flush()

    def undo(self, seconds, what, action, *args):
        self.later.append((time.monotonic() + seconds, what, action, *args))

    def cut(self, one, other, way="both", seconds=float("inf")):
        """Silently: what goes this way is lost."""
        self.say(f"{one} and {other}: {way} for {seconds} s")
        for source, target, ways in ((one, other, ("both", "there")), (other, one, ("both", "back"))):
            if way in ways and self.net.lose(source, target):
                self.undo(seconds, f"{source} reaches {target}", self.net.carry, source, target)

    def down(self, name, seconds):
        """The host's link as a whole; it can see that."""
        self.say(f"{name} is down for {seconds} s")
        if self.net.down(name):
            self.undo(seconds, f"{name} is up", self.net.up, name)

    def strike(self, kind):
        seconds = self.chance.choice(SECONDS)
        if len(kind) == 1:
            self.down(*kind, seconds)
        else:
            self.cut(*kind, self.chance.choice(WAYS), seconds)
        self.struck.add(kind)

    def turn(self):
        now = time.monotonic()
        for entry in [e for e in self.later if e[0] <= now]:
            self.later.remove(entry)
            self.say(entry[1])
            entry[2](*entry[3:])

    def run(self, over):
        """Until over() and each kind has struck."""
        first = list(self.kinds)
        self.chance.shuffle(first)
        while first or not over():
            self.strike(first.pop() if first else self.chance.choice(self.kinds))
            pause = time.monotonic() + self.chance.uniform(0.1, 2)
            while time.monotonic() < pause or len(self.later) > AT_ONCE_MAX:
                self.turn()
                time.sleep(0.05)

    def heal(self):
        for _, what, action, *args in self.later:
            self.say(what)
            action(*args)
        self.later.clear()
