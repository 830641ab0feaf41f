/*
 * Reminders: what is due is judged at that moment and becomes notices, or nothing.
 * Errors: enum db_result.
 */
#pragma once

#include "store/job.h"

extern const struct statement mailer_jobs_statement, remind_due_statement;

/* Makes the mailer's periodic jobs that are missing: remind, head. */
int mailer_jobs(struct db *db);
/*
 * Takes at most limit reminders that are due, inside a transaction. Those still wanted become notices with a send job for each
 * organisation; of expiry notices the next one follows. expiry_days: the policy's, descending. How many were taken.
 */
int64_t remind_due(struct db *db, int limit, const int32_t *expiry_days, size_t expiry_count, int64_t *ret_job);
