/*
 * What the decision finds wrong with rows, gathered first and added to them at once, so that every row tells all of it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "proto/errors.h"
#include "store/db.h"

struct findings {
    const char *kind; /* of file */
    int64_t *application;
    char **error; /* JSON; owned */
    size_t count, room;
    int64_t of[ERROR_COUNT]; /* how many of each error */
};

void findings_done(struct findings *f);        /* leaves it empty */
void findings_count(const struct findings *f); /* into the metrics, once they are committed */

/* Each 0, -ENOMEM or enum db_result. */
int findings_doubles(struct findings *f, struct db *db, int64_t upload); /* 925, 926 */
int findings_seen(struct findings *f, struct db *db, int64_t upload);    /* 212, 918 */
int findings_revoked(struct findings *f, struct db *db, int64_t upload); /* 933, since the check */
/* 901, and with whois 903 and 904, by domain. */
int findings_domains(struct findings *f, struct db *db, int64_t upload, bool whois, int64_t cache_usec);
int findings_store(const struct findings *f, struct db *db);
/* One error for every row of the upload, recorded at once. */
int findings_of_all(struct findings *f, struct db *db, int64_t upload, enum error error);
