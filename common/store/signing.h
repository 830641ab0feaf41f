/*
 * What the signing transactions read and write. T1 asks for permission and stores intents; T2 asks again and records. Both
 * hold the service's row, the organisation and its domains FOR SHARE, so that a halt or a withdrawn permission waits for the
 * signing in flight and is seen by the next.
 * Errors: enum db_result.
 */
#pragma once

#include "store/job.h"

extern const struct statement signing_gate_statement, signing_load_statement, signing_intents_statement,
    signing_void_statement, signing_record_statement, signing_fail_statement, signing_progress_statement,
    signing_issuer_statement, issuer_jobs_statement, issuer_all_statement;

struct signing_gate {
    bool halted;
    int64_t now_usec;   /* inkan_now(): the date of issuance */
    uint8_t policy[32]; /* in force; zeros: none */
    int issuer;         /* that signs today; 0: none */
};

/* Takes the locks. 1; 0 when the service's row is missing. */
int signing_gate(struct db *db, int64_t organisation, struct signing_gate *ret);

/* The rows of the chunk that are accepted and have no certificate, by line. */
enum signing_column {
    SIGNING_ID,
    SIGNING_O,
    SIGNING_ST,
    SIGNING_L,
    SIGNING_CN,
    SIGNING_NAMES,
    SIGNING_PROFILE,
    SIGNING_SPKI,
    SIGNING_PERMITTED,   /* organisation active, O, ST and L as registered, OUs on the permission list */
    SIGNING_DOMAINS,     /* names of the row's domains that are permitted now */
    SIGNING_SAME_POLICY, /* checked under the policy in force */
    SIGNING_SERIAL,      /* of the standing intent, or null */
    SIGNING_TBS,
    SIGNING_STALE, /* of another policy or issuer, or older than 24 h */
    SIGNING_OUS,
    SIGNING_STOPPED, /* a campaign selected it */
    SIGNING_BLOCKED, /* its key was reported as compromised */
};
int64_t signing_load(struct db *db, const struct job *job, int issuer, struct db_rows **ret);

/* Stores intents with the name of the lint that found nothing wrong in them; returns how many were new. One that stands already is left alone: load again and use it. */
int64_t signing_intents(struct db *db, int issuer, const char *lint, const int64_t *applications,
                        const struct db_bytes *serials, const struct db_bytes *tbs, size_t n);
/* Gives the standing intents of these rows up: voided, audited, their serials on the CRL for good. */
int64_t signing_void(struct db *db, const int64_t *applications, size_t n);

/*
 * Certificates with their links, notices, send job and audit, for those of the rows that are still permitted. A row per
 * certificate recorded (application, send job).
 */
struct signing_result {
    const int64_t *applications, *not_before_usec, *not_after_usec;
    const struct db_bytes *serials, *ders;
    size_t n;
};
int64_t signing_record(struct db *db, const struct job *job, int issuer, int link_days,
                       const struct signing_result *result, struct db_rows **ret);

/* Rows that cannot be issued: state, error, name freed, audit. errors: a stored error (JSON) each. How many failed now: a row
 * with a certificate does not. */
int64_t signing_fail(struct db *db, const int64_t *applications, const char *const *errors, size_t n);
/* One chunk less, failed rows counted over; 1 and *ret_done when the upload ended with it. */
int signing_progress(struct db *db, int64_t upload, int64_t failed, bool *ret_done);

/* One row: id, certificate and crl_shards of the issuer that signs today (nulls: none), halted, inkan_now(). */
int64_t signing_issuer(struct db *db, struct db_rows **ret);
/* Makes the periodic jobs of the issuing CA in force that are missing: its CRLs, its OCSP responders. Number made. */
int64_t issuer_jobs(struct db *db);
int64_t issuer_all(struct db *db, struct db_rows **ret); /* (id, certificate) of every issuing CA */
