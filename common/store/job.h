/*
 * Jobs: the queues of the database (table job). A job is claimable when due <= now; a claim takes a lease and a new
 * fencing token; whoever ends a job names the token, and an old one ends nothing.
 * Errors: enum db_result unless said.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/stages.h"
#include "store/db.h"

#define JOB_ATTEMPTS_MAX 3 /* a job whose lease ran out this often is poison */
#define JOB_CHUNK_MIN 25

/* Why a job is given back. */
enum job_why {
    JOB_WAITS,   /* for something else: nothing failed */
    JOB_HAPLESS, /* what failed is not the job's fault */
    JOB_FAILED,  /* counts towards poison */
};

struct job {
    int64_t id;
    enum stage stage;
    int64_t organisation; /* 0: periodic work, or a campaign's */
    int64_t upload;       /* 0: none */
    int64_t campaign;     /* 0: none */
    int seq_from, seq_to; /* lines or items of the chunk */
    char subject[256];    /* ask: the domain; crl: ISSUER-SHARD */
    int attempt;          /* 1 at the first claim */
    int64_t token;
    bool expired;   /* a former lease had run out */
    bool discarded; /* an operator gave it up */
};

extern const struct statement job_claim_statement, job_renew_statement, job_release_statement, job_end_statement,
    job_recover_statement, job_split_statement, job_next_due_statement, job_statistics_statement, job_again_statement,
    job_hold_statement;

/*
 * 1 and *ret_job, or 0: nothing due. issuers: numbers separated by blanks, the CAs whose periodic work (subject ISSUER or
 * ISSUER-SHARD) this worker can do; what belongs to others is left to those who have their keys. NULL: all. A worker of another
 * version than the database's schema is given nothing.
 */
int job_claim(struct db *db, enum stage stage, const char *worker, const char *issuers, int64_t lease_usec,
              struct job *ret_job);
/* 1, or 0: the token is old, somebody else has it. */
int job_renew(struct db *db, const struct job *job, int64_t lease_usec);
/* Gives it back, due after delay_usec. attempt stands only after JOB_FAILED. */
int job_release(struct db *db, const struct job *job, int64_t delay_usec, enum job_why why);
/* First statement of a transaction that does not end the job: 1, and nobody takes it until the commit; 0 as above. */
int job_hold(struct db *db, const struct job *job);
/* First statement of a result transaction: 1, or 0: the token is old, stop and change nothing. */
int job_end(struct db *db, const struct job *job);
/*
 * The same for periodic work, in place of job_end(): the job is free and due again in interval_sec. The row stays, so that who
 * wants the work done at once finds it. 1, or 0: the token is old, change nothing.
 */
int job_again(struct db *db, const struct job *job, int64_t interval_sec);
/* Frees what an instance of this name held before it died. Number of jobs. */
int64_t job_recover(struct db *db, const char *worker);
/* Poison: makes one job a line out of a chunk of several, in a transaction of its own; adds to upload.open_chunks. 1, or 0: the
 * token is old. */
int job_split(struct db *db, const struct job *job);
/* Usec until the next job of the stages that job_claim() would give falls due; -1: none waits. At most one second, more is
 * not told apart. */
int64_t job_next_due(struct db *db, unsigned stages, const char *issuers);
/* Lines per chunk for an upload of rows lines and workers threads: clamp(rows / (2 × threads), JOB_CHUNK_MIN, max). */
int job_chunk_lines(int rows, unsigned threads, int max);
