"""Many hosts: the ingress, WHOIS and the relay on one, validator, whois and a signer on a second, another signer and the mailer on a
third, PostgreSQL and its synchronous standby on two more; the links between them are cut and heal, with a word or without.
INKAN_SOAK=MINUTES makes it 10,000 rows and goes on cutting for so long, INKAN_SEED=N repeats a schedule."""
import contextlib
import os
import random
import threading
import time

import pytest
import requests
from inkantest import life, netns, nodes
from inkantest.hosts import Estate
from inkantest.instance import Instance, wait_for
from inkantest.links import Links
from inkantest.rows import Row

SOAK_SECONDS = float(os.environ.get("INKAN_SOAK", "0")) * 60
ROWS = 10000 if SOAK_SECONDS else 1500
HOSTS = ("front", "work", "sign", "data", "copy")
PATIENCE_SECONDS = 400


@pytest.fixture(scope="module")
def estate(scratch):
    why = netns.impossible()
    if why:
        pytest.skip(why)
    life.PATIENCE_SECONDS = PATIENCE_SECONDS
    with contextlib.ExitStack() as stack:
        net = stack.enter_context(netns.net(HOSTS))
        front, work, sign, data, copy = net.hosts.values()
        instance = Instance(scratch / "hosts", ["upload.rows_max=10000", "mailer.retry_min=1s", "mailer.retry_max=2s", "mailer.timeout=5s"],
                            ["--address", front.address, "--daemons", "ingress"]).start()
        stack.callback(instance.stop)
        pair = nodes.Pair(instance, (data, copy))
        stack.callback(pair.close)
        made = Estate(instance, net, pair, {"ingress": front, "validator": work, "whois": work, "signer": work, "signer-2": sign, "mailer": sign,
                                            "validator-2": sign}, strangers=("validator-2",))
        stack.callback(made.close)
        yield made.start()


@pytest.fixture
def client(estate):
    return life.Client(estate.instance)


def end(estate, client, upload):
    """Every row has ended, on both databases, and nothing is wrong anywhere."""
    instance = estate.instance
    found = client.end(upload)
    assert found["state"] == "done" and found["rows_ng"] == 0, found
    instance.alive(180)
    life.settle(instance)
    life.check(instance, client)
    seen = instance.value("SELECT pg_current_wal_flush_lsn()")
    wait_for(lambda: estate.pair.standby.answers(f"SELECT pg_last_wal_replay_lsn() >= '{seen}'"), "the standby")
    count = "SELECT count(*) FROM certificate"
    assert estate.pair.standby.answers(count) == instance.value(count)


def test_hints_go_to_those_alone_who_have_a_key(estate, client):
    """Over every link, by CURVE; a worker whose key nobody knows hears none, and works all the same."""
    instance = estate.instance
    end(estate, client, client.send([Row() for _ in range(20)]))
    for names in (("validator",), ("whois",), ("signer", "signer-2"), ("mailer",)):
        wait_for(lambda some=names: any(instance.metric(n, "inkan_hints_received_total") for n in some), f"a hint for {names}")
    assert instance.metric("validator-2", "inkan_hints_received_total") == 0
    assert instance.metric("ingress", "inkan_bus_peers_refused_total") > 0
    seen = instance.query("SELECT DISTINCT client_addr, ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE client_addr IS NOT NULL")
    assert set(seen) == {(estate.net.hosts[name].address, True) for name in ("front", "work", "sign", "copy")}


def test_a_link_that_falls_silent_is_noticed_at_both_ends(estate, client):
    """A signer's host loses PostgreSQL without a word while rows are being signed. Both ends see it while it lasts, so that nobody holds
    a lock or a job for those who are gone, and the other signer goes on."""
    instance = estate.instance
    upload = client.send([Row() for _ in range(500)])
    wait_for(lambda: instance.value("SELECT count(*) FROM intent i JOIN application a ON a.id = i.application WHERE upload = %s",
                                    int(upload)), "the first intents")
    logs = {name: len(instance.log(name)) for name in ("validator", "whois", "signer")}
    links = Links(estate.net, instance.directory)
    links.cut("work", "data")
    work = estate.net.hosts["work"].address
    for name, length in logs.items():
        wait_for(lambda n=name, s=length: "connection lost" in instance.log(n)[s:], f"{name} sees it", 90)
    wait_for(lambda: not instance.value("SELECT count(*) FROM pg_stat_activity WHERE client_addr = %s", work), "PostgreSQL sees it", 90)
    assert client.end(upload)["state"] == "done", "the other signer"
    links.heal()
    end(estate, client, upload)


