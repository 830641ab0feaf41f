"""What the work of a row reads does not depend on what statistics say: they are of another time than the upload."""
from inkantest.instance import wait_for
from inkantest.rows import Row

ROWS = 200
READ = """SELECT sum(seq_tup_read), sum(idx_scan), sum(n_tup_ins) FILTER (WHERE relname = 'link') FROM pg_stat_user_tables
  WHERE relname IN ('intent', 'link', 'key_seen', 'dn_taken')"""


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
