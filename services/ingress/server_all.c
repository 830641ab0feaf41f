/*
 * serverAll.tsv: everything the organisation ever applied for. Written page by page into a spooled file, each page in a short
 * transaction of its own, and sent from there: memory does not grow with the certificates, no transaction spans a client's pace.
 */
#include <errno.h>
#include <openssl/sha.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "proto/tsv.h"
#include "services/ingress/certificate_api.h"
#include "services/ingress/spool.h"

#define PAGE_ROWS 500

enum form { FORM_EMPTY, FORM_TEXT, FORM_TIME, FORM_SERIAL, FORM_BASE64, FORM_SHA1, FORM_CSR };

static const struct cell {
    const char *heading;
    enum form form;
} cells[] = {
#define CELL(heading, form, sql) {heading, FORM_##form},
#include "services/ingress/server_all.def"
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
#include "services/ingress/server_all.def"
#undef CELL
    " FROM upload u JOIN application a ON a.upload = u.id"
    " LEFT JOIN certificate c ON c.application = a.id LEFT JOIN certificate old ON old.id = a.target"
    " LEFT JOIN revocation r ON r.certificate = c.id LEFT JOIN application ra ON ra.id = r.application"
    " LEFT JOIN upload ru ON ru.id = ra.upload"
    " WHERE u.id >= $1::bigint AND (u.id > $1::bigint OR a.seq > $2::integer) AND u.state IN ('accepted', 'done')"
    "   AND NOT u.dry_run AND a.state IN ('valid', 'failed') AND a.reason IS NULL"
    " ORDER BY u.id, a.seq LIMIT $3::integer"};

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
        (void) text_put_cp932(to, db_text(rows, i, column));
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

/* ---- pages */

struct exporting {
    int64_t upload, seq; /* where the next page begins */
    struct buf page;
    int64_t rows; /* of the page */
};

static int read_page(struct db *db, void *ctx) {
    struct exporting *e = ctx;
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64(&args, e->upload);
    db_add_int32(&args, (int32_t) e->seq);
    db_add_int32(&args, PAGE_ROWS);
    buf_reset(&e->page);
    e->rows = db_run(db, &server_all_statement, &args, &rows);
    for (size_t i = 0; e->rows > 0 && i < (size_t) e->rows; i++)
        put_row(&e->page, rows, i);
    if (e->rows <= 0)
        return (int) e->rows;
    e->upload = db_int64(rows, (size_t) e->rows - 1, COLUMN_UPLOAD);
    e->seq = db_int64(rows, (size_t) e->rows - 1, COLUMN_SEQ);
    return e->page.failed ? -ENOMEM : 0;
}

static int write_all(struct thread *t, const struct request *r, int fd) {
    struct exporting e = {0};
    put_headings(&e.page);
    int result = e.page.failed ? -ENOMEM : spool_write(fd, e.page.data, e.page.len);
    do {
        if (result == 0)
            result = db_transaction(t->db, "server_all", r->registrar.organisation, read_page, &e);
        if (result == 0 && e.rows > 0)
            result = spool_write(fd, e.page.data, e.page.len);
    } while (result == 0 && e.rows == PAGE_ROWS);
    buf_done(&e.page);
    return result;
}

int certificate_server_all(struct thread *t, struct request *r, struct reply *p) {
    p->file_fd = spool_open(r);
    int result = p->file_fd < 0 ? p->file_fd : write_all(t, r, p->file_fd);
    if (result < 0)
        return result;
    p->type = "text/tab-separated-values; charset=Shift_JIS";
    reply_header(p, "Content-Disposition", "attachment; filename=\"serverAll.tsv\"");
    return 0;
}
