#include <string.h>

#include "log.h"
#include "store/db.h"
#include "store/db_internal.h"

void db_rows_free(struct db_rows *rows) {
    if (!rows)
        return;
    PQclear(rows->result);
    free(rows);
}

size_t db_rows_count(const struct db_rows *rows) {
    return (size_t) PQntuples(rows->result);
}

bool db_is_null(const struct db_rows *rows, size_t row, unsigned column) {
    return PQgetisnull(rows->result, (int) row, (int) column) != 0;
}

static const char *value_of(const struct db_rows *rows, size_t row, unsigned column, size_t *ret_len) {
    *ret_len = (size_t) PQgetlength(rows->result, (int) row, (int) column);
    return PQgetvalue(rows->result, (int) row, (int) column);
}

static uint64_t get_number(const char *p, size_t len) {
    uint64_t v = len > 0 && (p[0] & 0x80) ? UINT64_MAX : 0;
    for (size_t i = 0; i < len; i++)
        v = v << 8 | (uint8_t) p[i];
    return v;
}

int64_t db_int64(const struct db_rows *rows, size_t row, unsigned column) {
    size_t len = 0;
    const char *p = value_of(rows, row, column, &len);
    if (len > 8) {
        log_bug("column %u is no number", column);
        return 0;
    }
    return len == 0 ? 0 : (int64_t) get_number(p, len);
}

bool db_bool(const struct db_rows *rows, size_t row, unsigned column) {
    return db_int64(rows, row, column) != 0;
}

const char *db_text(const struct db_rows *rows, size_t row, unsigned column) {
    size_t len = 0;
    return value_of(rows, row, column, &len);
}

struct db_bytes db_bytes(const struct db_rows *rows, size_t row, unsigned column) {
    struct db_bytes b = {0};
    b.data = value_of(rows, row, column, &b.len);
    return b;
}

int64_t db_time(const struct db_rows *rows, size_t row, unsigned column) {
    return db_is_null(rows, row, column) ? 0 : db_int64(rows, row, column) + DB_EPOCH_USEC;
}

/* Header of array_send(); returns the elements' start, or NULL when it is not an array of fewer than 2^20 elements. */
static const char *array_header(const struct db_rows *rows, size_t row, unsigned column, size_t *ret_n,
                                const char **ret_end) {
    size_t len = 0;
    const char *p = value_of(rows, row, column, &len);
    *ret_n = 0;
    *ret_end = p + len;
    if (len < 20 || get_number(p, 4) != 1)
        return NULL;
    uint64_t n = get_number(p + 12, 4);
    if (n > 1u << 20)
        return NULL;
    *ret_n = (size_t) n;
    return p + 20;
}

/* Next element: its bytes, NULL for a null or a short buffer. */
static const char *array_next(const char **p, const char *end, size_t *ret_len) {
    *ret_len = 0;
    if ((size_t) (end - *p) < 4)
        return NULL;
    int32_t len = (int32_t) get_number(*p, 4);
    *p += 4;
    if (len < 0 || (size_t) len > (size_t) (end - *p))
        return NULL;
    const char *at = *p;
    *p += len;
    *ret_len = (size_t) len;
    return at;
}

const char **db_text_array(const struct db_rows *rows, size_t row, unsigned column, size_t *ret_n) {
    const char *end = NULL;
    size_t n = 0, total = (size_t) PQgetlength(rows->result, (int) row, (int) column);
    const char *p = array_header(rows, row, column, &n, &end);
    /* One block: the pointers, then the texts with their NULs (each element had 4 bytes of length before it). */
    const char **list = malloc((n + 1) * sizeof(*list) + total + 1);
    if (!list)
        return NULL;
    char *text = (char *) (list + n + 1);
    for (size_t i = 0; i < n; i++) {
        size_t len = 0;
        const char *at = array_next(&p, end, &len);
        list[i] = text;
        if (at)
            memcpy(text, at, len);
        text[len] = '\0';
        text += len + 1;
    }
    list[n] = NULL;
    *ret_n = n;
    return list;
}

int64_t *db_int64_array(const struct db_rows *rows, size_t row, unsigned column, size_t *ret_n) {
    const char *end = NULL;
    size_t n = 0;
    const char *p = array_header(rows, row, column, &n, &end);
    int64_t *list = calloc(n + 1, sizeof(*list));
    if (!list)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t len = 0;
        const char *at = array_next(&p, end, &len);
        list[i] = at && len <= 8 ? (int64_t) get_number(at, len) : 0;
    }
    *ret_n = n;
    return list;
}
