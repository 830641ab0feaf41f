#include "chunk.h"

#include <errno.h>
#include <openssl/sha.h>
#include <string.h>

#include "base/clock.h"
#include "fields.h"
#include "lint.h"
#include "log.h"

#define PART 32 /* signed before the lease is looked at: some seconds of the slowest tokens */

void chunk_done(struct chunk *chunk) {
    for (size_t i = 0; i < chunk->n; i++) {
        free(chunk->rows[i].names);
        free(chunk->rows[i].ous);
        free(chunk->rows[i].domains);
        buf_done(&chunk->rows[i].tbs);
        buf_done(&chunk->rows[i].der);
    }
    free(chunk->rows);
    profile_done(&chunk->profile);
    db_rows_free(chunk->loaded);
    *chunk = (struct chunk){0};
}

static int take_standing(struct signing_row *row, const struct db_rows *rows, size_t i) {
    struct db_bytes serial = db_bytes(rows, i, SIGNING_SERIAL), tbs = db_bytes(rows, i, SIGNING_TBS);
    row->standing = serial.len == SERIAL_BYTES;
    if (!row->standing)
        return 0;
    row->stale = db_bool(rows, i, SIGNING_STALE);
    memcpy(row->content.serial, serial.data, SERIAL_BYTES);
    buf_add(&row->tbs, tbs.data, tbs.len);
    if (lint_validity(tbs.data, tbs.len, &row->content.not_before_usec, &row->content.not_after_usec) < 0)
        row->stale = true;
    return row->tbs.failed ? -ENOMEM : 0;
}

static int take_row(struct chunk *chunk, size_t i) {
    const struct db_rows *rows = chunk->loaded;
    const struct policy *policy = chunk->policy;
    struct signing_row *row = &chunk->rows[i];
    const struct policy_profile *profile = policy_profile(policy, (int) db_int64(rows, i, SIGNING_PROFILE));
    size_t n_domains = 0;
    row->application = db_int64(rows, i, SIGNING_ID);
    row->permitted = db_bool(rows, i, SIGNING_PERMITTED);
    row->same_policy = profile && db_bool(rows, i, SIGNING_SAME_POLICY);
    row->stopped = db_bool(rows, i, SIGNING_STOPPED);
    row->blocked = db_bool(rows, i, SIGNING_BLOCKED);
    row->names = db_text_array(rows, i, SIGNING_NAMES, &row->content.names_count);
    row->domains = db_text_array(rows, i, SIGNING_DOMAINS, &n_domains);
    row->ous = db_text_array(rows, i, SIGNING_OUS, &row->content.ous_count);
    if (!row->names || !row->domains || !row->ous)
        return -ENOMEM;
    row->content.names = row->names;
    row->content.ous = row->ous;
    row->content.o = db_text(rows, i, SIGNING_O);
    row->content.st = policy->state_or_province ? db_text(rows, i, SIGNING_ST) : NULL;
    row->content.l = policy->locality ? db_text(rows, i, SIGNING_L) : NULL;
    row->content.cn = db_text(rows, i, SIGNING_CN);
    row->content.spki = db_bytes(rows, i, SIGNING_SPKI);
    row->content.rsa = profile && profile->key == POLICY_KEY_RSA;
    return take_standing(row, rows, i);
}

int chunk_load(struct chunk *chunk, struct db *db, const struct job *job, const struct issuer *issuer,
               const struct policy *policy) {
    chunk->issuer = issuer;
    chunk->policy = policy;
    int64_t n = signing_load(db, job, issuer->id, &chunk->loaded);
    if (n <= 0)
        return (int) n;
    chunk->rows = calloc((size_t) n, sizeof(*chunk->rows));
    if (!chunk->rows)
        return -ENOMEM;
    chunk->n = (size_t) n;
    for (size_t i = 0; i < chunk->n; i++) {
        int r = take_row(chunk, i);
        if (r < 0)
            return r;
    }
    return 0;
}

/* name is domain or lies below it, at a label's boundary. */
static bool covers(const char *domain, const char *name) {
    size_t domain_len = strlen(domain), name_len = strlen(name);
    if (domain_len == 0 || name_len < domain_len || strcmp(name + name_len - domain_len, domain) != 0)
        return false;
    return name_len == domain_len || name[name_len - domain_len - 1] == '.';
}

static bool all_names_covered(const struct signing_row *row) {
    for (size_t i = 0; i < row->content.names_count; i++) {
        bool covered = false;
        for (const char **d = row->domains; *d && !covered; d++)
            covered = covers(*d, row->names[i]);
        if (!covered)
            return false;
    }
    /* BR 7.1.4.3: CN is a copy of a dNSName; ours is the first. */
    return row->content.names_count > 0 && strcmp(row->names[0], row->content.cn) == 0;
}

