"""More than it can take: what is refused is told so and when to come back, what is taken in is done, nobody waits for another's bulk."""
import collections
import concurrent.futures
import os
import pathlib

import pytest
import requests
from inkantest import life
from inkantest.instance import Instance, wait_for
from inkantest.rows import Row, new_name

QUEUE, PER_REGISTRAR, THREADS = 24, 16, 2
CLIENTS = 4 * QUEUE
OTHER = {"O": "Other University", "L": "Suita", "ST": "Osaka", "C": "JP"}


@pytest.fixture(scope="module")
def narrow(scratch):
    """An ingress with a short queue, so that the clients of one machine are too many for it."""
    before = os.environ.get("ASAN_OPTIONS")
    os.environ["ASAN_OPTIONS"] = "quarantine_size_mb=4"  # freed memory that ASan keeps would hide what the daemon keeps
    instance = Instance(scratch / "narrow", [f"ingress.queue={QUEUE}", f"ingress.queue_per_registrar={PER_REGISTRAR}", "upload.rows_max=5000", "job.chunk_max=100",
                                             f"ingress.database_threads={THREADS}"]).start()
    yield instance
    instance.stop()
    if before is None:
        del os.environ["ASAN_OPTIONS"]
    else:
        os.environ["ASAN_OPTIONS"] = before


def memory_kib(instance, daemon):
    text = pathlib.Path(f"/proc/{instance.pid(daemon)}/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS"))


def storm(instance, certificates, room):
    """All clients at once, each with a file of its own, while the database is slow: their answers. The database goes on when all have
    been refused for whom there is no room."""
    rows = [Row() for _ in range(8)]

    def one(number):
        session = requests.Session()
        session.trust_env, session.verify, session.cert = False, instance.env["INKAN_TLS_CA"], certificates[number % len(certificates)]
        row = rows[number % len(rows)]
        body = row.line() + b"".join(Row(row.name, key=row.key, csr=row.csr).line() for _ in range(3))  # doubles: nothing to sign
        answer = session.post(instance.env["INKAN_URL"] + "/api/v1/uploads?kind=server-issue&confirmed=true&filename=o.tsv", data=body,
                              headers={"Content-Type": "text/tab-separated-values"}, timeout=120)
        return answer, body
    blocker = instance.database()
    blocker.autocommit = False
    blocker.cursor().execute("LOCK TABLE upload IN SHARE ROW EXCLUSIVE MODE")
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        running = [pool.submit(one, number) for number in range(CLIENTS)]
        try:
            wait_for(lambda: sum(r.done() for r in running) >= CLIENTS - room, "the refusals")
        finally:
            blocker.rollback()
            blocker.close()
        return [r.result() for r in running]


def test_refusals_are_clear_and_nothing_is_lost(narrow):
    env = narrow.env
    one, two = (env["INKAN_REGISTRAR_CERT"], env["INKAN_REGISTRAR_KEY"]), (env["INKAN_REGISTRAR2_CERT"], env["INKAN_REGISTRAR2_KEY"])
    client = life.Client(narrow)
    sizes = []
    for certificates, room, status in (([one, two], QUEUE, 503), ([one], PER_REGISTRAR, 429), ([one, two], QUEUE, 503)):
        answers = storm(narrow, certificates, room)
        assert collections.Counter(answer.status_code for answer, _ in answers) == {202: room, status: CLIENTS - room}
        for answer, body in answers:
            if answer.status_code == 202:
                client.received[answer.json()["id"]] = body
            else:
                assert int(answer.headers["Retry-After"]) > 0 and answer.headers["Content-Type"] == "application/problem+json"
                assert answer.json()["code"], answer.text
        sizes.append(memory_kib(narrow, "ingress"))
    life.settle(narrow)
    life.check(narrow, client)
    assert narrow.value("SELECT count(*) FROM upload") == len(client.received) + 1, "what was refused left nothing (one is the sample's)"
    assert sizes[2] < sizes[0] * 1.2 + 16384, sizes
    stage = pathlib.Path(env["INKAN_BIN_DIR"]).parent
    assert [p.name for p in (stage / "state" / "ingress").iterdir()] == ["ocsp.key"], "no body is left in the spool"


def test_a_single_row_does_not_wait_for_anothers_bulk(narrow):
    """By the order of events: while the single row was on its way, at every stage at most a few chunks of the bulk passed it."""
    bulk, single = life.Client(narrow), life.Client(narrow, narrow.registrar2)
    large = bulk.send([Row() for _ in range(3000)])
    wait_for(lambda: narrow.value("SELECT count(*) FROM application WHERE upload = %s", int(large)) > 0, "the bulk is in work")
    small = single.send([Row(new_name("other.ac.jp"), organisation=dict(OTHER), mail="one@other.ac.jp")])
    single.end(small)
    assert narrow.value("SELECT state FROM upload WHERE id = %s", int(large)) in ("checking", "accepted"), "the bulk has not ended yet"
    bulk.end(large)
    ended = narrow.value("SELECT max(id) FROM audit_event WHERE kind = 'certificate_issued' AND upload = %s", int(small))
    later = narrow.value("SELECT count(*) FROM audit_event WHERE kind = 'certificate_issued' AND upload = %s AND id > %s", int(large), ended)
    assert later >= 250, f"only {later} rows of the bulk were issued after the single one"
    life.settle(narrow)
    life.check(narrow, bulk, single)
