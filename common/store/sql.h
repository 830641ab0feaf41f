/* Pieces of SQL that several queries share. */
#pragma once

/* A timestamptz as RFC 3339 in UTC, whatever the session's time zone is. */
#define SQL_TIME(x) "to_char((" x ") AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"

/* register_changed for the rows of the CTEs `old` (may be none) and `new`. subject is SQL; $by the parameter. */
#define SQL_REGISTER_CHANGED(organisation, subject, by)                                                                \
    "told AS (INSERT INTO audit_event (kind, organisation, subject, detail)"                                           \
    " SELECT 'register_changed', " organisation ", " subject ","                                                       \
    "  jsonb_build_object('before', (SELECT to_jsonb(old) FROM old), 'after', to_jsonb(new), 'by', " by "::text)"      \
    " FROM new) "
