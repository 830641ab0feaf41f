#include "findings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "metrics.h"
#include "problems.h"
#include "registrant.h"
#include "store/decide.h"

void findings_done(struct findings *f) {
    for (size_t i = 0; i < f->count; i++)
        free(f->error[i]);
    free(f->error);
    free(f->application);
    *f = (struct findings){0};
}

void findings_count(const struct findings *f) {
    for (int error = ERROR_NONE + 1; error < ERROR_COUNT; error++) {
        char code[16];
        (void) snprintf(code, sizeof(code), "%d", error_code((enum error) error));
        if (f->of[error] > 0)
            metrics_add(METRIC_ERRORS, code, (double) f->of[error]);
    }
}

static bool make_room(struct findings *f) {
    if (f->count < f->room)
        return true;
    size_t room = f->room ? 2 * f->room : 64;
    int64_t *applications = realloc(f->application, room * sizeof(*applications));
    if (applications)
        f->application = applications;
    char **errors = realloc(f->error, room * sizeof(*errors));
    if (errors)
        f->error = errors;
    if (applications && errors)
        f->room = room;
    return applications && errors;
}

/* Adds the one error of p. */
static int add(struct findings *f, int64_t application, enum error error, const struct problems *p) {
    char *json = p->failed ? NULL : json_dumps(json_array_get(p->list, 0), JSON_COMPACT);
    if (!json || !make_room(f)) {
        free(json);
        return -ENOMEM;
    }
    f->of[error]++;
    f->application[f->count] = application;
    f->error[f->count++] = json;
    return 0;
}

int findings_doubles(struct findings *f, struct db *db, int64_t upload) {
    static const struct doubled {
        enum error error;
        enum tsv_field field;
    } doubled[] = {[DECIDE_DOUBLE_NAME] = {ERROR_DOUBLE_DN, TSV_FIELD_DN},
                   [DECIDE_DOUBLE_KEY] = {ERROR_DOUBLE_KEY, TSV_FIELD_CSR},
                   [DECIDE_DOUBLE_TARGET] = {ERROR_DOUBLE_SERIAL, TSV_FIELD_SERIAL}};
    _cleanup_rows_ struct db_rows *rows = NULL;
    const struct tsv_format *format = tsv_format(f->kind);
    int64_t n = format ? decide_doubles(db, upload, &rows) : DB_FAILED;
    int r = n < 0 ? (int) n : 0;
    for (size_t i = 0; r == 0 && i < (size_t) n; i++) {
        const struct doubled *d = &doubled[db_int64(rows, i, 1)];
        char line[24];
        _cleanup_(problems_done) struct problems p = {.format = format};
        (void) snprintf(line, sizeof(line), "%lld", (long long) db_int64(rows, i, 2));
        problem_add(&p, d->error, tsv_column_of(format, d->field), line, NULL);
        r = add(f, db_int64(rows, i, 0), d->error, &p);
    }
    return r;
}

int findings_seen(struct findings *f, struct db *db, int64_t upload) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    const struct tsv_format *format = tsv_format(f->kind);
    int64_t n = format ? decide_seen(db, upload, &rows) : DB_FAILED;
    int r = n < 0 ? (int) n : 0;
    for (size_t i = 0; r == 0 && i < (size_t) n; i++) {
        _cleanup_(problems_done) struct problems p = {.format = format};
        bool key = db_bool(rows, i, 1), renew = format->deed == TSV_RENEW;
        enum error error = key ? ERROR_KEY_SEEN : renew ? ERROR_RENEWAL_UNDER_WAY : ERROR_DN_TAKEN;
        if (key)
            problem_item(&p, error, tsv_column_of(format, TSV_FIELD_CSR), NULL);
        else
            problem_add(&p, error, tsv_column_of(format, renew ? TSV_FIELD_SERIAL : TSV_FIELD_DN), NULL);
        r = add(f, db_int64(rows, i, 0), error, &p);
    }
    return r;
}

int findings_revoked(struct findings *f, struct db *db, int64_t upload) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    const struct tsv_format *format = tsv_format(f->kind);
    int64_t n = format ? decide_revoked(db, upload, &rows) : DB_FAILED;
    int r = n < 0 ? (int) n : 0;
    for (size_t i = 0; r == 0 && i < (size_t) n; i++) {
        char when[CLOCK_TEXT_MAX];
        _cleanup_(problems_done) struct problems p = {.format = format};
        problem_add(&p, ERROR_ALREADY_REVOKED, tsv_column_of(format, TSV_FIELD_SERIAL),
                    clock_jst(db_time(rows, i, 1), when), NULL);
        r = add(f, db_int64(rows, i, 0), ERROR_ALREADY_REVOKED, &p);
    }
    return r;
}

static const char *either(const char *ja, const char *en) {
    return *ja ? ja : *en ? en : "-";
}

