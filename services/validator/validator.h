/* What the two stages of the validator share. */
#pragma once

#include "parallel.h"
#include "service.h"

struct validator {
    struct parallel *parallel; /* a thread a core for the rows of a chunk */
};

/* The chunks' stage: every row, every error. */
int check_work(struct context *c, const struct job *job);
/* A single row that killed its workers: it gets 940 and the upload goes on. */
int check_poison(struct context *c, const struct job *job);

/* The upload's stage: both error modes, one transaction. */
int decide_work(struct context *c, const struct job *job);
/* An upload that cannot be decided: rejected with 940. */
int decide_poison(struct context *c, const struct job *job);
