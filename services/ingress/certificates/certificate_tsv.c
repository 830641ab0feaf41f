/*
 * Files made from chosen certificates, ready to upload: server-renew (the CSR is left to be filled in) and server-revoke. What is
 * chosen is a page's ticks, or all that its search finds, as many as a file may have.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "proto/reasons.h"
#include "proto/tsv.h"
#include "services/ingress/certificates/certificate_api.h"
#include "services/ingress/certificates/page_certificate.h"
#include "services/ingress/http/export.h"

#define COMMENT_CHARS_MAX 128

struct choosing {
    const struct tsv_format *format;
    const char *reason, *comment;
    bool all; /* that the query finds; else the applications */
    struct certificate_query query;
    int64_t application[PAGE_CERTIFICATES];
    size_t applications;
    int64_t rows_before, rows, rows_max; /* before the page in work, with it, at most */
    int64_t page_at;
};

/* A renewed certificate's name is renewed through the newer one; what is over cannot be revoked. */
static bool is_fit(const struct choosing *c, const struct db_rows *rows, size_t i) {
    if (c->format->deed == TSV_RENEW)
        return !db_bool(rows, i, CERTIFICATE_RENEWED);
    return db_is_null(rows, i, CERTIFICATE_REVOKED) && !db_bool(rows, i, CERTIFICATE_EXPIRED);
}

/* All names but the FQDN, which the service adds. */
static void put_names(struct buf *to, const struct db_rows *rows, size_t i) {
    size_t n = 0;
    _cleanup_free_
    const char **names = db_text_array(rows, i, CERTIFICATE_NAMES, &n);
    for (size_t k = 1; names && k < n; k++)
        buf_printf(to, "%sdNSName=%s", k > 1 ? "," : "", names[k]);
    if (!names)
        to->failed = true;
}

static int put_row(const struct choosing *c, struct buf *page, const struct db_rows *rows, size_t i) {
    char profile[24];
    _cleanup_buf_ struct buf serial = {0}, names = {0};
    struct db_bytes number = db_bytes(rows, i, CERTIFICATE_SERIAL);
    text_serial(&serial, number.data, number.len);
    put_names(&names, rows, i);
    (void) snprintf(profile, sizeof(profile), "%lld", (long long) db_int64(rows, i, CERTIFICATE_PROFILE));
    const char *values[TSV_FIELD_COUNT] = {
        [TSV_FIELD_DN] = db_text(rows, i, CERTIFICATE_DN), [TSV_FIELD_SERIAL] = buf_string(&serial)};
    if (c->format->deed == TSV_RENEW) {
        values[TSV_FIELD_PROFILE] = profile;
        values[TSV_FIELD_MANAGER_NAME] = db_text(rows, i, CERTIFICATE_MANAGER_NAME);
        values[TSV_FIELD_MANAGER_AFFILIATION] = db_text(rows, i, CERTIFICATE_MANAGER_AFFILIATION);
        values[TSV_FIELD_MANAGER_MAIL] = db_text(rows, i, CERTIFICATE_MANAGER_MAIL);
        values[TSV_FIELD_FQDN] = db_text(rows, i, CERTIFICATE_CN);
        values[TSV_FIELD_SOFTWARE] = db_text(rows, i, CERTIFICATE_SOFTWARE);
        values[TSV_FIELD_DNSNAMES] = buf_string(&names);
    } else {
        values[TSV_FIELD_REASON] = c->reason;
        values[TSV_FIELD_COMMENT] = c->comment;
    }
    int r = tsv_put_row(page, c->format, values);
    return serial.failed || names.failed ? -ENOMEM : r;
}

static int put_rows(struct choosing *c, struct buf *page, const struct db_rows *rows) {
    for (size_t i = 0; i < db_rows_count(rows); i++) {
        if (!is_fit(c, rows, i))
            continue;
        int r = put_row(c, page, rows, i);
        if (r < 0 && r != -EILSEQ)
            return r;
        c->rows++;
    }
    return 0;
}

