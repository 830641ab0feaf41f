"""A single application by the API, over a connection that is kept: until it is accepted and until it is issued, on an idle service and beside
uploads of another organisation at 80 % of the most that the same uploads come to. WHOIS is cached."""
import http.client
import json
import pathlib
import ssl
import threading
import time
import urllib.parse

from . import machine, service, svg
from .report import Table
from .samples import percentile

LOAD = 0.8
FILE = 100  # rows of an upload of the load
FILES_AT_ONCE = 8
LOAD_UPLOADS = 3  # rows of a load, in uploads of the size that is compared: long enough for what is put off meanwhile to be done too
PAUSE_SECONDS = 0.2
FDATASYNCS = 300
TARGET_MS, TARGET_FDATASYNCS = 12, 8  # p99 until accepted, idle
UPLOADS = "/api/v1/uploads"


class Client:
    """One connection with a registrar's certificate."""

    def __init__(self, instance, registrar="REGISTRAR"):
        context = ssl.create_default_context(cafile=instance.env["INKAN_TLS_CA"])
        context.load_cert_chain(instance.env[f"INKAN_{registrar}_CERT"], instance.env[f"INKAN_{registrar}_KEY"])
        url = urllib.parse.urlsplit(instance.env["INKAN_URL"])
        self.connection = http.client.HTTPSConnection(url.hostname, url.port, context=context, timeout=120)

    def ask(self, method, path, body=None):
        self.connection.request(method, path, body, {"Content-Type": "text/tab-separated-values"} if body else {})
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status in (200, 202), text
        return json.loads(text)

    def send(self, tsv):
        return self.ask("POST", f"{UPLOADS}?kind=server-issue&confirmed=true&filename=b.tsv", tsv)["id"]

    def wait(self, identifier, state):
        """Its state once it is another one."""
        return self.ask("GET", f"{UPLOADS}/{identifier}?wait=60&state={state}&result=NG")["state"]

    def wait_until(self, identifier, states, state="received"):
        while state not in states:
            state = self.wait(identifier, state)
        return state


def applications(instance, lines, beside=None):
    """[(ms until accepted, ms until issued)] of one after the other; beside a load, as long as that lasts, so seldom that they add little to it."""
    client, found, begin = Client(instance), [], 0.0
    for line in lines:
        if beside:
            time.sleep(max(0.0, begin + PAUSE_SECONDS - time.monotonic()))
        begin = time.monotonic()
        identifier = client.send(line)
        state = client.wait_until(identifier, ("accepted", "done", "rejected"))
        accepted = time.monotonic()
        state = client.wait_until(identifier, ("done", "rejected"), state)
        assert state == "done", state
        if beside and not beside.is_alive():
            break
        found.append((1000 * (accepted - begin), 1000 * (time.monotonic() - begin)))
    return found


class Load(threading.Thread):
    """Uploads of another organisation at a rate, in rows a second, or each as soon as one before it has ended."""

    def __init__(self, instance, files, rate=None):
        super().__init__(daemon=True)
        self.instance, self.files, self.rate = instance, iter(files), rate
        self.over, self.lock, self.sent, self.ended, self.late = threading.Event(), threading.Lock(), 0, 0, 0.0

    def run(self):
        self.begin = time.monotonic()
        threads = [threading.Thread(target=self.one, daemon=True) for _ in range(FILES_AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def one(self):
        client = Client(self.instance, "REGISTRAR2")
        while True:
            with self.lock:
                file, due = next(self.files, None), self.begin + self.sent * FILE / self.rate if self.rate else 0.0
                self.sent += 1
            if file is None or self.over.wait(max(0.0, due - time.monotonic())):
                return
            if self.rate:
                self.late = max(self.late, time.monotonic() - due)
            client.wait_until(client.send(file), ("done",))
            with self.lock:
                self.ended += FILE
                self.until = time.monotonic()

    def reached(self):
        """Rows a second."""
        return self.ended / (self.until - self.begin)


def files(bench, rows, prefix):
    """rows in files of FILE lines, another organisation's."""
    lines = bench.inputs.rows(rows, prefix, "other.ac.jp").tsv.read_bytes().splitlines(keepends=True)
    return [b"".join(lines[i:i + FILE]) for i in range(0, rows, FILE)]


def run(bench):
    idle, loaded = (bench.inputs.rows(bench.applications, prefix).tsv.read_bytes().splitlines(keepends=True) for prefix in ("idle-", "loaded-"))
    with service.running(bench) as instance, service.mailer_stopped(instance):
        disk = machine.fdatasync(pathlib.Path(instance.env["INKAN_CONF_DIR"]).parent, FDATASYNCS)
        samples = [{"load": 0.0, "ms": applications(instance, idle), "fdatasync_ms": disk}]
        most = Load(instance, files(bench, LOAD_UPLOADS * bench.rows, "peak-"))
        most.run()
        load = Load(instance, files(bench, LOAD_UPLOADS * bench.rows, "load-"), LOAD * most.reached())
        load.start()
        samples.append({"load": LOAD, "ms": applications(instance, loaded, load), "peak": most.reached(), "wanted": load.rate})
        load.over.set()
        load.join()
        samples[-1] |= {"reached": load.reached(), "late_ms": 1000 * load.late}
    return samples


def show(samples):
    disk = samples[0]["fdatasync_ms"]
    lines = []
    for sample in samples:
        for name, times in zip(("accepted", "issued"), zip(*sample["ms"])):
            lines.append([f"beside {sample['reached']:,.0f} rows/s" if sample["load"] else "idle", name, len(times),
                          percentile(times, 50), percentile(times, 99), max(times)])
    yield Table("A single application by the API, ms from sending it", ["service", "until", "applications", "p50", "p99", "worst"], lines)
    yield Table("The load beside it, rows/s", ["the most of the same uploads", f"{LOAD:.0%} of that", "reached"],
                [[loaded["peak"], loaded["wanted"], loaded["reached"]] for loaded in samples[1:]])
    p99 = percentile([accepted for accepted, _ in samples[0]["ms"]], 99)
    target = TARGET_MS + TARGET_FDATASYNCS * percentile(disk, 50)
    yield Table("fdatasync of 8 KiB on the database's file system, ms, and the target for p99 until accepted, idle",
                ["fdatasync p50", "p99", f"{TARGET_MS} + {TARGET_FDATASYNCS} × p50", "p99 until accepted", "met"],
                [[percentile(disk, 50), percentile(disk, 99), target, p99, "yes" if p99 <= target else "no"]])


def charts(samples):
    pairs = []
    for sample in samples:
        for name, times in zip(("accepted", "issued"), zip(*sample["ms"])):
            pairs += [(f"{name}, {'idle' if not sample['load'] else 'loaded'}, p{p}", percentile(times, p)) for p in (50, 99)]
    yield "latency", svg.bars("A single application by the API", "ms until accepted and until issued; idle and at 80 % load", pairs)
