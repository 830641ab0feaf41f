/*
 * One question about one domain and all jobs that wait for its answer (single-flight): which server to ask, when its
 * spacing allows, where it refers to, and the verdict. Knows nothing of the database.
 */
#pragma once

#include "answer.h"
#include "query.h"
#include "store/job.h"

#define QUESTION_REFERRALS_MAX 2

enum question_phase {
    QUESTION_WAITING,  /* for its turn at the server */
    QUESTION_ASKING,   /* a query is under way */
    QUESTION_ANSWERED, /* verdict in answer; the database has not taken it yet */
};

struct held {
    struct held *next;
    struct job job;
    int64_t taken_usec, renewed_usec; /* monotonic */
};

struct question {
    struct question *next;
    struct held *jobs;
    char domain[HOST_MAX + 1];
    enum question_phase phase;
    struct server *servers[QUESTION_REFERRALS_MAX + 1]; /* asked so far; the last is the one to ask now */
    unsigned servers_count;
    int64_t left_usec; /* of whois.timeout; waiting for a turn does not use it up */
    int64_t asked_usec;
    struct query query;
    struct answer answer;
    char detail[256]; /* for operators */
};

/* What all questions share. */
struct asking {
    struct servers *servers;
    struct resolver *resolver;
    int64_t gap_usec, timeout_usec;
    unsigned in_flight_max, in_flight;
};

/* NULL without memory. Without a server for the domain it is answered at once. The caller owns it. */
struct question *question_new(const struct asking *a, const char *domain);
void question_free(struct asking *a, struct question *q);
/* Answers it without a query. */
void question_refuse(struct question *q, const char *detail);
/* Starts the query of a waiting question if it may start now; else *wake_usec becomes its turn if that is sooner. */
void question_try(struct asking *a, struct question *q, int64_t *wake_usec);
/* Goes on with the query of a question that is being asked. */
void question_step(struct asking *a, struct question *q, short revents);
const char *question_server(const struct question *q); /* host:port asked last, or NULL */
