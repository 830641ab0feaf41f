"""One, two and four processes of a stage: validator alone, signer alone, both. Each process has a thread a core."""
import contextlib
import pathlib
import shutil

from inkantest.buses import SENDERS
from inkantest.instance import second_worker, wait_for
from inkantest.settings import settings

from . import service, svg
from .report import Table
from .samples import median, values_of, where

STAGES = (("validator",), ("signer",), ("validator", "signer"))
COUNTS = (1, 2, 4)


def socket_directory(beside, name):
    """Where a further instance binds, as deploy/try makes it for the first."""
    path, daemon = beside.with_name(name), name.partition("-")[0]
    path.mkdir(exist_ok=True)
    shutil.chown(path, f"inkan-{daemon}", "inkan")
    path.chmod(0o750)
    return f"ipc://{path}"


@contextlib.contextmanager
def working(instance, daemons, count):
    """So many of each of these daemons; everybody hears the hints of all."""
    base = pathlib.Path(instance.env["INKAN_CONF_DIR"]).parent / "b"
    further = [(d, n) for d in daemons for n in range(2, count + 1)]
    binds = {(d, n): socket_directory(base / d, f"{d}-{n}") for d, n in further}
    senders = "\n  ".join([*(f"ipc://{base / d}" for d in SENDERS), *binds.values()])
    with settings(instance, {d: {"bus": {"senders": senders}} for d in (*SENDERS, "mailer")}), contextlib.ExitStack() as stack:
        for (daemon, number), bind in binds.items():
            process = second_worker(instance, daemon, {"bus": {"senders": senders, "bind": bind}}, number)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            wait_for(lambda n=f"{daemon}-{number}": "ready" in instance.log(n), f"{daemon}-{number}")
        yield


def run(bench):
    samples = []
    with service.running(bench) as instance:
        for daemons in STAGES:
            for count in COUNTS if daemons == STAGES[0] else COUNTS[1:]:  # one of each is one of each
                with working(instance, daemons, count), service.mailer_stopped(instance):
                    for turn in range(bench.repeat):
                        rows = bench.inputs.rows(bench.rows, f"w{len(samples)}-")
                        samples.append({"stage": " and ".join(daemons), "processes": count, "turn": turn, **service.upload(instance, rows)})
    return samples


def show(samples):
    lines = [[stage, count, median(some, "rate")] for stage in values_of(samples, "stage") for count in COUNTS
             if (some := where(samples, stage=stage, processes=count))]
    yield Table(f"Processes a stage, {samples[0]['rows']:,} rows of one upload, P-256", ["stage", "processes", "rows/s"], lines)


def charts(samples):
    yield "workers", svg.bars("Processes a stage", "rows a second", [
        (f"{stage}, {count}", median(some, "rate")) for stage in values_of(samples, "stage") for count in COUNTS
        if (some := where(samples, stage=stage, processes=count))])
