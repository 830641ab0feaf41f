/* The stage check: a chunk of rows is loaded, judged, and recorded in one transaction. */
#include "store/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "metrics.h"
#include "row_target.h"
#include "store/application.h"
#include "validator.h"

#define ASK_HINTS_MAX 8 /* more workers than that find their work by themselves */

struct chunk {
    struct context *context;
    const struct job *job;
    const struct policy *policy;
    struct check_scope scope;
    struct name_domain *domains;
    struct row_rules rules;
    struct db_rows *lines;
    size_t count;
    struct row *rows;
    struct application_new *applications;
    char **errors; /* JSON texts of applications */
    /* set by the transaction */
    int64_t asks, ask_job, decide_job;
    bool stale; /* the upload is no longer being checked: nothing was recorded */
};

static void chunk_done(struct chunk *k) {
    for (size_t i = 0; k->rows && i < k->count; i++)
        row_done(&k->rows[i]);
    for (size_t i = 0; k->errors && i < k->count; i++)
        free(k->errors[i]);
    free(k->rows);
    free(k->errors);
    free(k->applications);
    free(k->domains);
    db_rows_free(k->lines);
    check_scope_done(&k->scope);
}

static int make_rules(struct chunk *k) {
    const struct check_scope *s = &k->scope;
    const struct tsv_format *format = tsv_format(s->kind);
    if (!format) {
        log_bug("job %lld: no format for files of kind %s", (long long) k->job->id, s->kind);
        return -EINVAL;
    }
    k->domains = calloc(s->domains_count + 1, sizeof(*k->domains));
    if (!k->domains)
        return -ENOMEM;
    for (size_t i = 0; i < s->domains_count; i++)
        k->domains[i] = (struct name_domain){
            .id = s->domain_id[i], .name = s->domain_name[i], .permitted = s->domain_permitted[i] != 0};
    k->rules = (struct row_rules){
        .format = format,
        .policy = k->policy,
        .o = s->o,
        .st = s->st,
        .l = s->l,
        .domains = k->domains,
        .domains_count = s->domains_count,
        .ous = s->ous,
        .ous_count = s->ous_count,
        .match_ou = *s->match_key ? strcmp(s->match_key, "cn+ou") == 0 : k->policy->match == POLICY_MATCH_CN_OU,
        .expired = s->expired && tsv_is_request(format->deed),
        .policy_changed = s->policy.len > 0 && (s->policy.len != POLICY_HASH_BYTES ||
                                                memcmp(s->policy.data, k->policy->hash, POLICY_HASH_BYTES) != 0),
    };
    return 0;
}

static int chunk_load(struct chunk *k) {
    struct db *db = k->context->db;
    int r = check_scope(db, k->job->upload, &k->scope);
    if (r < 0)
        return r;
    k->stale = r == 0 || !k->scope.checking;
    if (k->stale)
        return 0;
    r = make_rules(k);
    if (r < 0)
        return r;
    int64_t n = check_lines(db, k->job, &k->lines);
    if (n < 0)
        return (int) n;
    k->count = (size_t) n;
    k->rows = calloc(k->count + 1, sizeof(*k->rows));
    k->errors = calloc(k->count + 1, sizeof(*k->errors));
    k->applications = calloc(k->count + 1, sizeof(*k->applications));
    return k->rows && k->errors && k->applications ? 0 : -ENOMEM;
}

static void check_rows(struct chunk *k) {
    for (size_t i = 0; i < k->count; i++) {
        struct db_bytes line = db_bytes(k->lines, i, 1);
        row_check(&k->rows[i], &k->rules, line.data, line.len);
    }
}

static void read_target(const struct db_rows *rows, size_t i, struct target *ret) {
    *ret = (struct target){.id = db_int64(rows, i, CHECK_TARGET_ID),
                           .match_key = db_text(rows, i, CHECK_TARGET_MATCH_KEY),
                           .cn = db_text(rows, i, CHECK_TARGET_CN),
                           .o = db_text(rows, i, CHECK_TARGET_O),
                           .l = db_text(rows, i, CHECK_TARGET_L),
                           .st = db_text(rows, i, CHECK_TARGET_ST),
                           .revoked_usec = db_time(rows, i, CHECK_TARGET_REVOKED),
                           .not_after_usec = db_time(rows, i, CHECK_TARGET_NOT_AFTER),
                           .expired = db_bool(rows, i, CHECK_TARGET_EXPIRED)};
}

