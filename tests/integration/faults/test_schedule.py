"""Everything at once, at random: two of each daemon, a database with a standby, and all that can happen to them, while registrars go
on working. INKAN_SOAK=MINUTES makes it last, INKAN_SEED=N repeats a schedule."""
import contextlib
import os
import pathlib
import random
import threading

import pytest
from inkantest import chaos, hints, life, nodes
from inkantest.instance import Instance
from inkantest.rows import Manager, Revocation, Row, new_name

SECONDS = float(os.environ.get("INKAN_SOAK", "0")) * 60 or 70
PATIENCE_SECONDS = 400
OTHER = {"O": "Other University", "L": "Suita", "ST": "Osaka", "C": "JP"}


class Worker(threading.Thread):
    """A registrar at work: files of every kind, good and bad, and links that managers use."""

    def __init__(self, instance, registrar, organisation, domain, seed):
        super().__init__()
        self.client = life.Client(instance, registrar)
        self.organisation, self.domain = organisation, domain
        self.chance = random.Random(seed)
        self.stopping = threading.Event()
        self.certificates, self.failure = [], None

    def row(self, **kw):
        return Row(new_name(self.domain), organisation=dict(self.organisation), mail=f"m{self.chance.randrange(9)}@{self.domain}", **kw)

    def issue(self):
        rows = [self.row() for _ in range(self.chance.choice((1, 1, 5, 60)))]
        bad = [self.row(dns_names="nonsense")] if self.chance.random() < 0.4 else []
        on_error = self.chance.choice(("abort", "skip"))
        upload = self.client.end(self.client.send(rows + bad, on_error=on_error))
        if on_error == "abort" and bad:
            assert upload["state"] == "rejected", upload
        if upload["state"] == "done":
            self.certificates += [(row, entry) for row, entry in zip(rows, upload["rows"]) if entry["result"] == "OK"]

    def dry_run(self):
        self.client.apply([self.row()], "done", dry_run="true")

    def take(self):
        return self.certificates.pop(self.chance.randrange(len(self.certificates)))

    def renew(self):
        row, entry = self.take()
        self.client.end(self.client.send([Row(row.name, entry["serial"], organisation=dict(self.organisation), mail=row.mail)], kind="server-renew"))

    def revoke(self):
        row, entry = self.take()
        self.client.end(self.client.send([Revocation(row.dn, entry["serial"], "5")], kind="server-revoke"))

    def manage(self):
        row, entry = self.take()
        self.client.end(self.client.send([Manager(row.dn, entry["serial"], f"new@{self.domain}")], kind="manager-update"))

    def fetch(self):
        self.client.fetch(self.take()[0])

    def run(self):
        try:
            while not self.stopping.is_set():
                later = (self.renew, self.revoke, self.manage, self.fetch) if self.certificates else ()
                self.chance.choice((self.issue, self.issue, self.dry_run, *later))()
        except BaseException as error:  # pylint: disable=broad-except
            self.failure = error


@pytest.fixture
def world(scratch):
    life.PATIENCE_SECONDS = PATIENCE_SECONDS
    instance = Instance(scratch / "schedule", ["upload.rows_max=5000", "mailer.retry_min=1s", "mailer.retry_max=2s",
                                               "mailer.head_to=head@example.ac.jp"]).start()
    stage = pathlib.Path(instance.env["INKAN_BIN_DIR"]).parent
    seed = int(os.environ.get("INKAN_SEED", random.randrange(1 << 30)))
    print("INKAN_SEED", seed)
    with contextlib.ExitStack() as stack:
        proxy = hints.Hints(stage / "h", {sender: stage / "b" / sender for sender in hints.STAGES}, seed)
        stack.callback(proxy.close)
        pair = nodes.Pair(instance)
        stack.callback(pair.close)
        stack.callback(instance.stop)
        pair.take_over(proxy.senders)
        yield instance, pair, proxy, seed


def test_everything_at_random(world):
    instance, pair, proxy, seed = world
    disorder = chaos.Chaos(instance, pair, proxy, seed)
    disorder.start_seconds()
    workers = [Worker(instance, instance.registrar, {"O": "testkikan", "L": "Chiyoda-ku", "ST": "Tokyo", "C": "JP"}, domain, f"{seed} {domain}")
               for domain in ("example.ac.jp", "example.jp")] + [Worker(instance, instance.registrar2, OTHER, "other.ac.jp", f"{seed} other")]
    for worker in workers:
        worker.start()
    keeper = chaos.Keeper(disorder)
    try:
        disorder.run(SECONDS)
    finally:
        for worker in workers:
            worker.stopping.set()
        disorder.over()
        keeper.start()
        for worker in workers:
            worker.join(PATIENCE_SECONDS)
    try:
        assert [worker.failure for worker in workers] == [None] * len(workers)
        assert not any(worker.is_alive() for worker in workers)
        instance.alive(180)
        life.settle(instance)
        life.check(instance, *(worker.client for worker in workers))
        assert len({upload for worker in workers for upload in worker.client.received}) >= 3
    finally:
        keeper.close()
    assert disorder.stop_seconds() == [0] * len(chaos.WORKERS)
