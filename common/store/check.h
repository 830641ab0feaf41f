/* The stage check: what it reads for a chunk, and how its results go in. Errors: enum db_result unless said. */
#pragma once

#include "store/db.h"
#include "store/job.h"

extern const struct statement check_scope_statement, check_lines_statement, check_seen_statement,
    check_targets_statement, check_progress_statement, check_ask_statement, check_decide_statement;

/* The upload and what the register says about its organisation. Texts live in rows. */
struct check_scope {
    struct db_rows *rows;
    int64_t organisation;
    const char *kind;
    const char *o, *st, *l;
    const char *match_key;  /* "" : as the policy says */
    struct db_bytes policy; /* of chunks that ended before; len 0: none has */
    bool checking;          /* false: decided already, nothing is left to do */
    bool expired;           /* 証明書発行有効期限 (JST, inclusive) is past */
    size_t domains_count;
    int64_t *domain_id, *domain_permitted;
    const char **domain_name;
    size_t ous_count;
    const char **ous; /* the permission list */
};

/* 1, or 0: no such upload. */
int check_scope(struct db *db, int64_t upload, struct check_scope *ret);
void check_scope_done(struct check_scope *scope);

/* Rows (seq, line) of a chunk in order. */
int64_t check_lines(struct db *db, const struct job *job, struct db_rows **ret);

/* The organisation's certificates with these serial numbers, in this order. An empty element is skipped. */
enum check_target_column {
    CHECK_TARGET_POSITION, /* from 0 */
    CHECK_TARGET_ID,
    CHECK_TARGET_MATCH_KEY,
    CHECK_TARGET_CN,
    CHECK_TARGET_O,
    CHECK_TARGET_L,
    CHECK_TARGET_ST,
    CHECK_TARGET_REVOKED, /* or null */
    CHECK_TARGET_NOT_AFTER,
    CHECK_TARGET_EXPIRED,
};
int64_t check_targets(struct db *db, int64_t organisation, const struct db_bytes *serials, size_t n,
                      struct db_rows **ret);

/*
 * Which of these names the organisation used before (renew: is renewing now), and which keys anybody did: rows (position from
 * 0, whether it is the key). A NULL element is skipped.
 */
int64_t check_seen(struct db *db, int64_t organisation, const char *const *match_keys,
                   const struct db_bytes *spki_hashes, size_t n, bool renew, struct db_rows **ret);

struct check_progress {
    int open_chunks;
    bool same_policy; /* as the chunks before */
};
/* Counts a chunk's rows and ends it. 1 and *ret, or 0: the upload is no longer being checked. */
int check_progress(struct db *db, int64_t upload, int rows_ok, int rows_ng, const void *policy, size_t policy_len,
                   struct check_progress *ret);

/*
 * Asks WHOIS about the domains of the upload's valid rows that have no answer newer than its arrival less cache_usec.
 * Returns the number of questions and one of their jobs.
 */
int64_t check_ask(struct db *db, int64_t upload, int64_t organisation, int64_t cache_usec, int64_t *ret_job);
/* Makes the decide job. 1 and its number. */
int check_decide(struct db *db, int64_t upload, int64_t organisation, int64_t *ret_job);
