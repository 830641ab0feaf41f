"""Searching certificates: every criterion, pages that stay whole, and what is not a pattern."""
import contextlib
import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
from inkantest.instance import wait_for
from inkantest.rows import Revocation, Row, new_name
from inkantest.uploads import issue

MARK = itertools.count(1)


def found(instance, registrar=None, **parameters):
    """Names of all pages, in their order."""
    names, cursor = [], None
    while True:
        answer = (registrar or instance.registrar).get("/api/v1/certificates", params={**parameters, "cursor": cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        names += [c["cn"] for c in page["certificates"]]
        cursor = page["next"]
        if cursor is None:
            return names


@pytest.fixture(scope="module")
def many(inkan):
    """Six certificates that share a label, the oldest first: a renewed one last, one revoked, one fetched."""
    inkan.alive()
    label = f"srch{new_name().split('.', 1)[0].rsplit('-', 1)[1]}"
    rows = [Row(name=f"n{i}.{label}.example.ac.jp", mail=f"m{i}.{label}@example.ac.jp", manager=f"検索{i}花子", dns_names="")
            for i in range(6)]
    rows[1].dns_names = f"dNSName=other-{label}.example.org"
    entries = [entry for _, entry in issue(inkan, *rows)]
    revoked = inkan.registrar.apply([Revocation(rows[2].dn, entries[2]["serial"], "4")], kind="server-revoke")
    assert revoked["state"] == "done"
    return label, rows, entries


def names(many, *indexes):
    return [many[1][i].name for i in indexes]


def test_parts(inkan, many):
    label, rows, entries = many
    everything = names(many, 5, 4, 3, 2, 1, 0)
    assert found(inkan, q=label) == everything and found(inkan, q=label.upper()) == everything
    assert found(inkan, q=f"n3.{label}") == names(many, 3)
    assert found(inkan, q=f"other-{label}") == names(many, 1)
    assert found(inkan, q=f"CN=n4.{label}.example.ac.jp") == names(many, 4)
    assert found(inkan, q=f"m5.{label}@") == names(many, 5)
    assert found(inkan, q=f"検索4花子")[0] == rows[4].name
    assert rows[4].name in found(inkan, q="花子") and rows[4].name in found(inkan, q="花")
    assert found(inkan, q=label[1:]) == everything, "in the middle of a word"


def test_serials(inkan, many):
    _, rows, entries = many
    serial = entries[0]["serial"]
    assert found(inkan, q=serial) == [rows[0].name]
    assert found(inkan, q=hex(int(serial))) == [rows[0].name]
    assert found(inkan, q=str(int(serial) ^ 1)) == []


def test_states(inkan, many):
    label, rows, entries = many
    wait_for(lambda: inkan.value("SELECT count(*) FROM notice WHERE state = 'queued'") == 0, "all mails sent")
    assert found(inkan, q=label, state="revoked") == found(inkan, q=label, state="7") == names(many, 2)
    assert found(inkan, q=label, state="valid") == found(inkan, q=label, state="4") == names(many, 5, 4, 3, 1, 0)
    for state in ("expired", "3", "5", "6", "8", "9", "10", "1"):
        assert found(inkan, q=label, state=state) == [], state
    inkan.query("UPDATE certificate SET fetched = inkan_now() WHERE cn = %s RETURNING 1", rows[0].name)
    assert found(inkan, q=label, state="5") == names(many, 0)
    inkan.query("UPDATE certificate SET fetched = NULL WHERE cn = %s RETURNING 1", rows[0].name)


def test_states_agree_with_what_each_certificate_says(inkan):
    """Whatever the other tests have left behind: the narrow tables and certificate_state() say the same."""
    said = {}
    for state, name in inkan.query("SELECT certificate_state(c), cn FROM certificate c WHERE organisation = 1 ORDER BY id DESC"):
        said.setdefault(state, []).append(name)
    for state in range(11):
        assert found(inkan, state=str(state), limit=1000) == said.get(state, []), state


def test_expiry(inkan, many):
    label, rows, entries = many
    ends = [inkan.registrar.get(f"/api/v1/certificates/{e['serial']}").json()["not_after"] for e in entries]
    everything = names(many, 5, 4, 3, 2, 1, 0)
    assert found(inkan, q=label, expires_after=min(ends)) == everything
    assert found(inkan, q=label, expires_before=min(ends)) == []
    assert found(inkan, q=label, expires_after="2099-01-01") == []
    assert found(inkan, q=label, expires_before="2099-01-01", expires_after="2020-01-01") == everything


def test_what_is_no_pattern(inkan, many):
    label = many[0]
    for q in (f"{label}%", f"n_.{label}", f"{label}\\", "'; DROP TABLE certificate_words; --", "%", "_", "\\", "qq", "x" * 255):
        assert not [name for name in found(inkan, q=q) if label in name], q


def test_pages_are_whole_while_certificates_come(inkan, many):
    """Page by page, with new ones issued in between: each of the first exactly once, in order."""
    label = many[0]
    got, cursor = [], None
    for _ in range(10):
        page = inkan.registrar.get("/api/v1/certificates", params={"q": label, "limit": 2, "cursor": cursor}).json()
        got += [c["cn"] for c in page["certificates"]]
        cursor = page["next"]
        if cursor is None:
            break
        issue(inkan, Row(name=f"late{next(MARK)}.{label}.example.ac.jp"))
    assert got == names(many, 5, 4, 3, 2, 1, 0)


def test_below_the_walk(inkan, many):
    """What is older than the newest ten thousand is found by the index over the words, and pages go on across the border."""
    label, rows, entries = many
    wait_for(lambda: inkan.value("SELECT count(*) FROM certificate_words_due") == 0, "all words in the index")
    text = inkan.value("SELECT pg_get_functiondef('certificate_search'::regproc)")
    assert "CONSTANT bigint := 10000" in text

    def define(definition):
        inkan.query(definition.replace("%", "%%") + "; SELECT 1")
    define(text.replace("CONSTANT bigint := 10000", "CONSTANT bigint := 3"))
    try:
        assert set(names(many, 5, 4, 3, 2, 1, 0)) <= set(found(inkan, q=label, limit=2))
        listed = found(inkan, q=label, limit=2)
        assert len(listed) == len(set(listed)) and listed[-6:] == names(many, 5, 4, 3, 2, 1, 0)
        assert found(inkan, q=f"other-{label}") == names(many, 1)
        assert found(inkan, q=label, state="revoked") == names(many, 2)
    finally:
        define(text)


def test_changed_data_are_found(inkan, many):
    label, rows, _ = many
    inkan.query("UPDATE certificate SET manager_mail = %s, manager_changed = inkan_now() WHERE cn = %s RETURNING 1", f"moved.{label}@example.ac.jp", rows[5].name)
    assert found(inkan, q=f"moved.{label}") == names(many, 5) and found(inkan, q=f"m5.{label}@") == []


def test_words_are_entered_while_the_manager_changes(inkan, many):
    """Who changes the manager waits for who enters the words of before, and these do not stay."""
    label, rows, _ = many
    wait_for(lambda: inkan.value("SELECT count(*) FROM certificate_words_due") == 0, "all words in the index")
    change = "UPDATE certificate SET manager_mail = %s, manager_changed = inkan_now() WHERE cn = %s RETURNING 1"
    with contextlib.closing(inkan.database()) as entering, entering.cursor() as cursor, ThreadPoolExecutor(1) as pool:
        entering.autocommit = False
        cursor.execute("INSERT INTO certificate_words_due SELECT organisation, id FROM certificate WHERE cn = %s", (rows[4].name,))
        cursor.execute("SELECT certificate_words_enter(1000)")
        changing = pool.submit(inkan.query, change, f"later.{label}@example.ac.jp", rows[4].name)
        wait_for(lambda: inkan.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                                     " AND query LIKE 'UPDATE certificate SET manager_mail%%'"), "the change waits")
        entering.commit()
        changing.result()
    for entered in (False, True):
        assert found(inkan, q=f"later.{label}") == names(many, 4) and found(inkan, q=f"m4.{label}@") == [], entered
        wait_for(lambda: inkan.value("SELECT count(*) FROM certificate_words_due") == 0, "the words of now in the index")


def test_words_do_not_wait_for_ever(inkan, many):
    """An upload that stays in work holds them back for a while only."""
    label, rows, _ = many
    job = inkan.value("INSERT INTO job (stage, turn, organisation, upload, seq_from, seq_to, due) SELECT 'check', 0, organisation, id, 1, 1,"
                      " now() + interval '1 hour' FROM upload ORDER BY id LIMIT 1 RETURNING id")
    try:
        inkan.query("INSERT INTO certificate_words_due SELECT organisation, id FROM certificate WHERE cn = %s RETURNING 1", rows[3].name)
        wait_for(lambda: inkan.value("SELECT count(*) FROM certificate_words_due") == 0, "the words in the index")
    finally:
        inkan.query("DELETE FROM job WHERE id = %s RETURNING 1", job)
    assert found(inkan, q=f"m3.{label}@") == names(many, 3)


@pytest.mark.parametrize("parameters", [{"state": "11"}, {"state": "x"}, {"expires_before": "tomorrow"}, {"expires_after": "2026-13-01"},
                                        {"limit": "0"}, {"limit": "1001"}, {"cursor": "x"}, {"q": "x" * 256}])
def test_bad_parameters(inkan, parameters):
    answer = inkan.registrar.get("/api/v1/certificates", params=parameters)
    assert answer.status_code == 400 and answer.json()["code"] == 966, answer.text
    assert next(iter(parameters)) in answer.json()["message_en"]


def test_page_has_the_same_search(inkan, many):
    label, rows, _ = many
    page = inkan.registrar.get("/certificates", params={"q": label, "state": "revoked"}, headers={"Accept": "text/html"})
    assert page.status_code == 200 and rows[2].name in page.text and rows[3].name not in page.text
    page = inkan.registrar.get("/certificates", params={"q": label, "expires_after": "2099-01-01"}, headers={"Accept": "text/html"})
    assert page.status_code == 200 and rows[2].name not in page.text
