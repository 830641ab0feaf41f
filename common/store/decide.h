/* The stage decide: one transaction for a whole upload. Errors: enum db_result unless said. */
#pragma once

#include "proto/stages.h"
#include "store/db.h"

extern const struct statement decide_scope_statement, decide_doubles_statement, decide_seen_statement,
    decide_domains_statement, decide_rows_of_statement, decide_amend_statement, decide_amend_all_statement,
    decide_counts_statement, decide_reserve_names_statement, decide_reserve_keys_statement, decide_refuse_statement,
    decide_finish_statement, decide_jobs_statement, decide_audit_statement, decide_revoked_statement,
    decide_managers_statement;

struct decide_scope {
    int64_t organisation;
    char kind[64];
    bool checking; /* false: decided already */
    bool skip;     /* 入力値不備のないデータのみ登録する, else 全件処理を中断する */
    bool dry_run;
    bool same_policy; /* the one given is the one of the check */
    bool active;      /* the organisation (215) */
    bool expired;     /* its 証明書発行有効期限 (902) */
};
/* Locks the upload. 1, or 0: no such upload. */
int decide_scope(struct db *db, int64_t upload, const void *policy, size_t policy_len, struct decide_scope *ret);

/* Rows of the upload that use the name, the key or the certificate of another one: (application, which, line of the other). */
enum decide_double { DECIDE_DOUBLE_NAME, DECIDE_DOUBLE_KEY, DECIDE_DOUBLE_TARGET };
int64_t decide_doubles(struct db *db, int64_t upload, struct db_rows **ret);
/* Valid rows whose name or key is reserved by now, or whose name is being renewed: (application, whether it is the key). */
int64_t decide_seen(struct db *db, int64_t upload, struct db_rows **ret);
/* Valid rows whose certificate is revoked by now: (application, when). */
int64_t decide_revoked(struct db *db, int64_t upload, struct db_rows **ret);
/*
 * The domains of the valid rows: (id, name, examined ja, examined en, still permitted, outcome of WHOIS or null, ja,
 * en, status). An answer counts when it is newer than the upload's arrival less cache_usec.
 */
int64_t decide_domains(struct db *db, int64_t upload, int64_t cache_usec, struct db_rows **ret);
/* Valid rows with names in these domains: (application, position of the domain from 0, whether the FQDN is in it). */
int64_t decide_rows_of(struct db *db, int64_t upload, const int64_t *domains, size_t n, struct db_rows **ret);

/* Adds an error to each of these rows, in column order; valid ones are refused by it. */
int64_t decide_amend(struct db *db, const int64_t *applications, const char *const *errors, size_t n);
/* Adds one error of the whole row to every row of the upload that does not have it yet. */
int64_t decide_amend_all(struct db *db, int64_t upload, const char *error);

struct decide_counts {
    int64_t rows, valid, bad; /* bad: with an error */
};
int decide_counts(struct db *db, int64_t upload, struct decide_counts *ret);

/* Reserves the names (of renewals: for the time they are under way) and the keys of the valid rows, sorted; how many. */
int64_t decide_reserve_names(struct db *db, int64_t upload);
int64_t decide_reserve_keys(struct db *db, int64_t upload);

/* The managers of the certificates that the valid rows name are from now on as these say, with an event for each; how many. */
int64_t decide_managers(struct db *db, int64_t upload);

/* Refuses the valid rows of a rejected upload; they get no error. */
int64_t decide_refuse(struct db *db, int64_t upload);
/* A job of the stage per lines valid rows; their number, and one of them. */
int64_t decide_jobs(struct db *db, int64_t upload, int64_t organisation, enum stage stage, int lines, int64_t *ret_job);
/* state and what goes with it; errors: JSON array of the file's. */
int64_t decide_finish(struct db *db, int64_t upload, const char *state, const char *errors,
                      const struct decide_counts *counts, int64_t open_chunks);
/* One event of the upload, and one for each refused row if rows. */
int64_t decide_audit(struct db *db, int64_t upload, const char *kind, const char *detail, bool rows);
