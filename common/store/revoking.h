/*
 * What a revoking transaction reads and writes. The revocation is in force when it has committed; CRLs, links and notices follow
 * from it in the same transaction.
 * Errors: enum db_result.
 */
#pragma once

#include "store/job.h"

extern const struct statement revoking_record_statement, revoking_left_statement;

/*
 * Revokes the certificates that the chunk's accepted rows name: their links die, compromised keys are blocked, the CRLs that list
 * them become due, registrars and managers are told, all audited. How many; *ret_job is the send job.
 */
int64_t revoking_record(struct db *db, const struct job *job, int64_t *ret_job);
/* The chunk's accepted rows that revoked nothing: (application, when its certificate was revoked by another, or null). */
int64_t revoking_left(struct db *db, const struct job *job, struct db_rows **ret);
