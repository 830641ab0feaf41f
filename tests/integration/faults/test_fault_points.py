"""Every write of every daemon and every commit fails once in each way, and every daemon dies once at each: the same end each time.

The points are found by a run without faults; those that only failures lead to (a job given back), or a machine that takes its time (a lease
renewed, which tests/store strikes in each way), are struck too as they are met.
"""
import os
import time

import pytest
from inkantest import checker, life
from inkantest.faultpoints import KINDS, FaultPoints
from inkantest.instance import DAEMONS, Instance, wait_for

# What must be among the points, or the list is not what it says.
EXPECTED = {"signing_intents/intent/INSERT", "signing_record/certificate/INSERT", "signing_record/link/INSERT", "signing_record/notice/INSERT",
            "signing_record/audit_event/INSERT", "signing_record/job/INSERT", "signing_progress/upload/UPDATE", "signing_fail/application/UPDATE",
            "signing_void/intent/UPDATE", "job_claim/job/UPDATE", "job_end/job/DELETE", "ask_finish/whois_answer/INSERT",
            "decide_reserve_names/dn_taken/INSERT", "decide_reserve_keys/key_seen/INSERT", "decide_finish/upload/UPDATE", "COPY upload_line/upload_line/INSERT",
            "upload_insert/upload/INSERT", "link_take/link/UPDATE", "link_burn/link/UPDATE", "notice_record/notice/UPDATE", "notice_tokens/link/UPDATE",
            "crl_store/crl/INSERT", "seal_insert/audit_seal/INSERT", "revoking_record/revocation/INSERT", "campaign_record/revocation/INSERT",
            "remind_due/reminder/DELETE", "signing_record/certificate_words_due/INSERT", "certificate_words/certificate_words_due/DELETE",
            "certificate_words/certificate_words/INSERT", "COMMIT/certificate_words", "COMMIT/signing_progress", "COMMIT/link_burn", "COMMIT/seal_insert", "COMMIT/upload_jobs"}


@pytest.fixture(scope="module")
def struck(scratch):
    """An instance with fault points, and the names of those that a life without faults meets."""
    instance = Instance(scratch / "points", ["job.lease=1s", "mailer.retry_min=1s", "mailer.retry_max=1s",
                                             "mailer.head_to=head@example.ac.jp"]).start()
    try:
        points = FaultPoints(instance)
        client = life.Client(instance)
        points.begin("record")
        life.live(instance, client)
        life.settle(instance)
        points.end()
        points.plain = {name for name in points.met if "job_renew" not in name}
        life.check(instance, client)
        assert not EXPECTED - points.met, sorted(points.met)
        yield instance, points, client
    finally:
        instance.stop()


def run(struck, mode, kinds, over=lambda: None, **callbacks):
    instance, points, client = struck
    points.begin(mode, **callbacks)
    try:
        life.live(instance, client)
        life.settle(instance)
    finally:
        over()
        points.end()
    instance.alive()
    life.settle(instance)
    life.check(instance, client)
    return points.missing(kinds, points.plain)


def test_each_write_fails_once_in_each_way(struck):
    assert not run(struck, "errors", KINDS)


def test_each_daemon_dies_once_at_each_statement(struck):
    """Held in the middle of the statement, and at the commit, while its daemon is killed with -9."""
    instance, points, _ = struck

    def kill(cursor, pid, application, name):
        daemon = application.removesuffix("-2")
        assert daemon in DAEMONS, name
        process = instance.pid(daemon)
        instance.kill(daemon)
        wait_for(lambda: not alive(process), f"{daemon} died", 20, 0.01)
        cursor.execute("INSERT INTO fault.released VALUES (%s)", (pid,))

    run(struck, "hold", (), on_strike=kill)
    wanted = {name if name.startswith("COMMIT/") else name.split("/")[0] for name in points.plain}
    assert not points.missing(["hold"], wanted)


def alive(pid):
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False


