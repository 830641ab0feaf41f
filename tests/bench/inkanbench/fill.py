"""A database full of certificates, made by SQL: one organisation's, with their uploads, lines and audit."""
from inkantest.instance import wait_for

REVOKED_DOMAIN = "old.example.ac.jp"
FILL = """
SET session_replication_role = replica;
SET synchronous_commit = off;
INSERT INTO upload (id, organisation, registrar, kind, on_error, dry_run, confirmed, filename, sha256, state, rows_total, rows_ok, policy)
OVERRIDING SYSTEM VALUE
SELECT 1000000 + n, 1, 1, 'server-issue', 'skip', false, true, 'bench.tsv', sha256(n::text::bytea), 'done', 1000, 1000, (SELECT policy FROM service)
  FROM generate_series(0, ({count} - 1) / 1000) n;
CREATE UNLOGGED TABLE made AS
SELECT 10000000 + i AS id, 1000000 + (i - 1) / 1000 AS upload, (i - 1) % 1000 + 1 AS seq,
       'www' || i || '.dept' || i % 500 || CASE WHEN i <= {revoke} THEN '.{domain}' ELSE '.example.ac.jp' END AS cn,
       decode('20' || substr(md5('serial' || i), 1, 30), 'hex') AS serial,
       now() - (({count} - i) * 300 / {count} || ' days')::interval AS at
  FROM generate_series(1, {count}) i;
INSERT INTO upload_line SELECT upload, seq, convert_to(cn || E'\\t11\\t\\t\\t\\t\\t' || repeat(md5(cn), 20) || E'\\t', 'UTF8') FROM made;
INSERT INTO application (id, upload, seq, organisation, state, dn, match_key, st, l, o, cn, names, domains, profile, spki, spki_hash,
                         manager_name, manager_mail)
OVERRIDING SYSTEM VALUE
SELECT id, upload, seq, 1, 'valid', 'CN=' || cn || ',O=testkikan,L=Chiyoda-ku,ST=Tokyo,C=JP', cn, 'Tokyo', 'Chiyoda-ku', 'testkikan', cn,
       ARRAY[cn, 'alt.' || cn], ARRAY[1::bigint], 11, serial, sha256(serial), '学術' || id % 1000 || '太郎', 'manager' || id % 5000 || '@example.ac.jp'
  FROM made;
INSERT INTO dn_taken (organisation, match_key, application) SELECT 1, cn, id FROM made;
INSERT INTO key_seen (spki_hash, application) SELECT sha256(serial), id FROM made;
INSERT INTO intent (application, issuer, serial, policy, tbs)
SELECT id, 1, serial, (SELECT policy FROM service), convert_to(repeat(md5(cn), 26), 'UTF8') FROM made;
INSERT INTO certificate (id, application, organisation, issuer, serial, der, cn, spki_hash, not_before, not_after, issued, fetched)
OVERRIDING SYSTEM VALUE
SELECT id, id, 1, 1, serial, convert_to(repeat(md5(cn), 30), 'UTF8'), cn, sha256(serial), at, at + interval '397 days' - interval '1 second', at,
       CASE WHEN id % 50 <> 0 THEN at END
  FROM made;
INSERT INTO link (certificate, organisation, token_hash, state, expires, used)
SELECT id, 1, sha256(cn::bytea), CASE WHEN id % 50 <> 0 THEN 'used' ELSE 'open' END, at + interval '30 days', CASE WHEN id % 50 <> 0 THEN at END
  FROM made;
INSERT INTO notice (kind, organisation, certificate, recipient, greeting, job, state, ended)
SELECT 'issued', 1, id, 'manager' || id % 5000 || '@example.ac.jp', '', 0, 'sent', at FROM made;
INSERT INTO certificate_words SELECT 1, c.id, certificate_words(c, a) FROM certificate c JOIN application a ON a.id = c.application WHERE c.id > 10000000;
INSERT INTO certificate_facts (organisation, certificate, not_after, fetched, issued, profile)
SELECT 1, id, not_after, fetched IS NOT NULL, issued, 11 FROM certificate WHERE id > 10000000;
INSERT INTO audit_event (kind, organisation, upload, application, subject)
SELECT 'certificate_issued', 1, upload, id, encode(serial, 'hex') FROM made;
INSERT INTO audit_event (kind, organisation, upload, application, subject)
SELECT 'link_used', 1, upload, id, encode(serial, 'hex') FROM made WHERE id % 50 <> 0;
DROP TABLE made;
SET session_replication_role = DEFAULT;
ANALYZE
"""


def fill(instance, count, revoke=0):
    """So many certificates, the first of them of REVOKED_DOMAIN; returns when their audit is sealed."""
    with instance.database() as connection, connection.cursor() as cursor:
        cursor.execute(FILL.format(count=count, revoke=revoke, domain=REVOKED_DOMAIN))
    wait_for(lambda: instance.value("SELECT count(*) FROM audit_event WHERE xid >= audit_sealed()") == 0, "the seal", 600, 0.5)
