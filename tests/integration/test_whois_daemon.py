"""The whois daemon by itself: questions put into its queue as an operator would, against the demonstration's WHOIS server."""
import psycopg2.errors
import pytest
from inkantest.instance import wait_for

NAMES = ["d1-test.ac.jp", "d2-test.ac.jp", "d3-test.org"]


@pytest.fixture
def ask(healthy):
    """Asks domains with the answers given by the WHOIS server; gives the rows of whois_answer by domain."""
    def ask(answers, timeout=30):
        for domain, text in answers.items():
            healthy.whois(domain, text)
        last = healthy.value("SELECT COALESCE(max(id), 0) FROM whois_answer")
        for domain in answers:
            healthy.query("INSERT INTO job (stage, subject) VALUES ('ask', %s)", domain)
        wait_for(lambda: not healthy.query("SELECT 1 FROM job WHERE stage = 'ask' AND subject = ANY(%s)", list(answers)),
                 "answers", timeout)
        rows = healthy.query("SELECT domain, outcome, registrant_ja, registrant_en, detail FROM whois_answer"
                             " WHERE id > %s AND domain = ANY(%s)", last, list(answers))
        assert sorted(row[0] for row in rows) == sorted(answers), "one answer each"
        return {row[0]: row[1:] for row in rows}
    yield ask
    for name in NAMES:
        healthy.whois(name, None)


def record(domain, registrant="申請大学"):
    return (f"Domain Information: [ドメイン情報]\na. [ドメイン名]  {domain.upper()}\nf. [組織名]  {registrant}\n"
            "g. [Organization]  Shinsei University\n[状態]  Connected (2030/03/31)\n[最終更新]  2026/04/01 01:02:03 (JST)\n")


def thin(domain, server):
    return (f"Domain Name: {domain.upper()}\nRegistrar WHOIS Server: {server}\n"
            ">>> Last update of WHOIS database: 2026-11-22T00:00:00Z <<<\n")


def test_found(ask):
    assert ask({"d1-test.ac.jp": record("d1-test.ac.jp")}) == {
        "d1-test.ac.jp": ("found", "申請大学", "Shinsei University", None)}


@pytest.mark.parametrize("text", [
    "#endless\n",
    record("d1-test.ac.jp").rpartition("[最終更新]")[0],
    record("d1-test.ac.jp").partition("\ng. [")[0],
    record("d2-test.ac.jp"),
    record("d1-test.ac.jp", "x" * 2000),
], ids=["endless", "cut in the record", "cut in the registrant", "another domain", "too long"])
def test_unusable_answer(ask, text):
    outcome, ja, en, detail = ask({"d1-test.ac.jp": text})["d1-test.ac.jp"]
    assert (outcome, ja, en) == ("unreachable", None, None)
    assert detail


@pytest.mark.parametrize("server", ["127.0.0.1", "localhost", "0x7f.1", "127.0.0.1:22", "[::1]", "bad_name.example",
                                    "d3-test.org\x00.example", "no-such-name.invalid"])
def test_referral_leads_nowhere_inside(ask, server):
    assert ask({"d3-test.org": thin("d3-test.org", server)})["d3-test.org"][0] == "unreachable"


def test_silent_answer_delays_nobody(healthy, ask):
    """A silent server takes the whole time limit; the other answer is there long before."""
    ask({"d1-test.ac.jp": "#silent\n", "d2-test.ac.jp": record("d2-test.ac.jp")})
    slow, quick = (healthy.value("SELECT asked FROM whois_answer WHERE domain = %s ORDER BY id DESC LIMIT 1", name)
                   for name in ("d1-test.ac.jp", "d2-test.ac.jp"))
    assert (slow - quick).total_seconds() > 1.5


def test_line_break_in_a_name_is_not_sent(healthy):
    name = "d1-test.ac.jp\r\nd2-test.ac.jp"
    healthy.query("INSERT INTO job (stage, subject) VALUES ('ask', %s)", name)
    found = wait_for(lambda: healthy.query("SELECT outcome, detail FROM whois_answer WHERE domain = %s", name), "answer")
    assert found == [("unreachable", "not a domain name")]


@pytest.mark.parametrize("deed", [
    "DELETE FROM job",
    "INSERT INTO job (stage) VALUES ('decide')",
    "INSERT INTO whois_answer (domain, outcome) VALUES ('example.ac.jp', 'found')",
    "UPDATE upload SET open_asks = 0",
    "UPDATE domain SET registrant_ja = 'x'",
    "SELECT * FROM ask_end(ARRAY[1::bigint], ARRAY[1::bigint], 'example.ac.jp')",
    "SELECT * FROM application",
])
def test_role_may_not(healthy, deed):
    with healthy.database("whois") as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(deed)


def test_forged_token_records_nothing(healthy):
    before = healthy.value("SELECT count(*) FROM whois_answer")
    healthy.query("INSERT INTO job (stage, subject, due) VALUES ('ask', 'd1-test.ac.jp', now() + interval '1 hour')")
    job = healthy.value("SELECT id FROM job WHERE subject = 'd1-test.ac.jp'")
    with healthy.database("whois") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM ask_finish(ARRAY[%s::bigint], ARRAY[-1::bigint], 'd1-test.ac.jp', 'found', 'x', 'x',"
                       " NULL, NULL, NULL)", (job,))
        assert cursor.fetchall() == []
    assert healthy.value("SELECT count(*) FROM whois_answer") == before
    assert healthy.value("SELECT count(*) FROM job WHERE id = %s", job) == 1
    healthy.query("DELETE FROM job WHERE id = %s", job)


def test_job_of_another_stage_cannot_be_ended(healthy):
    healthy.query("INSERT INTO job (stage, subject, token, due) VALUES ('crl', 'd1-test.ac.jp', -7, now() + interval '1 hour')")
    with healthy.database("whois") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM ask_finish((SELECT array_agg(id) FROM job WHERE token = -7), ARRAY[-7::bigint],"
                       " 'd1-test.ac.jp', 'found', NULL, NULL, NULL, NULL, NULL)")
        assert cursor.fetchall() == []
    healthy.query("DELETE FROM job WHERE token = -7")