static const char *lint_row(const struct chunk *chunk, const struct signing_row *row, const char *pki_url) {
    const struct lint against = {chunk->issuer, chunk->policy, pki_url, &row->content};
    return lint_tbs(row->tbs.data, row->tbs.len, &against);
}

void chunk_judge(struct chunk *chunk, const char *pki_url, int64_t now_usec) {
    int days = policy_validity_days(chunk->policy, now_usec);
    for (size_t i = 0; i < chunk->n; i++) {
        struct signing_row *row = &chunk->rows[i];
        if (row->stopped)
            row->error = ERROR_CAMPAIGN_STOPPED;
        else if (row->blocked)
            row->error = ERROR_KEY_COMPROMISED;
        else if (!row->same_policy)
            row->error = ERROR_POLICY_CHANGED;
        else if (!row->permitted || !all_names_covered(row))
            row->error = ERROR_PERMISSION_WITHDRAWN;
        /* Stated on a day with another validity: what may be signed is what today allows. */
        if (row->standing && policy_validity_days(chunk->policy, row->content.not_before_usec) != days)
            row->stale = true;
        if (row->standing && !row->stale && row->error == ERROR_NONE)
            row->stale = lint_row(chunk, row, pki_url) != NULL;
    }
}

static bool wants_intent(const struct signing_row *row) {
    return row->error == ERROR_NONE && (!row->standing || row->stale);
}

/* Memory or a key that is not there at this moment: nothing of it is the rows' fault. */
static int first_failure(const struct chunk *chunk) {
    for (size_t i = 0; i < chunk->n; i++)
        if (chunk->rows[i].result < 0)
            return chunk->rows[i].result;
    return 0;
}

static void build_one(void *ctx, size_t i) {
    struct chunk *chunk = ctx;
    struct signing_row *row = &chunk->rows[i];
    if (wants_intent(row))
        row->result = certificate_build(&row->tbs, &chunk->profile, &row->content);
}

int chunk_build(struct chunk *chunk, struct parallel *parallel, const char *pki_url, int64_t now_usec) {
    int64_t not_before = 0, not_after = 0;
    int r = certificate_validity(chunk->policy, chunk->issuer, now_usec, &not_before, &not_after);
    if (r == 0)
        r = profile_make(&chunk->profile, chunk->issuer, chunk->policy, pki_url);
    for (size_t i = 0; r == 0 && i < chunk->n; i++) {
        struct signing_row *row = &chunk->rows[i];
        if (!wants_intent(row))
            continue;
        row->content.not_before_usec = not_before;
        row->content.not_after_usec = not_after;
        r = draw_serial(row->content.serial);
    }
    if (r < 0)
        return r;
    parallel_for(parallel, chunk->n, build_one, chunk);
    return first_failure(chunk);
}

struct linting {
    struct chunk *chunk;
    const char *pki_url;
};

static void lint_one(void *ctx, size_t i) {
    struct linting *l = ctx;
    struct signing_row *row = &l->chunk->rows[i];
    if (row->error != ERROR_NONE)
        return;
    row->finding = lint_row(l->chunk, row, l->pki_url);
    (void) SHA256((const unsigned char *) row->tbs.data, row->tbs.len, row->linted);
    if (!row->finding)
        return;
    log_bug("application %lld: %s is not as it must be, not signed", (long long) row->application, row->finding);
    row->error = ERROR_ROW_BROKEN;
}

void chunk_lint(struct chunk *chunk, struct parallel *parallel, const char *pki_url) {
    struct linting l = {chunk, pki_url};
    parallel_for(parallel, chunk->n, lint_one, &l);
}

struct part {
    struct chunk *chunk;
    size_t from;
};

static void sign_one(void *ctx, size_t i) {
    struct chunk *chunk = ((struct part *) ctx)->chunk;
    struct signing_row *row = &chunk->rows[((struct part *) ctx)->from + i];
    uint8_t hash[sizeof(row->linted)];
    if (row->error != ERROR_NONE)
        return;
    (void) SHA256((const unsigned char *) row->tbs.data, row->tbs.len, hash);
    if (memcmp(hash, row->linted, sizeof(hash)) != 0) {
        log_bug("application %lld: other bytes than those that were linted, not signed", (long long) row->application);
        row->result = -EINVAL;
        return;
    }
    row->result =
        atomic_load(&chunk->key_failed) ? -ENOKEY : issuer_sign(&row->der, chunk->issuer, row->tbs.data, row->tbs.len);
    if (row->result == -ENOKEY)
        atomic_store(&chunk->key_failed, true);
}

int chunk_sign(struct chunk *chunk, struct parallel *parallel, struct context *c) {
    struct part part = {.chunk = chunk};
    int r = 0;
    for (; r == 0 && part.from < chunk->n; part.from += PART) {
        size_t left = chunk->n - part.from;
        parallel_for(parallel, left < PART ? left : PART, sign_one, &part);
        r = first_failure(chunk);
        if (r == 0)
            r = service_keep(c);
    }
    return r;
}
