"""The same upload and the same single applications with hints by unix sockets, by tcp:// with CURVE (over tcp:// there are no others), and with
all hints lost."""
import contextlib
import pathlib
import shutil

from inkantest import buses
from inkantest.instance import DAEMONS
from inkantest.settings import settings

from . import latency, service
from .report import Table
from .samples import median, percentile, values_of, where


@contextlib.contextmanager
def curve(instance):
    directory, bound = pathlib.Path(instance.env["INKAN_CONF_DIR"]) / "bus", buses.tcp_addresses(buses.SENDERS)
    buses.make_peers(instance, directory, DAEMONS, bound)
    with settings(instance, {name: {"bus": buses.settings_of(directory, name, bound)} for name in DAEMONS}):
        yield
    shutil.rmtree(directory)


SINGLE_WITHOUT = 10  # each takes seconds
WAYS = {"unix sockets": contextlib.nullcontext, "tcp:// with CURVE": curve,
        "none": lambda instance: settings(instance, {name: {"bus": {"send": "false"}} for name in buses.SENDERS})}


def run(bench):
    samples = []
    with service.running(bench) as instance:
        for way, arranged in WAYS.items():
            with arranged(instance), service.mailer_stopped(instance):
                instance.registrar.session.close()  # what was restarted has forgotten its connections
                single = bench.inputs.rows(bench.applications // 5, f"h{len(samples)}-").tsv.read_bytes().splitlines(keepends=True)
                times = latency.applications(instance, single[:SINGLE_WITHOUT] if way == "none" else single)
                for turn in range(bench.repeat):
                    rows = bench.inputs.rows(bench.rows, f"h{len(samples)}-")
                    samples.append({"hints": way, "turn": turn, "ms": times, **service.upload(instance, rows)})
    return samples


def show(samples):
    lines = []
    for way in values_of(samples, "hints"):
        some = where(samples, hints=way)
        accepted, issued = zip(*some[0]["ms"])
        lines.append([way, median(some, "rate"), percentile(accepted, 50), percentile(accepted, 99), percentile(issued, 50), percentile(issued, 99)])
    yield Table(f"Hints: rows a second of an upload of {samples[0]['rows']:,} rows, and ms of a single application when idle",
                ["hints", "rows/s", "accepted p50", "p99", "issued p50", "p99"], lines)


def charts(_):
    return ()
