/*
 * Campaigns: what the signer reads and writes while it revokes the items of one, chunk by chunk. What an operator selects is in
 * operator.h.
 * Errors: enum db_result.
 */
#pragma once

#include "store/job.h"

extern const struct statement campaign_record_statement, campaign_fail_statement, campaign_progress_statement;

/*
 * Revokes the chunk's certificates, as revoking_record() does; managers are told of each, registrars at the end. CRLs become due
 * a little later, so that they are made once for many chunks. How many; *ret_job is the send job.
 */
int64_t campaign_record(struct db *db, const struct job *job, int64_t *ret_job);
/* The chunk's items that stand without a revocation end with this error (a stored one, JSON). How many. */
int64_t campaign_fail(struct db *db, const struct job *job, const char *error);
/* The chunk has ended; the organisation's last one tells its registrars. 1; *ret_ended: it was the campaign's last. */
int campaign_progress(struct db *db, const struct job *job, int64_t *ret_job, bool *ret_ended);