/* -E2BIG, -ENODATA: more than a file may have, or nothing. */
static int read_page(struct db *db, struct export *e) {
    struct choosing *c = e->ctx;
    _cleanup_rows_ struct db_rows *rows = NULL;
    if (e->at[0] != c->page_at)
        c->rows_before = c->rows;
    c->page_at = e->at[0];
    c->rows = c->rows_before;
    c->query.filter.before = e->at[0];
    c->query.filter.limit = EXPORT_PAGE_ROWS;
    int64_t found = c->all ? certificate_list(db, &c->query.filter, &rows)
                           : certificate_chosen(db, c->application, c->applications, &rows);
    int result = found < 0 ? (int) found : put_rows(c, &e->page, rows);
    if (result < 0)
        return result;
    e->more = c->all && found == EXPORT_PAGE_ROWS;
    if (e->more)
        e->next[0] = db_int64(rows, EXPORT_PAGE_ROWS - 1, CERTIFICATE_ID);
    return c->rows > c->rows_max ? -E2BIG : c->rows == 0 && !e->more ? -ENODATA : 0;
}

/* ---- the form */

static const char *given(const struct request *r, const char *name) {
    const char *value = request_parameter(r, name);
    return value ? value : "";
}

/* One cell of the file: no TAB, no end of line, and in CP932. */
static bool is_comment(const char *text) {
    _cleanup_buf_ struct buf cp932 = {0};
    size_t chars = 0;
    for (const char *p = text; *p; p++) {
        if ((unsigned char) *p < ' ' || *p == 0x7f)
            return false;
        chars += ((unsigned char) *p & 0xc0) != 0x80;
    }
    return chars <= COMMENT_CHARS_MAX && text_put_cp932(&cp932, text) == 0;
}

static int read_deed(const struct request *r, struct reply *p, struct choosing *c) {
    const char *kind = given(r, "kind");
    int64_t reason = 0;
    c->format = tsv_format(kind);
    if (!c->format || (c->format->deed != TSV_RENEW && c->format->deed != TSV_REVOKE))
        return reply_bad_parameter(r, p, "kind", kind, "server-renew, server-revoke");
    if (c->format->deed == TSV_RENEW)
        return 0;
    c->reason = given(r, "reason");
    c->comment = given(r, "comment");
    if (text_to_int64(c->reason, 0, 9, &reason) < 0 || !reason_available((int) reason))
        return reply_bad_parameter(r, p, "reason", c->reason, reasons_available);
    return is_comment(c->comment) ? 0 : reply_bad_parameter(r, p, "comment", c->comment, "CP932, <= 128");
}

static int read_choice(const struct request *r, struct reply *p, struct choosing *c) {
    const char *chosen[PAGE_CERTIFICATES];
    c->all = strcmp(given(r, "scope"), "all") == 0;
    if (c->all)
        return certificate_query_read(r, p, &c->query);
    c->applications = request_parameters(r, "certificate", chosen, ARRAY_SIZE(chosen));
    for (size_t i = 0; i < c->applications; i++)
        if (text_to_int64(chosen[i], 1, INT64_MAX, &c->application[i]) < 0)
            return reply_bad_parameter(r, p, "certificate", chosen[i], "application");
    return 0;
}

static void refuse_many(const struct request *r, struct reply *p, int64_t most) {
    char text[24];
    (void) snprintf(text, sizeof(text), "%lld", (long long) most);
    const char *args[] = {text};
    reply_error(r, p, ERROR_TOO_MANY_CHOSEN, args, ARRAY_SIZE(args));
}

int page_certificate_tsv(struct thread *t, struct request *r, struct reply *p) {
    struct choosing c = {.rows_max = t->context->shared.upload_rows_max, .page_at = -1};
    struct export e = {.rows = read_page, .ctx = &c};
    if (read_deed(r, p, &c) < 0 || read_choice(r, p, &c) < 0)
        return 0;
    int result =
        export_send(t, r, p, &e, EXPORT_TSV, c.format->deed == TSV_RENEW ? "server-renew.tsv" : "server-revoke.tsv");
    if (result != -E2BIG && result != -ENODATA)
        return result;
    if (result == -E2BIG)
        refuse_many(r, p, c.rows_max);
    else
        reply_error(r, p, ERROR_NOTHING_CHOSEN, NULL, 0);
    return 0;
}
