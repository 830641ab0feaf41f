/*
 * Ask jobs: the WHOIS questions of uploads. The whois role may end them through these two functions alone
 * (deploy/schema/0004-whois.sql); several jobs, of several uploads, may wait for one answer.
 * Errors: enum db_result.
 */
#pragma once

#include "store/job.h"

extern const struct statement ask_finish_statement, ask_reuse_statement;

/* Texts: NULL = not told. */
struct ask_answer {
    const char *domain;
    const char *outcome; /* found, not_found, unreachable */
    const char *registrant_ja, *registrant_en, *status;
    const char *server; /* host:port */
    const char *detail;
};

/*
 * Ends the jobs whose tokens still stand and records the answer, in one transaction. Returns their number: 0 = all tokens
 * were old and nothing was recorded. The rows (the caller's): a row per job ended, read with the functions below.
 */
int64_t ask_finish(struct db *db, const int64_t *jobs, const int64_t *tokens, size_t n, const struct ask_answer *answer,
                   struct db_rows **ret);
/*
 * Ends one job without a query if an answer is there that is at most cache_usec older than its upload; unreachable ones
 * do not count. 1 or 0.
 */
int64_t ask_reuse(struct db *db, const struct job *job, int64_t cache_usec, struct db_rows **ret);

int64_t ask_ended_job(const struct db_rows *rows, size_t row);
int64_t ask_decide_job(const struct db_rows *rows,
                       size_t row); /* the decide job that this made; 0: questions are open */
