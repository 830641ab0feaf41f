"""The whole way of an upload, from its first byte to certificates, audit and notices committed, beside the two floors of the same run; and to
the last mail delivered."""
from . import floors, service, svg
from .report import Table, key_name
from .samples import median, values_of, where


def run(bench):
    samples = []
    for key in bench.keys:
        with service.running(bench, key) as instance:
            for turn, rows in bench.turns():
                with service.mailer_stopped(instance):
                    floor = floors.cryptography(bench, rows, key)
                    samples.append({"key": key, "turn": turn, "floor": floor, **service.upload(instance, rows)})
            samples[-1]["copy_chunks"], samples[-1]["copy_whole"] = floors.postgres(instance, samples[-1]["upload"], bench.rows)
            service.mails_ended(instance)
            rows = bench.inputs.rows(bench.rows, "mailed-")
            samples.append({"key": key, "mailed": True, **service.upload(instance, rows, mailed=True)})
    return samples


def show(samples):
    lines = []
    for key in values_of(samples, "key"):
        queued, mailed = where(samples, key=key, mailed=None), where(samples, key=key, mailed=True)
        copied = [s for s in queued if "copy_whole" in s]
        lines.append([key_name(key), queued[0]["rows"], median(queued, "floor"), median(queued, "rate"), median([s["floor"] / s["rate"] for s in queued]),
                      median(mailed, "rate"), median(copied, "copy_chunks"), median(copied, "copy_whole")])
    yield Table("Whole way, rows a second: to certificates, audit and notices committed (mailer stopped), and to the last mail taken by the relay;"
                " beside the cryptographic floor and PostgreSQL's (COPY of the same rows, a commit a chunk and one for all)",
                ["issuing key", "rows", "floor", "whole way", "floor / whole way", "all mails", "COPY, chunks", "COPY, whole"], lines)


def charts(samples):
    pairs = []
    for key in values_of(samples, "key"):
        queued, mailed = where(samples, key=key, mailed=None), where(samples, key=key, mailed=True)
        copied = [s for s in queued if "copy_whole" in s]
        pairs += [(f"{key_name(key)}, cryptographic floor", median(queued, "floor")), (f"{key_name(key)}, COPY by chunks", median(copied, "copy_chunks")),
                  (f"{key_name(key)}, whole way", median(queued, "rate")), (f"{key_name(key)}, all mails", median(mailed, "rate"))]
    yield "way", svg.bars("The whole way beside its floors", f"rows a second, uploads of {samples[0]['rows']:,} rows", pairs)
