"""The cost of a row by the rows of its upload, up to 100,000; what daemons and PostgreSQL take for it: processor, memory, disk."""
import time

from inkantest.instance import DAEMONS

from . import service, svg, usage
from .report import Table
from .samples import median, values_of, where

SMALL = 1000  # of these the first upload of an instance says little: more of them
IDLE_SECONDS = 5  # daemons give memory back when they have had nothing to do for a while


def run(bench):
    samples = []
    with service.running(bench) as instance, service.mailer_stopped(instance):
        idle = usage.idle_memory_mib(instance)
        for count in bench.scaling:
            for turn in range(3 * bench.repeat if count < SMALL else bench.repeat if count < max(bench.scaling) else 1):
                rows = bench.inputs.rows(count, f"s{turn}-")
                samples.append({"turn": turn, **service.upload(instance, rows)})
        time.sleep(IDLE_SECONDS)
        samples.append({"idle_PSS_MiB": {"fresh": idle, "after all": usage.idle_memory_mib(instance)}})
    return samples


def per_row(samples):
    """[(rows, ms a row)]"""
    return [(count, 1000 * median(where(samples, rows=count), "seconds") / count) for count in values_of(samples, "rows")]


def show(samples):
    yield Table("Cost of a row by the size of the upload, P-256, mailer stopped", ["rows", "seconds", "rows/s", "ms a row"],
                [[count, median(where(samples, rows=count), "seconds"), median(where(samples, rows=count), "rate"), cost]
                 for count, cost in per_row(samples)])
    shown = [count for count in values_of(samples, "rows") if count >= SMALL]
    last = {count: where(samples, rows=count)[-1] for count in shown}
    yield Table("Processor's seconds for 10,000 rows", ["of", *(f"{c:,} rows" for c in shown)],
                [[name, *(10000 * last[c]["cpu"][name] / c for c in shown)] for name in last[shown[0]]["cpu"]])
    idle = next(s["idle_PSS_MiB"] for s in samples if "idle_PSS_MiB" in s)
    memory = [*idle.values(), *(last[c]["peak_MiB"] for c in shown)]
    yield Table("Memory, MiB: PSS when idle, greatest RSS during an upload",
                ["daemon", *(f"PSS, {name}" for name in idle), *(f"RSS, {c:,} rows" for c in shown)],
                [*([d, *(m[d] for m in memory)] for d in DAEMONS), ["together", *(sum(m.values()) for m in memory)]])
    yield Table("Disk, bytes a certificate", ["rows", "database", "write-ahead log"],
                [[c, round(last[c]["database_bytes"] / c), round(last[c]["wal_bytes"] / c)] for c in shown])


def charts(samples):
    yield "scaling", svg.line("Cost of a row by the size of the upload", "ms a row; P-256, mailer stopped", "rows of the upload", per_row(samples))
