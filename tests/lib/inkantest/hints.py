"""Between the senders of hints and their workers: a proxy that loses, doubles, delays and reorders them."""
import pathlib
import random
import threading
import time

import zmq

STAGES = {"ingress": ("check", "send"), "validator": ("ask", "decide", "sign", "revoke"), "whois": ("decide",), "signer": ("send",)}


class Hints:
    """senders: the value of bus.senders that leads workers to it."""

    def __init__(self, directory, real, seed):
        self.chance = random.Random(seed)
        self.mode = "pass"
        self.stopping = threading.Event()
        self.context = zmq.Context()
        self.pairs = []
        self.counts = {"taken": 0, "lost": 0, "sent": 0}
        self.senders = ""
        for sender, stages in STAGES.items():
            folder = pathlib.Path(directory) / sender
            folder.mkdir(parents=True)
            self.senders += f" ipc://{folder}"
            for stage in stages:
                pull, push = self.context.socket(zmq.PULL), self.context.socket(zmq.PUSH)
                for socket in (pull, push):
                    socket.setsockopt(zmq.LINGER, 0)
                pull.connect(f"ipc://{real[sender]}/{stage}")
                push.bind(f"ipc://{folder}/{stage}")
                (folder / stage).chmod(0o777)
                self.pairs.append((pull, push))
        self.senders = self.senders.strip()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def fate(self):
        """When each copy of a hint goes on, in seconds from now; none: it is lost."""
        mode = self.chance.choice(("lost", "doubled", "late", "pass")) if self.mode == "mixed" else self.mode
        return {"pass": [0], "lost": [], "doubled": [0] * self.chance.randint(2, 20),
                "late": [self.chance.uniform(0, 3)]}[mode]

    def run(self):
        poller, waiting = zmq.Poller(), []
        for pull, _ in self.pairs:
            poller.register(pull, zmq.POLLIN)
        push_of = dict(self.pairs)
        while not self.stopping.is_set():
            for pull, _ in poller.poll(20):
                hint = pull.recv()
                after = self.fate()
                self.counts["taken"] += 1
                self.counts["lost"] += not after
                waiting += [(time.monotonic() + seconds, push_of[pull], hint) for seconds in after]
            now = time.monotonic()
            due = [w for w in waiting if w[0] <= now]
            waiting = [w for w in waiting if w[0] > now]
            for _, push, hint in due:
                try:
                    push.send(hint, zmq.DONTWAIT)
                    self.counts["sent"] += 1
                except zmq.Again:
                    pass

    def close(self):
        self.stopping.set()
        self.thread.join()
        self.context.destroy(0)
