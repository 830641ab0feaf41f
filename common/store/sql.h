/* Pieces of SQL that several queries share. */
#pragma once

/* A timestamptz as RFC 3339 in UTC, whatever the session's time zone is. */
#define SQL_TIME(x) "to_char((" x ") AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"

/* Of table job. What was stamped ahead of the clock was stamped by a wrong one, and its due says nothing (0014-clock.sql). */
#define SQL_JOB_IS_DUE "(due <= clock_timestamp() OR stamped > clock_timestamp() + interval '1 minute')"

/* register_changed for the rows of the CTEs `old` (may be none) and `new`. subject is SQL; $by the parameter. */
#define SQL_REGISTER_CHANGED(organisation, subject, by)                                                                \
    "told AS (INSERT INTO audit_event (kind, organisation, subject, detail)"                                           \
    " SELECT 'register_changed', " organisation ", " subject ","                                                       \
    "  jsonb_build_object('before', (SELECT to_jsonb(old) FROM old), 'after', to_jsonb(new), 'by', " by "::text)"      \
    " FROM new) "

/*
 * What follows from the revocations of the CTE `made` (issuer, serial, certificate, shard, reason): links die, compromised keys are
 * blocked, the CRLs become due at `crl_due`. CRL jobs are locked by id, one order for all. They are made due even while somebody
 * has one: whoever reads the entries too early loses its token or comes round at once.
 */
#define SQL_REVOCATION_FOLLOWS(crl_due)                                                                                \
    "killed AS ("                                                                                                      \
    "  UPDATE link l SET state = 'revoked' FROM made WHERE l.certificate = made.certificate AND l.state = 'open'),"    \
    "blocked AS ("                                                                                                     \
    "  UPDATE key_seen k SET blocked = true FROM made JOIN certificate c ON c.id = made.certificate"                   \
    "   WHERE made.reason = 1 AND k.spki_hash = c.spki_hash),"                                                         \
    "late AS ("                                                                                                        \
    "  SELECT id FROM job WHERE stage = 'crl' AND subject IN (SELECT issuer || '-' || shard FROM made)"                \
    "   ORDER BY id FOR UPDATE),"                                                                                      \
    "published AS (UPDATE job SET due = " crl_due " FROM late WHERE job.id = late.id)"
