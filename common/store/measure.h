/*
 * What daemons measure at each scrape (common/service.h, measure). Times in seconds since 1970, ages in seconds.
 * Errors: enum db_result.
 */
#pragma once

#include "store/db.h"

/* Usec for which a commit of this role's sessions has waited for the synchronous replica; 0: none waits. */
int64_t commit_wait(struct db *db);
extern const struct statement commit_wait_statement;
/* → halted, age of the oldest event without a seal (0: none), when a head last left (null: never) */
extern const struct statement measure_signing_statement;
/* → id, certificate, whether it signs today, the earliest nextUpdate of its CRLs (0: a shard has none yet) */
extern const struct statement measure_issuers_statement;
/* → mails that the relay has not taken, age of the oldest (0: none) */
extern const struct statement measure_mails_statement;
