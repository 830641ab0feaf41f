"""The same upload with the daemons on one, two and three hosts (network namespaces of this machine, which share its cores and its disk), joined
by TCP with TLS to PostgreSQL, which has a synchronous replica, and by CURVE among each other; and as on one machine, by unix sockets and
with PostgreSQL alone."""
import contextlib

from inkantest import netns, nodes
from inkantest.hosts import Estate
from inkantest.instance import DAEMONS, Instance

from . import service, svg
from .report import Table
from .samples import median, values_of, where

HOSTS = ("front", "work", "sign", "copy")
DATABASE = {"shared_buffers": "256MB", "max_wal_size": "2GB", "wal_compression": "on"}  # as deploy/try has it
PLACES = {"1 host": {}, "2 hosts": {"validator": "work", "signer": "work"}, "3 hosts": {"validator": "work", "signer": "sign"}}


@contextlib.contextmanager
def spread(bench, places):
    with netns.net(HOSTS) as net, contextlib.ExitStack() as stack:
        front = net.hosts["front"]
        instance = Instance(bench.scratch / f"instance-{next(bench.numbers)}", ["ca.key=ec:P-256", *service.SETTINGS],
                            ["--address", front.address, "--daemons", "ingress"]).start()
        stack.callback(instance.stop)
        pair = nodes.Pair(instance, (front, net.hosts["copy"]), disk_bytes=None)
        stack.callback(pair.close)
        pair.primary.fixed, pair.standby.fixed = dict(DATABASE), dict(DATABASE)
        estate = Estate(instance, net, pair, {daemon: net.hosts[places.get(daemon, "front")] for daemon in DAEMONS})
        stack.callback(estate.close)
        estate.start()
        yield instance


def run(bench):
    samples = []
    ways = {"unix sockets": service.running(bench)} | {way: spread(bench, places) for way, places in PLACES.items()}
    for way, arranged in ways.items():
        with arranged as instance, service.mailer_stopped(instance):
            for turn in range(bench.repeat):
                rows = bench.inputs.rows(bench.rows, f"n{len(samples)}-")
                made = service.upload(instance, rows)
                samples.append({"hosts": way, "turn": turn, **{name: made[name] for name in ("rows", "seconds", "rate")}})
    return samples


def show(samples):
    lines = [[way, median(where(samples, hosts=way), "rate")] for way in values_of(samples, "hosts")]
    yield Table(f"Hosts, {samples[0]['rows']:,} rows of one upload, P-256", ["hosts", "rows/s"], lines)


def charts(samples):
    yield "hosts", svg.bars("Hosts", "rows a second", [(way, median(where(samples, hosts=way), "rate")) for way in values_of(samples, "hosts")])
