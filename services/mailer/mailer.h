/* What the files of the mailer share. */
#pragma once

#include "compose.h"
#include "parallel.h"
#include "service.h"
#include "smtp.h"

struct mailer {
    struct parallel *parallel;
    struct cms *cms;
    struct token_key link_key;
    struct smtp *smtp;
    struct composer composer;
    const char *head_file, *head_to; /* the latter: addresses separated by blanks */
    int64_t retry_min_usec, retry_max_usec, give_up_usec;
};

int send_work(struct context *c, const struct job *job);
int remind_work(struct context *c, const struct job *job);
int head_work(struct context *c, const struct job *job);
int remind_fire(struct context *c);
int send_poison(struct context *c, const struct job *job);
