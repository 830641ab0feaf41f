"""What the work of a row reads does not depend on what statistics say: they are of another time than the upload."""
from inkantest.instance import wait_for
from inkantest.rows import Row

ROWS = 200
READ = """SELECT sum(seq_tup_read), sum(idx_scan), sum(n_tup_ins) FILTER (WHERE relname = 'link') FROM pg_stat_user_tables
  WHERE relname IN ('intent', 'link', 'key_seen', 'dn_taken')"""
FOUND = 5000  # certificates that a search finds its own among
FILL = f"""
INSERT INTO certificate_words SELECT 1, n, E'\\nwww' || n || '.example.ac.jp\\n' FROM generate_series(1000001, 1000000 + {FOUND}) n;
INSERT INTO certificate_facts (organisation, certificate, not_after, fetched, issued, profile)
SELECT 1, n, now() + interval '100 days', true, now(), 11 FROM generate_series(1000001, 1000000 + {FOUND}) n;
ANALYZE certificate_words; ANALYZE certificate_facts;
UPDATE certificate_facts SET revoked = true WHERE certificate > 1000000;
SELECT set_config('inkan.organisation', '1', true)"""
SEARCH = "SELECT count(*) FROM certificate_search('www1000777.', NULL, 'revoked', NULL, NULL, NULL, 9223372036854775807, 100)"
WORDS_READ = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'certificate_words'"


def test_rows_are_looked_up_by_index(healthy):
    """All tables are analysed while they are small; then comes an upload that the statistics do not know."""
    healthy.registrar.apply([Row()])
    healthy.query("SELECT count(*) FROM certificate")
    with healthy.database() as connection:
        connection.autocommit = True
        connection.cursor().execute("ANALYZE")
    for daemon in ("validator", "signer"):  # plans are the sessions'
        healthy.kill(daemon)
    read, looked, links = healthy.query(READ)[0]
    upload = healthy.registrar.apply([Row() for _ in range(ROWS)])
    assert upload["rows_ok"] == ROWS
    wait_for(lambda: healthy.query(READ)[0][2] >= links + ROWS, "the statistics of the last session")
    now_read, now_looked, _ = healthy.query(READ)[0]
    assert now_read - read == 0
    assert now_looked - looked <= 20 * ROWS


def read(cursor, arrange, counted, statement):
    """(rows read in a table, first value) of a statement, which sees what arrange makes and is rolled back."""
    cursor.execute("BEGIN")
    cursor.execute(arrange)
    cursor.execute(counted)
    before = cursor.fetchone()[0]
    cursor.execute(statement)
    found = cursor.fetchone()[0]
    cursor.execute(counted)
    after = cursor.fetchone()[0]
    cursor.execute("ROLLBACK")
    return after - before, found


def test_search_for_what_has_just_been_revoked(healthy):
    """The statistics know of no revoked certificate: not each of these is held against the words of all."""
    with healthy.database() as connection, connection.cursor() as cursor:
        rows, found = read(cursor, FILL, WORDS_READ, SEARCH)
    connection.close()
    assert found == 1
    assert rows <= 3 * FOUND