/* 931-934: the certificates that rows name, for all rows at once. */
static int find_targets(struct chunk *k) {
    _cleanup_rows_ struct db_rows *found = NULL;
    _cleanup_free_
    struct db_bytes *serials = calloc(k->count + 1, sizeof(*serials));
    if (!serials)
        return -ENOMEM;
    for (size_t i = 0; i < k->count; i++)
        if (k->rows[i].target.named)
            serials[i] = (struct db_bytes){k->rows[i].target.serial, sizeof(k->rows[i].target.serial)};
    int64_t n = check_targets(k->context->db, k->scope.organisation, serials, k->count, &found);
    if (n < 0)
        return (int) n;
    for (size_t i = 0, at = 0; i < k->count; i++) {
        struct target target;
        bool there = at < (size_t) n && db_int64(found, at, CHECK_TARGET_POSITION) == (int64_t) i;
        if (there)
            read_target(found, at++, &target);
        if (k->rows[i].target.named)
            row_target_judge(&k->rows[i], &k->rules, there ? &target : NULL);
    }
    return 0;
}

/* 212 and 918: names and keys used before, for all rows at once. The decision looks again when it reserves them. */
static int find_seen(struct chunk *k) {
    _cleanup_rows_ struct db_rows *seen = NULL;
    _cleanup_free_
    const char **names = calloc(k->count + 1, sizeof(*names));
    _cleanup_free_
    struct db_bytes *hashes = calloc(k->count + 1, sizeof(*hashes));
    if (!names || !hashes)
        return -ENOMEM;
    for (size_t i = 0; i < k->count; i++) {
        names[i] = k->rows[i].match_key;
        if (k->rows[i].csr.spki)
            hashes[i] = (struct db_bytes){k->rows[i].csr.spki_hash, CSR_HASH_BYTES};
    }
    bool renew = k->rules.format->deed == TSV_RENEW;
    int64_t n = check_seen(k->context->db, k->scope.organisation, names, hashes, k->count, renew, &seen);
    for (int64_t i = 0; i < n; i++) {
        size_t at = (size_t) db_int64(seen, (size_t) i, 0);
        struct problems *p = &k->rows[at].problems;
        if (db_bool(seen, (size_t) i, 1))
            problem_item(p, ERROR_KEY_SEEN, tsv_column_of(k->rules.format, TSV_FIELD_CSR), NULL);
        else if (renew)
            problem_add(p, ERROR_RENEWAL_UNDER_WAY, tsv_column_of(k->rules.format, TSV_FIELD_SERIAL), NULL);
        else
            problem_add(p, ERROR_DN_TAKEN, tsv_column_of(k->rules.format, TSV_FIELD_DN), NULL);
    }
    return n < 0 ? (int) n : 0;
}

static const char *text_or_null(const struct buf *b) {
    return b->len > 0 ? b->data : NULL;
}

static void describe(const struct row *row, enum tsv_deed deed, struct application_new *to) {
    to->valid = !problems_any(&row->problems);
    to->reason = deed == TSV_REVOKE ? row->target.reason : -1;
    to->dn = row->columns.memory ? row_text(row, TSV_FIELD_DN) : NULL;
    to->match_key = row->match_key;
    to->st = dn_value(&row->dn, DN_ST);
    to->l = dn_value(&row->dn, DN_L);
    to->o = dn_value(&row->dn, DN_O);
    to->cn = row->cn;
    to->names = text_or_null(&row->names);
    to->ous = text_or_null(&row->ous);
    to->domains = text_or_null(&row->domains);
    to->profile = row->profile;
    to->target = row->target.id;
    if (row->csr.spki)
        to->spki_hash = (struct db_bytes){row->csr.spki_hash, CSR_HASH_BYTES};
    if (to->valid)
        to->spki = (struct db_bytes){row->csr.spki, row->csr.spki_len};
    if (!row->columns.memory)
        return;
    to->manager_name = row_text(row, TSV_FIELD_MANAGER_NAME);
    to->manager_affiliation = row_text(row, TSV_FIELD_MANAGER_AFFILIATION);
    to->manager_mail = row_text(row, TSV_FIELD_MANAGER_MAIL);
    to->software = row_text(row, TSV_FIELD_SOFTWARE);
    to->comment = row_text(row, TSV_FIELD_COMMENT);
}

