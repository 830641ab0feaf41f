"""検査のみ: all checks of an upload, nothing registered."""
from . import service
from .report import Table
from .samples import median


def run(bench):
    with service.running(bench) as instance:
        return [{"turn": turn, **service.upload(instance, rows, dry_run="true")} for turn, rows in bench.turns()]


def show(samples):
    yield Table("Dry run", ["rows", "seconds", "rows/s"], [[samples[0]["rows"], median(samples, "seconds"), median(samples, "rate")]])


def charts(_):
    return ()
