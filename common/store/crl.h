/*
 * CRLs: a periodic job per (issuer, shard) makes the next one and puts itself back.
 * Errors: enum db_result.
 */
#pragma once

#include "store/job.h"

extern const struct statement crl_jobs_statement, crl_entries_statement, crl_store_statement;

/* Makes the jobs that are missing. Number made. */
int64_t crl_jobs(struct db *db);
/* The shard's revocations by serial: (serial, reason, revoked). A row whose serial is null says the time and next number:
 * the first row is always that one: (null, next number, now). */
int64_t crl_entries(struct db *db, int issuer, int shard, struct db_rows **ret);
/* Stores the CRL, audits it, and makes the job of the next one, due in interval_sec. */
int crl_store(struct db *db, int issuer, int shard, int64_t number, struct db_bytes der, int64_t this_update_usec,
              int64_t next_update_usec, int64_t interval_sec);
