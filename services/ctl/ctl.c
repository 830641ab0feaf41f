#include "ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "store/operator.h"
#include "store/register.h"

const char *const ctl_daemons[CTL_HEALTH_COUNT] = {"ingress", "validator", "whois", "signer", "mailer"};

static int option_index(const struct ctl *c, const char *name) {
    const struct command_option *options = c->line.command->options;
    for (int i = 0; options && options[i].name; i++)
        if (strcmp(options[i].name, name) == 0)
            return i;
    return -1;
}

const char *ctl_option(const struct ctl *c, const char *name) {
    int i = option_index(c, name);
    return i < 0 ? NULL : c->line.values[i];
}

bool ctl_switch(const struct ctl *c, const char *name) {
    return ctl_option(c, name) != NULL;
}

const char *ctl_argument(const struct ctl *c, unsigned i) {
    return i < c->line.arguments_count ? c->line.arguments[i] : NULL;
}

int ctl_fail(int code, const char *format, ...) {
    _cleanup_buf_ struct buf text = {0};
    va_list ap;
    va_start(ap, format);
    buf_vprintf(&text, format, ap);
    va_end(ap);
    (void) fprintf(stderr, "inkanctl: %s\n", buf_string(&text));
    return code;
}

int ctl_database_failed(int64_t result) {
    if (result == DB_UNSURE)
        return ctl_fail(CTL_FAILED,
                        "the connection broke while the change was being recorded: look whether it is there");
    if (result == DB_RETRY)
        return ctl_fail(CTL_FAILED, "the database could not do it now; nothing was changed");
    return ctl_fail(CTL_FAILED, "the database refused it; nothing was changed");
}

int ctl_number(const struct ctl *c, const char *name, int64_t min, int64_t max, int64_t fallback, int64_t *ret) {
    const char *text = ctl_option(c, name);
    *ret = fallback;
    if (text && text_to_int64(text, min, max, ret) < 0)
        return ctl_fail(CTL_USAGE, "--%s: a number from %lld to %lld", name, (long long) min, (long long) max);
    return 0;
}

int ctl_id(const char *text, int64_t *ret) {
    if (text_to_int64(text, 1, INT64_MAX, ret) < 0)
        return ctl_fail(CTL_USAGE, "\"%s\" is no number", text);
    return 0;
}

int ctl_read_file(const char *path, size_t max, struct buf *ret) {
    _cleanup_close_
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    char block[65536];
    for (ssize_t n; (n = read(fd, block, sizeof(block))) != 0;) {
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            buf_add(ret, block, (size_t) n);
        if (ret->len > max)
            return -EFBIG;
    }
    return ret->failed ? -ENOMEM : 0;
}

int64_t ctl_query(struct ctl *c, const struct statement *statement, struct db_args *args, json_t **ret_array) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    int64_t n = db_run(c->db, statement, args, &rows);
    if (n < 0)
        return n;
    json_t *array = json_array();
    for (size_t i = 0; array && i < db_rows_count(rows); i++) {
        json_t *row = json_loads(db_text(rows, i, 0), JSON_DECODE_ANY, NULL);
        if (!row || json_array_append_new(array, row) < 0) {
            json_decref(array);
            array = NULL;
        }
    }
    if (!array)
        return DB_FAILED;
    *ret_array = array;
    return n;
}

int ctl_answer_list(struct ctl *c, const struct statement *statement, struct db_args *args) {
    int64_t n = ctl_query(c, statement, args, &c->result);
    return n < 0 ? ctl_database_failed(n) : CTL_OK;
}

int ctl_answer_one(struct ctl *c, const struct statement *statement, struct db_args *args, int missing_code,
                   const char *missing, ...) {
    json_t *array = NULL;
    int64_t n = ctl_query(c, statement, args, &array);
    if (n < 0)
        return ctl_database_failed(n);
    if (n > 0)
        c->result = json_incref(json_array_get(array, 0));
    json_decref(array);
    if (n > 0)
        return CTL_OK;
    _cleanup_buf_ struct buf text = {0};
    va_list ap;
    va_start(ap, missing);
    buf_vprintf(&text, missing, ap);
    va_end(ap);
    return ctl_fail(missing_code, "%s", buf_string(&text));
}

struct behind_signing {
    struct ctl *c;
    const struct statement *statement;
    struct db_args *args;
    json_t *rows;
};

static int lock_and_query(struct db *db, void *ctx) {
    struct behind_signing *b = ctx;
    json_decref(b->rows);
    b->rows = NULL;
    int64_t n = db_run(db, &service_lock_statement, NULL, NULL);
    if (n >= 0)
        n = ctl_query(b->c, b->statement, b->args, &b->rows);
    return n < 0 ? (int) n : 0;
}

int ctl_answer_behind_signing(struct ctl *c, const struct statement *statement, struct db_args *args) {
    struct behind_signing b = {c, statement, args, NULL};
    int r = db_transaction(c->db, statement->name, 0, lock_and_query, &b);
    if (r == 0 && json_array_size(b.rows) > 0)
        c->result = json_incref(json_array_get(b.rows, 0));
    json_decref(b.rows);
    return r < 0 ? ctl_database_failed(r) : CTL_OK;
}

int ctl_organisation(struct ctl *c, const char *text, int64_t *ret) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_text(&args, text);
    int64_t n = db_run(c->db, &organisation_find_statement, &args, &rows);
    if (n < 0)
        return ctl_database_failed(n);
    if (n == 0)
        return ctl_fail(CTL_NOT_FOUND, "no organisation \"%s\"", text);
    if (n > 1)
        return ctl_fail(CTL_REFUSED, "several organisations are named \"%s\": give the number", text);
    *ret = db_int64(rows, 0, 0);
    return 0;
}