/* Row i of decide_domains(): what is wrong with the domain, if anything. ERROR_NONE adds nothing to p. */
static enum error judge_domain(const struct db_rows *rows, size_t i, bool whois, int column, struct problems *p) {
    const char *name = db_text(rows, i, 1), *ja = db_text(rows, i, 2), *en = db_text(rows, i, 3);
    const char *outcome = db_text(rows, i, 5), *found_ja = db_text(rows, i, 6), *found_en = db_text(rows, i, 7);
    const char *status = db_text(rows, i, 8);
    if (!db_bool(rows, i, 4)) {
        problem_add(p, ERROR_DOMAIN_NOT_PERMITTED, column, name, NULL);
        return ERROR_DOMAIN_NOT_PERMITTED;
    }
    if (!whois)
        return ERROR_NONE;
    if (!*outcome) {
        problem_add(p, ERROR_WHOIS_UNREACHABLE, column, name, NULL);
        return ERROR_WHOIS_UNREACHABLE;
    }
    bool found = strcmp(outcome, "found") == 0;
    if (found && registrant_is_same(ja, en, found_ja, found_en) && registrant_is_in_use(status))
        return ERROR_NONE;
    _cleanup_buf_ struct buf says = {0};
    if (!found)
        buf_text(&says, "-");
    else if (*ja && *found_ja)
        buf_text(&says, found_ja);
    else
        buf_text(&says, *en ? either(found_en, found_ja) : either(found_ja, found_en));
    if (found && !registrant_is_in_use(status))
        buf_printf(&says, " [%s]", *status ? status : "-");
    problem_add(p, ERROR_WHOIS_MISMATCH, column, name, buf_string(&says), either(ja, en), NULL);
    p->failed = p->failed || says.failed;
    return ERROR_WHOIS_MISMATCH;
}

struct bad_domains {
    int64_t *id;
    size_t *row; /* of decide_domains() */
    size_t count;
};

static void bad_domains_done(struct bad_domains *b) {
    free(b->id);
    free(b->row);
}

/* The errors of one domain stand at 利用管理者FQDN for rows whose FQDN is in it, at dNSName for the others. */
static int add_domain(struct findings *f, const struct tsv_format *format, const struct db_rows *domains, size_t row,
                      bool whois, int64_t application, bool fqdn) {
    _cleanup_(problems_done) struct problems p = {.format = format};
    int column = tsv_column_of(format, fqdn ? TSV_FIELD_FQDN : TSV_FIELD_DNSNAMES);
    enum error error = judge_domain(domains, row, whois, column, &p);
    return add(f, application, error, &p);
}

static int find_bad(struct bad_domains *bad, const struct tsv_format *format, const struct db_rows *domains, size_t n,
                    bool whois) {
    bad->id = calloc(n + 1, sizeof(*bad->id));
    bad->row = calloc(n + 1, sizeof(*bad->row));
    if (!bad->id || !bad->row)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        _cleanup_(problems_done) struct problems p = {.format = format};
        if (judge_domain(domains, i, whois, 0, &p) == ERROR_NONE)
            continue;
        bad->id[bad->count] = db_int64(domains, i, 0);
        bad->row[bad->count++] = i;
    }
    return 0;
}

int findings_domains(struct findings *f, struct db *db, int64_t upload, bool whois, int64_t cache_usec) {
    _cleanup_rows_ struct db_rows *domains = NULL, *rows = NULL;
    _cleanup_(bad_domains_done) struct bad_domains bad = {0};
    const struct tsv_format *format = tsv_format(f->kind);
    int64_t n = format ? decide_domains(db, upload, cache_usec, &domains) : DB_FAILED;
    if (n <= 0)
        return (int) n;
    int r = find_bad(&bad, format, domains, (size_t) n, whois);
    if (r < 0 || bad.count == 0)
        return r;
    n = decide_rows_of(db, upload, bad.id, bad.count, &rows);
    if (n < 0)
        return (int) n;
    for (size_t i = 0; r == 0 && i < (size_t) n; i++)
        r = add_domain(f, format, domains, bad.row[db_int64(rows, i, 1)], whois, db_int64(rows, i, 0),
                       db_bool(rows, i, 2));
    return r;
}

int findings_store(const struct findings *f, struct db *db) {
    int64_t n = decide_amend(db, f->application, (const char *const *) f->error, f->count);
    return n < 0 ? (int) n : 0;
}

int findings_of_all(struct findings *f, struct db *db, int64_t upload, enum error error) {
    json_t *json = error_json(error, 0, NULL, 0);
    _cleanup_free_
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    int64_t n = text ? decide_amend_all(db, upload, text) : -ENOMEM;
    if (n > 0)
        f->of[error] += n;
    return n < 0 ? (int) n : 0;
}
