"""What tests do with uploads again and again."""
from inkantest.rows import Row


def issue(instance, *rows):
    """Certificates for rows (one row by default): pairs of row and entry."""
    rows = rows or (Row(),)
    upload = instance.registrar.apply(rows)
    assert upload["state"] == "done", upload
    return list(zip(rows, upload["rows"]))


def codes(upload):
    """(code, column) of each error, a list a row."""
    return [[(e["code"], e["column"]) for e in row["errors"]] for row in upload["rows"]]


def revoke_unseen(instance, serial):
    """A revocation, its event and the manager's notice as sent, without what else comes of one: as another process's that has just
    committed."""
    instance.query("WITH made AS (INSERT INTO revocation (issuer, serial, certificate, shard, reason)"
                   " SELECT issuer, serial, id, 0, 5 FROM certificate WHERE serial = decode(lpad(%s, 32, '0'), 'hex') RETURNING serial, certificate),"
                   " told AS (INSERT INTO notice (kind, organisation, certificate, recipient, greeting, job, state, ended)"
                   "  SELECT 'revoked', c.organisation, c.id, 'unseen@example.ac.jp', '', 0, 'sent', now() FROM made"
                   "  JOIN certificate c ON c.id = made.certificate)"
                   " INSERT INTO audit_event (kind, subject) SELECT 'certificate_revoked', encode(serial, 'hex') FROM made RETURNING 1",
                   f"{int(serial):x}")
