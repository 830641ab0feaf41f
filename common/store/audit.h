/*
 * Reading the audit. Pages by key, so that no transaction spans a long walk: sealed events never change.
 * The caller frees *ret. Errors: enum db_result.
 */
#pragma once

#include "store/db.h"

extern const struct statement audit_seals_statement, audit_events_statement, audit_tail_statement, audit_keys_statement,
    audit_list_statement, audit_counts_statement;

/* Columns: number, xid_from, xid_to, events, digest, previous, key, signature. Ascending, after the number given. */
int64_t audit_seals(struct db *db, int64_t after, int64_t limit, struct db_rows **ret);

/* Columns: xid, id, at, actor, kind, organisation, upload, application, subject, detail. Those of the transactions from
 * xid_from up to, not including, xid_to, in the order of the seals, after (after_xid, after_id). */
int64_t audit_events(struct db *db, int64_t xid_from, int64_t xid_to, int64_t after_xid, int64_t after_id,
                     int64_t limit, struct db_rows **ret);

/* One row, one snapshot: events without a seal, age of their oldest in seconds, number of the last seal. */
int64_t audit_tail(struct db *db, struct db_rows **ret);

/* One snapshot, columns: what, how many are stored, how many events tell of one, kinds of these events. */
int64_t audit_counts(struct db *db, struct db_rows **ret);

int64_t audit_keys(struct db *db, struct db_rows **ret); /* columns: id, public */