def test_each_commit_is_done_and_its_answer_lost(struck):
    """A commit that waits for a standby is done already; the connection is cut there, and the daemon cannot know."""
    instance, points, _ = struck
    lost, unnamed = set(), set()

    def cut(cursor):
        cursor.execute("SELECT pid, application_name FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
        for pid, application in cursor.fetchall():
            name = points.commits.pop(pid, None)
            if name is None and pid not in unnamed:  # the log, read before, has its name by the next look; or it has none
                unnamed.add(pid)
                continue
            unnamed.discard(pid)
            first = name is not None and name not in lost and application in DAEMONS
            cursor.execute(f"SELECT {'pg_terminate_backend' if first else 'pg_cancel_backend'}(%s)", (pid,))
            if first:
                lost.add(name)

    for role in ("inkan_owner", "inkan_operator"):
        instance.query(f"ALTER ROLE {role} SET synchronous_commit = local")
    commits = {name for name in points.plain if name.startswith("COMMIT/")}
    switch(instance, "nobody")
    run(struck, "record", (), over=lambda: switch(instance, ""), each_look=cut)
    assert commits <= lost, sorted(commits - lost)


def switch(instance, names):
    connection = instance.database()
    connection.cursor().execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
    connection.cursor().execute("SELECT pg_reload_conf()")
    connection.close()
    wait_for(lambda: instance.value("SHOW synchronous_standby_names") == names, "the setting")
    time.sleep(0.2)


@pytest.mark.parametrize("what,sql", [
    ("have not ended", "UPDATE upload SET state = 'accepted' WHERE id = (SELECT max(id) FROM upload WHERE state = 'done')"),
    ("counts are not those", "UPDATE upload SET rows_ok = rows_ok + 1 WHERE id = (SELECT max(id) FROM upload WHERE state = 'done')"),
    ("lines without a result", "DELETE FROM application WHERE state = 'invalid'"),
    ("without a reason", "UPDATE application SET errors = '[]' WHERE state = 'invalid'"),
    ("left something in dn_taken", "INSERT INTO dn_taken SELECT organisation, 'x' || id, id FROM application WHERE state = 'invalid' LIMIT 1"),
    ("left something in key_seen", "UPDATE key_seen SET application = (SELECT min(id) FROM application WHERE state = 'invalid')"
     " WHERE application = (SELECT min(application) FROM key_seen)"),
    ("without one certificate", "DELETE FROM certificate WHERE id = (SELECT min(id) FROM certificate)"),
    ("not what was applied for", "UPDATE certificate SET der = (SELECT der FROM certificate ORDER BY id LIMIT 1) WHERE id = (SELECT max(id) FROM certificate)"),
    ("serials twice", "UPDATE certificate SET der = (SELECT der FROM certificate ORDER BY id LIMIT 1) WHERE id = (SELECT max(id) FROM certificate)"),
    ("certificates and their events", "UPDATE audit_event SET subject = 'x' WHERE (xid, id) = (SELECT xid, id FROM audit_event WHERE kind = 'certificate_issued' LIMIT 1)"),
    ("not as it was sealed", "UPDATE audit_event SET detail = '{\"x\": 1}' WHERE (xid, id) = (SELECT xid, id FROM audit_event WHERE kind = 'certificate_issued' LIMIT 1)"),
    ("one event of their receipt", "DELETE FROM audit_event WHERE (xid, id) = (SELECT xid, id FROM audit_event WHERE kind = 'upload_received' LIMIT 1)"),
    ("serials on CRLs and revocations", "DELETE FROM revocation WHERE serial = (SELECT serial FROM revocation LIMIT 1)"),
    ("revoked serials on no CRL", "UPDATE revocation SET shard = (shard + 1) % 16 WHERE serial = (SELECT serial FROM revocation LIMIT 1)"),
    ("one notice for each of their links", "DELETE FROM notice WHERE id = (SELECT min(id) FROM notice WHERE kind = 'issued')"),
    ("sent notices that nobody got", "UPDATE notice SET message_id = gen_random_uuid() WHERE id = (SELECT min(id) FROM notice WHERE state = 'sent')"),
    ("that another got", "UPDATE notice SET recipient = 'x@example.jp' WHERE id = (SELECT min(id) FROM notice WHERE state = 'sent')"),
    ("wait for ever", "UPDATE notice SET state = 'queued' WHERE id = (SELECT min(id) FROM notice)"),
    ("jobs that have not ended", "INSERT INTO job (stage, organisation) VALUES ('send', 1)"),
    ("acknowledged and are lost", "DELETE FROM upload WHERE id = (SELECT max(id) FROM upload)"),
    ("lines are not those of the file", "UPDATE upload_line SET line = line || 'x' WHERE upload = (SELECT max(upload) FROM upload_line)"),
])
def test_the_checker_sees_it(struck, what, sql):
    """Each thing that must not be, done to the database in a transaction that is rolled back."""
    instance, _, client = struck
    connection = instance.database()
    connection.autocommit = False
    cursor = connection.cursor()
    cursor.execute("SET LOCAL session_replication_role = replica")  # no foreign keys, no triggers
    cursor.execute(sql)
    assert cursor.rowcount > 0

    def query(text, *args):
        cursor.execute(text, args)
        return cursor.fetchall()
    found = checker.troubles(query, instance.mails().values(), client.received)
    connection.rollback()
    connection.close()
    assert any(what in trouble for trouble in found), found
