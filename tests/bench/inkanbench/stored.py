"""The cost of a row by the certificates that the database holds already, all of the organisation that applies."""
from . import service, svg
from .fill import fill
from .report import Table
from .samples import median, values_of, where


def run(bench):
    samples = []
    for count in bench.stored:
        with service.running(bench) as instance, service.mailer_stopped(instance):
            fill(instance, count)
            for turn, rows in bench.turns():
                samples.append({"stored": count, "turn": turn, **service.upload(instance, rows)})
    return samples


def per_row(samples):
    """[(certificates, ms a row)]"""
    return [(count, median([1000 * s["seconds"] / s["rows"] for s in where(samples, stored=count)])) for count in values_of(samples, "stored")]


def show(samples):
    yield Table(f"Cost of a row by what is stored, uploads of {samples[0]['rows']:,} rows, P-256, mailer stopped", ["certificates", "rows/s", "ms a row"],
                [[count, 1000 / cost, cost] for count, cost in per_row(samples)])


def charts(samples):
    yield "stored", svg.line("Cost of a row by the certificates stored", "ms a row; P-256, mailer stopped", "certificates stored", per_row(samples))
