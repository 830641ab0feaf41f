/*
 * CRLs: a periodic job per (issuer, shard) makes the next one and comes round again.
 * Errors: enum db_result.
 */
#pragma once

#include "store/job.h"

extern const struct statement crl_next_statement, crl_entries_statement, crl_store_statement, crl_issuer_statement;

/* (certificate, crl_shards) of an issuer, whether it signs today or not. */
int64_t crl_issuer(struct db *db, int issuer, struct db_rows **ret);
/* Number and thisUpdate of the shard's next CRL. */
int crl_next(struct db *db, int issuer, int shard, int64_t *ret_number, int64_t *ret_now_usec);
/* A page of the shard's revocations by serial, after the one given (empty: the first): (serial, reason, revoked). */
int64_t crl_entries(struct db *db, int issuer, int shard, struct db_bytes after, int limit, struct db_rows **ret);
/* Stores the CRL and audits it. 1, or 0 when a newer one is there. */
int crl_store(struct db *db, int issuer, int shard, int64_t number, struct db_bytes der, int64_t this_update_usec,
              int64_t next_update_usec);
