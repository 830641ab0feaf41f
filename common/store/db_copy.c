#include <string.h>

#include "store/db.h"
#include "store/db_internal.h"

#define COPY_BUFFER_BYTES ((size_t) 256 * 1024)

/* Binary COPY: a signature, flags and extension length; each row its field count and fields; -1 at the end. */
static const char copy_header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";
static const char copy_trailer[] = {(char) 0xff, (char) 0xff};

static void put_row(struct buf *to, const struct db_args *row) {
    char bytes[4] = {(char) (row->count >> 8), (char) row->count};
    buf_add(to, bytes, 2);
    for (unsigned i = 0; i < row->count; i++) {
        db_put32(bytes, row->item[i].value ? (uint32_t) row->item[i].len : UINT32_MAX);
        buf_add(to, bytes, 4);
        if (row->item[i].value)
            buf_add(to, row->item[i].value, row->item[i].len);
    }
}

static int flush(struct db *db, struct buf *bytes) {
    if (bytes->failed || PQputCopyData(db->conn, bytes->data, (int) bytes->len) != 1)
        return -1;
    buf_reset(bytes);
    return 0;
}

static int send_rows(struct db *db, int (*add)(void *ctx, struct db_args *row), void *ctx) {
    _cleanup_buf_ struct buf bytes = {0};
    buf_add(&bytes, copy_header, sizeof(copy_header));
    for (;;) {
        _cleanup_args_ struct db_args row = {0};
        int r = add(ctx, &row);
        if (r < 0 || row.failed)
            return -1;
        if (r == 0)
            break;
        put_row(&bytes, &row);
        if (bytes.len > COPY_BUFFER_BYTES && flush(db, &bytes) < 0)
            return -1;
    }
    buf_add(&bytes, copy_trailer, sizeof(copy_trailer));
    return flush(db, &bytes);
}

int64_t db_copy(struct db *db, const char *sql, int (*add)(void *ctx, struct db_args *row), void *ctx) {
    if (!db->in_transaction || !db_connected(db))
        return DB_RETRY;
    PGresult *result = PQexec(db->conn, sql);
    int r = db_judge(db, result, "COPY", false);
    PQclear(result);
    if (r < 0)
        return r;
    bool complete = send_rows(db, add, ctx) == 0;
    if (PQputCopyEnd(db->conn, complete ? NULL : "the rows could not be made") != 1)
        return DB_RETRY;
    int64_t n = 0;
    r = 0;
    while ((result = PQgetResult(db->conn))) {
        int judged = db_judge(db, result, "COPY", false);
        if (judged < 0)
            r = judged;
        else
            n = strtoll(PQcmdTuples(result), NULL, 10);
        PQclear(result);
    }
    return r < 0 ? r : complete ? n : DB_FAILED;
}