def post(instance, row, key, timeout=60):
    return instance.registrar.session.post(instance.registrar.base + "/api/v1/uploads", timeout=timeout, data=row.line(),
                                           params={"kind": "server-issue", "confirmed": "true", "filename": "a.tsv"},
                                           headers={"Content-Type": "text/tab-separated-values", "Idempotency-Key": key})


def test_what_is_not_on_both_databases_is_not_acknowledged(estate, client):
    instance = estate.instance
    links = Links(estate.net, instance.directory)
    try:
        links.cut("data", "copy")
        before = instance.value("SELECT count(*) FROM upload")
        row = Row()
        with pytest.raises(requests.RequestException):
            post(instance, row, "alone", timeout=8)
        assert instance.value("SELECT count(*) FROM upload") == before, "not even visible"
        wait_for(lambda: "database: a commit has waited for the replica" in instance.unready("ingress"), "the readiness of the ingress")
        assert instance.metric("ingress", "inkan_database_commit_wait_seconds") >= 10
    finally:
        links.heal()
    answer = client.ask("the upload", lambda: post(instance, row, "alone"))
    end(estate, client, answer.json()["id"])
    assert instance.value("SELECT count(*) FROM upload") == before + 1


def test_links_at_random(estate, client):
    instance = estate.instance
    seed = int(os.environ.get("INKAN_SEED", random.randrange(1 << 30)))
    print("INKAN_SEED", seed)
    links = Links(estate.net, instance.directory, seed)
    stop, over = time.monotonic() + SOAK_SECONDS, threading.Event()
    schedule = threading.Thread(target=links.run, args=(over.is_set,))
    schedule.start()
    try:
        upload = issue(instance, client)
        while time.monotonic() < stop:
            upload = issue(instance, client)
    finally:
        over.set()
        schedule.join()
        links.heal()
    assert links.struck == set(links.kinds)
    end(estate, client, upload)


def issue(instance, client):
    """A file that was refused because WHOIS did not answer is sent again."""
    rows = [Row(mail=f"m{i % 50}@example.ac.jp") for i in range(ROWS)]
    while client.end(upload := client.send(rows))["state"] == "rejected":
        codes = instance.query("SELECT DISTINCT e->>'code' FROM application, jsonb_array_elements(errors) e WHERE upload = %s", int(upload))
        assert codes == [("903",)], codes
    return upload


def test_the_primarys_host_is_lost_and_comes_back(estate, client):
    """Its replica is promoted while rows are in work, and all goes on there. The former primary lives on: whoever is led to it when it can be
    reached again gets nothing acknowledged. Stopped, and made anew, it is the replica."""
    instance, former = estate.instance, estate.pair.primary
    upload = client.send([Row() for _ in range(500)])
    wait_for(lambda: instance.value("SELECT count(*) FROM intent i JOIN application a ON a.id = i.application WHERE upload = %s",
                                    int(upload)), "the first intents")
    links = Links(estate.net, instance.directory)
    try:
        for name in set(HOSTS) - {former.host.name}:
            links.cut(former.host.name, name)
        estate.pair.promote()
        both = instance.env["INKAN_DATABASE_URL"]
        instance.env["INKAN_DATABASE_URL"] = f"postgresql://inkan_owner@/inkan?host={estate.pair.primary.socket}"
        found = client.end(upload)
        assert found["state"] == "done" and found["rows_ng"] == 0, found
    finally:
        links.heal()
    count, row = "SELECT count(*) FROM upload", Row()
    before = former.answers(count)
    for name in estate.places:
        instance.kill(name)
    wait_for(lambda: former.answers("SELECT count(*) FROM pg_stat_activity WHERE usename = 'inkan_ingress'"), "the ingress is led to it", 120)
    with pytest.raises(requests.ReadTimeout):
        while True:
            with contextlib.suppress(requests.ConnectionError):  # it is starting
                assert post(instance, row, "again", timeout=8).status_code == 503
    assert former.answers(count) == before
    former.stop()
    answer = client.ask("the upload", lambda: post(instance, row, "again"))
    estate.pair.attach()
    end(estate, client, answer.json()["id"])
    instance.env["INKAN_DATABASE_URL"] = both