/* The rows as they go to the database. */
static int chunk_describe(struct chunk *k) {
    for (size_t i = 0; i < k->count; i++) {
        struct row *row = &k->rows[i];
        if (row->failed || row->problems.failed || !(k->errors[i] = problems_dump(&row->problems)))
            return -ENOMEM;
        k->applications[i].seq = (int) db_int64(k->lines, i, 0);
        k->applications[i].errors = k->errors[i];
        describe(row, k->rules.format->deed, &k->applications[i]);
    }
    return 0;
}

/* The upload's last chunk goes on to WHOIS, or to the decision where nothing is to be asked. */
static int go_on(struct db *db, struct chunk *k) {
    if (k->policy->whois_check) {
        k->asks =
            check_ask(db, k->job->upload, k->scope.organisation, k->context->shared.whois_cache_usec, &k->ask_job);
        if (k->asks != 0)
            return k->asks < 0 ? (int) k->asks : 0;
    }
    int r = check_decide(db, k->job->upload, k->scope.organisation, &k->decide_job);
    return r < 0 ? r : 0;
}

static int chunk_store(struct db *db, void *ctx) {
    struct chunk *k = ctx;
    struct check_progress progress = {0};
    int bad = 0;
    k->asks = k->ask_job = k->decide_job = 0;
    int r = job_end(db, k->job);
    if (r <= 0)
        return r < 0 ? r : JOB_LOST;
    if (k->stale)
        return 0;
    for (size_t i = 0; i < k->count; i++)
        bad += !k->applications[i].valid;
    int64_t n = application_insert(db, k->job->upload, k->scope.organisation, k->applications, k->count);
    if (n < 0)
        return (int) n;
    /* Last: the upload's row is locked from here on, and other lanes wait for it. */
    r = check_progress(db, k->job->upload, (int) k->count - bad, bad, k->policy->hash, POLICY_HASH_BYTES, &progress);
    if (r <= 0)
        return r < 0 ? r : DB_RETRY; /* no longer being checked: the next attempt sees it */
    if (!progress.same_policy && !k->rules.policy_changed) {
        log_notice("job %lld: the policy changed while the upload was checked", (long long) k->job->id);
        return -EAGAIN; /* the next attempt sees the upload's policy and says so in the rows */
    }
    return progress.open_chunks == 0 ? go_on(db, k) : 0;
}

static void count_errors(const struct problems *p) {
    size_t i;
    json_t *e;
    json_array_foreach(p->list, i, e) {
        char code[16];
        (void) snprintf(code, sizeof(code), "%d", (int) json_integer_value(json_object_get(e, "code")));
        metrics_add(METRIC_ERRORS, code, 1);
    }
}

static int chunk_record(struct chunk *k) {
    int r = chunk_describe(k);
    if (r == 0)
        r = db_transaction(k->context->db, "check", 0, chunk_store, k);
    if (r != 0)
        return r;
    metrics_add(METRIC_ROWS_OUT, stage_name(STAGE_check), (double) k->count);
    for (size_t i = 0; i < k->count; i++)
        count_errors(&k->rows[i].problems);
    for (int64_t i = 0; i < k->asks && i < ASK_HINTS_MAX; i++)
        bus_hint(k->context->bus, STAGE_ask, k->ask_job);
    if (k->decide_job)
        bus_hint(k->context->bus, STAGE_decide, k->decide_job);
    return 0;
}

int check_work(struct context *c, const struct job *job) {
    _cleanup_(chunk_done) struct chunk k = {.context = c, .job = job};
    int r = validator_policy(c, job, &k.policy);
    if (r <= 0)
        return r;
    r = chunk_load(&k);
    if (r < 0)
        return r;
    metrics_add(METRIC_ROWS_IN, stage_name(STAGE_check), (double) k.count);
    check_rows(&k);
    r = 0;
    if (k.count > 0 && k.rules.format->deed != TSV_ISSUE)
        r = find_targets(&k);
    if (r == 0 && k.count > 0)
        r = find_seen(&k);
    if (r == 0)
        r = service_keep(c);
    return r == 0 ? chunk_record(&k) : r;
}

int check_poison(struct context *c, const struct job *job) {
    _cleanup_(chunk_done) struct chunk k = {.context = c, .job = job};
    int r = validator_policy(c, job, &k.policy);
    if (r <= 0)
        return r;
    r = chunk_load(&k);
    if (r < 0)
        return r;
    for (size_t i = 0; i < k.count; i++) {
        k.rows[i].problems.format = k.rules.format;
        problem_add(&k.rows[i].problems, job->discarded ? ERROR_DISCARDED : ERROR_ROW_BROKEN, 0, NULL);
    }
    return chunk_record(&k);
}
