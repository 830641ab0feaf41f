"""What every certificate costs whoever issues it: the cryptography alone, and PostgreSQL storing the same rows by COPY alone."""
import contextlib
import io
import subprocess
import time

CHUNK = 1000  # rows that the service commits at once
# Each table that a row of an upload is written to until it is issued, and which of its rows are that upload's.
CERTIFICATES = "(SELECT c.id FROM certificate c JOIN application a ON a.id = c.application WHERE a.upload = %(upload)s)"
TABLES = {
    "upload_line": "upload = %(upload)s",
    "application": "upload = %(upload)s",
    "dn_taken": "application IN (SELECT id FROM application WHERE upload = %(upload)s)",
    "key_seen": "application IN (SELECT id FROM application WHERE upload = %(upload)s)",
    "intent": "application IN (SELECT id FROM application WHERE upload = %(upload)s)",
    "certificate": f"id IN {CERTIFICATES}",
    "certificate_facts": f"certificate IN {CERTIFICATES}",
    "link": f"certificate IN {CERTIFICATES}",
    "notice": f"certificate IN {CERTIFICATES}",
    "audit_event": "upload = %(upload)s",
}


def cryptography(bench, rows, key):
    """Rows per second of decoding, verifying and signing alone, a process a core."""
    out = subprocess.run([bench.build / "tests/bench/bench_floor", rows.csrs, bench.inputs.ca(key)[1]], check=True, capture_output=True,
                         text=True).stdout
    return float(out.split()[1])


def postgres(instance, upload, rows):
    """Rows per second of copying what the upload wrote into plain tables of the same columns, without index or foreign key, by one
    connection: with a commit a chunk, and with one for all."""
    rates = []
    with contextlib.closing(instance.database()) as connection, connection.cursor() as cursor:
        connection.autocommit = False
        written = {table: lines_of(cursor, table, upload) for table in TABLES}
        connection.rollback()
        for a_commit in (CHUNK, rows):
            cursor.execute("CREATE SCHEMA floor")
            for table in TABLES:
                cursor.execute(f"CREATE TABLE floor.{table} (LIKE {table})")
            connection.commit()
            chunks = -(-rows // a_commit)
            pieces = [{table: io.BytesIO(b"".join(lines[len(lines) * i // chunks:len(lines) * (i + 1) // chunks]))
                       for table, lines in written.items()} for i in range(chunks)]
            begin = time.monotonic()
            for piece in pieces:
                for table, lines in piece.items():
                    cursor.copy_expert(f"COPY floor.{table} FROM STDIN", lines)
                connection.commit()
            rates.append(rows / (time.monotonic() - begin))
            cursor.execute("DROP SCHEMA floor CASCADE")
            connection.commit()
    return rates


def lines_of(cursor, table, upload):
    out = io.BytesIO()
    cursor.copy_expert(cursor.mogrify(f"COPY (SELECT * FROM {table} WHERE {TABLES[table]}) TO STDOUT", {"upload": upload}).decode(), out)
    return out.getvalue().splitlines(keepends=True)
