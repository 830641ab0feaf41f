/*
 * Faults in a stage's work, by enumeration: its first allocation fails, in the next job the second, and so on to the last; so do its
 * statements, and their connection is cut; another worker takes the job away. What met a fault must go well when it is done again,
 * as if there had been none.
 * Linked with --wrap (meson.build): what libraries allocate is theirs, but for jansson, which takes ours.
 */
#pragma once

#include "service.h"

struct faulty {
    enum stage stage;
    void (*arrange)(void); /* makes one job of the stage */
    int (*work)(struct context *c, const struct job *job);
    void (*check)(void); /* that the job was done, once */
};

/* Before anything allocates. */
void faults_open(void);
/* Every fault that there is in the work. */
void faults_each(struct context *c, const struct faulty *f);
