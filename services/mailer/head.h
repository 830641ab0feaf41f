/*
 * The head of the audit, kept outside the database (BR 5.4.1): NUMBER:HASH of the newest seal, a line a day in a file that only
 * grows, and a mail to those who watch. `inkanctl audit verify --heads FILE` finds by them what was cut off or written anew.
 */
#pragma once

#include "base/buf.h"
#include "seal.h"

struct head {
    int64_t number;
    char text[24 + 2 * SEAL_HASH_BYTES]; /* NUMBER:HASH */
    int64_t now_usec;
    int64_t kept_usec; /* of its line in the file: the mail made again is the same mail */
};

/* 0 or -ENOMEM. */
int head_make(struct head *ret, const struct seal *seal, int64_t now_usec);
/* Adds a line to the file and has it on the disk, unless the last one is of the same day (UTC): then that is the head. 0 or -errno. */
int head_keep(struct head *head, const char *path);
