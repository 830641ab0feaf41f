/* What the two stages of the validator share. */
#pragma once

#include <stdatomic.h>

#include "service.h"

/* Shared by all lanes. */
struct validator {
    atomic_bool no_policy; /* the last job found none in force, or none that can be read */
};

/*
 * The policy in force for a job. 1 and *ret; or 0: there is none, which is no fault of the job: it was given back for a
 * while. Negative as of service_policy().
 */
int validator_policy(struct context *c, const struct job *job, const struct policy **ret);

/* The chunks' stage: every row, every error. */
int check_work(struct context *c, const struct job *job);
/* A single row that killed its workers: it gets 940 and the upload goes on. */
int check_poison(struct context *c, const struct job *job);

/* The upload's stage: both error modes, one transaction. */
int decide_work(struct context *c, const struct job *job);
/* An upload that cannot be decided: rejected with 940. */
int decide_poison(struct context *c, const struct job *job);
