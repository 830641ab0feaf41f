/* serverAll.tsv: everything the organisation ever applied for. */
#include <openssl/sha.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "proto/tsv.h"
#include "services/ingress/certificates/certificate_api.h"
#include "services/ingress/http/export.h"

enum form { FORM_EMPTY, FORM_TEXT, FORM_TIME, FORM_SERIAL, FORM_BASE64, FORM_SHA1, FORM_CSR };

static const struct cell {
    const char *heading;
    enum form form;
} cells[] = {
#define CELL(heading, form, sql) {heading, FORM_##form},
#include "services/ingress/certificates/server_all.def"
#undef CELL
};

/* Upload, line and kind, then the cells that have a source. */
enum { COLUMN_UPLOAD, COLUMN_SEQ, COLUMN_KIND, COLUMN_CELLS };

#define SQL_EMPTY(sql)
#define SQL_TEXT(sql) ", (" sql ")::text"
#define SQL_TIME(sql) ", " sql
#define SQL_SERIAL(sql) ", " sql
#define SQL_BASE64(sql) ", " sql
#define SQL_SHA1(sql) ", " sql
#define SQL_CSR(sql) ", " sql
const struct statement server_all_statement = {
    "server_all", 3,
    "SELECT u.id, a.seq, u.kind"
#define CELL(heading, form, sql) SQL_##form(sql)
#include "services/ingress/certificates/server_all.def"
#undef CELL
    " FROM upload u JOIN application a ON a.upload = u.id"
    " LEFT JOIN certificate c ON c.application = a.id LEFT JOIN certificate old ON old.id = a.target"
    " LEFT JOIN revocation r ON r.certificate = c.id LEFT JOIN application ra ON ra.id = r.application"
    " LEFT JOIN campaign rc ON rc.id = r.campaign"
    " LEFT JOIN upload ru ON ru.id = ra.upload"
    " WHERE (a.upload, a.seq) > ($1::bigint, $2::integer) AND u.state IN ('accepted', 'done')"
    "   AND NOT u.dry_run AND a.state IN ('valid', 'failed') AND a.reason IS NULL AND u.kind <> 'manager-update'"
    " ORDER BY a.upload, a.seq LIMIT $3::integer"};

/* The CSR's column of the line as it was sent; TAB is no part of any CP932 character. */
static void put_csr(struct buf *to, struct db_bytes line, const char *kind) {
    const struct tsv_format *format = tsv_format(kind);
    const uint8_t *at = line.data, *end = at + line.len;
    for (int column = format ? tsv_column_of(format, TSV_FIELD_CSR) : 0; column > 1 && at; column--) {
        at = memchr(at, '\t', (size_t) (end - at));
        at = at ? at + 1 : NULL;
    }
    const uint8_t *tab = at ? memchr(at, '\t', (size_t) (end - at)) : NULL;
    if (at)
        buf_add(to, at, (size_t) ((tab ? tab : end) - at));
}

static void put_sha1(struct buf *to, struct db_bytes der) {
    uint8_t digest[SHA_DIGEST_LENGTH];
    (void) SHA1(der.data, der.len, digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        buf_printf(to, "%02X", digest[i]);
}

static void put_cell(struct buf *to, const struct db_rows *rows, size_t i, unsigned column, enum form form) {
    if (db_is_null(rows, i, column))
        return;
    char text[CLOCK_TEXT_MAX];
    struct db_bytes bytes = db_bytes(rows, i, column);
    switch (form) {
    case FORM_TIME:
        buf_text(to, clock_jst(db_time(rows, i, column), text));
        break;
    case FORM_SERIAL:
        text_serial(to, bytes.data, bytes.len);
        break;
    case FORM_BASE64:
        text_base64(to, bytes.data, bytes.len);
        break;
    case FORM_SHA1:
        put_sha1(to, bytes);
        break;
    case FORM_CSR:
        put_csr(to, bytes, db_text(rows, i, COLUMN_KIND));
        break;
    default:
        export_cell(to, db_text(rows, i, column));
    }
}

static void put_row(struct buf *to, const struct db_rows *rows, size_t i) {
    unsigned column = COLUMN_CELLS;
    for (size_t k = 0; k < ARRAY_SIZE(cells); k++) {
        if (k > 0)
            buf_char(to, '\t');
        if (cells[k].form != FORM_EMPTY)
            put_cell(to, rows, i, column++, cells[k].form);
    }
    buf_text(to, "\r\n");
}

static void put_headings(struct buf *to) {
    for (size_t k = 0; k < ARRAY_SIZE(cells); k++) {
        if (k > 0)
            buf_char(to, '\t');
        (void) text_put_cp932(to, cells[k].heading);
    }
    buf_text(to, "\r\n");
}

static int put_rows(struct db *db, struct export *e) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64(&args, e->at[0]);
    db_add_int32(&args, (int32_t) e->at[1]);
    db_add_int32(&args, EXPORT_PAGE_ROWS);
    int64_t n = db_run(db, &server_all_statement, &args, &rows);
    for (size_t i = 0; n > 0 && i < (size_t) n; i++)
        put_row(&e->page, rows, i);
    if (n <= 0)
        return (int) n;
    e->next[0] = db_int64(rows, (size_t) n - 1, COLUMN_UPLOAD);
    e->next[1] = db_int64(rows, (size_t) n - 1, COLUMN_SEQ);
    e->more = n == EXPORT_PAGE_ROWS;
    return 0;
}

static int send(struct thread *t, const struct request *r, struct reply *p, const char *filename) {
    struct export e = {.rows = put_rows};
    put_headings(&e.page);
    return export_send(t, r, p, &e, EXPORT_TSV, filename);
}

int certificate_server_all(struct thread *t, struct request *r, struct reply *p) {
    return send(t, r, p, "serverAll.tsv");
}

/* All kinds of certificate; those of servers are the only ones there are. */
int certificate_all(struct thread *t, struct request *r, struct reply *p) {
    return send(t, r, p, "all.tsv");
}
