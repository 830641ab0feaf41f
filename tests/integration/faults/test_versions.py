"""Old and new mixed: the schema goes on to the next version while daemons of this one run and rows are in work. They take nothing more,
stop and say why; nothing is lost or counted against a row, and whoever fits the schema goes on. (Hints of another version of messages:
../test_attack_bus.py. A whole upgrade by the package: tests/systemd/test_upgrade.py.)"""
import pytest
from inkantest import life
from inkantest.instance import DAEMONS, Instance, wait_for
from inkantest.rows import Row

ROWS = 600
NEXT = "INSERT INTO schema_migration (number, name, digest) SELECT max(number) + 1, 'next', '' FROM schema_migration RETURNING number"


@pytest.fixture
def instance(scratch):
    made = Instance(scratch / "versions", ["upload.rows_max=1000", "mailer.retry_min=1s", "mailer.retry_max=2s"]).start()
    yield made
    made.stop()


def refusals(instance, version):
    return {daemon: instance.log(daemon).count(f"schema is version {version}, this program wants {version - 1}") for daemon in DAEMONS}


def test_daemons_of_the_version_before_take_nothing_and_stop(instance):
    client = life.Client(instance)
    instance.ctl("halt", "--reason", "so that the rows stay in work")
    upload = client.send([Row() for _ in range(ROWS)])
    wait_for(lambda: instance.value("SELECT count(*) FROM job WHERE upload = %s AND stage = 'sign'", int(upload)), "the signer's jobs")
    version = instance.value(NEXT)
    wait_for(lambda: all(refusals(instance, version).values()), "each daemon of before says that it was left behind")
    last = instance.value("SELECT last_value FROM job_token")  # a token for each claim
    seen = refusals(instance, version)
    wait_for(lambda: all(n > seen[d] for d, n in refusals(instance, version).items()), "each started again, and refused")
    assert instance.value("SELECT last_value FROM job_token") == last, "a job was taken"
    assert instance.value("SELECT count(*) FROM upload WHERE id = %s AND state = 'accepted'", int(upload)) == 1
    assert instance.value("SELECT max(attempt) FROM job WHERE organisation IS NOT NULL") <= 1
    instance.query("DELETE FROM schema_migration WHERE number = %s", version)
    instance.ctl("resume")
    found = client.end(upload)
    assert found["rows_ok"] == ROWS and found["rows_ng"] == 0, found
    instance.alive()
    life.settle(instance)
    life.check(instance, client)
