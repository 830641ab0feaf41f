#include <string.h>

#include "store/db.h"
#include "store/db_internal.h"

void db_put32(char *to, uint32_t v) {
    for (int i = 0; i < 4; i++)
        to[i] = (char) (v >> (24 - 8 * i));
}

void db_put64(char *to, uint64_t v) {
    db_put32(to, (uint32_t) (v >> 32));
    db_put32(to + 4, (uint32_t) v);
}

void db_args_done(struct db_args *a) {
    for (unsigned i = 0; i < a->count; i++)
        if (a->item[i].own)
            free((void *) (uintptr_t) a->item[i].value);
    a->count = 0;
    a->failed = false;
}

static void add(struct db_args *a, const char *value, size_t len, bool own) {
    if (a->count == DB_ARGS_MAX || len > INT32_MAX) {
        a->failed = true;
        if (own)
            free((void *) (uintptr_t) value);
        return;
    }
    a->item[a->count].value = value;
    a->item[a->count].len = len;
    a->item[a->count].own = own;
    a->count++;
}

static void add_small(struct db_args *a, const char *bytes, size_t len) {
    if (a->count == DB_ARGS_MAX) {
        a->failed = true;
        return;
    }
    memcpy(a->item[a->count].small, bytes, len);
    add(a, a->item[a->count].small, len, false);
}

void db_add_null(struct db_args *a) {
    add(a, NULL, 0, false);
}

void db_add_int64(struct db_args *a, int64_t v) {
    char bytes[8];
    db_put64(bytes, (uint64_t) v);
    add_small(a, bytes, 8);
}

void db_add_int32(struct db_args *a, int32_t v) {
    char bytes[4];
    db_put32(bytes, (uint32_t) v);
    add_small(a, bytes, 4);
}

void db_add_bool(struct db_args *a, bool v) {
    char byte = v;
    add_small(a, &byte, 1);
}

void db_add_text(struct db_args *a, const char *v) {
    add(a, v, v ? strlen(v) : 0, false);
}

void db_add_bytes(struct db_args *a, const void *v, size_t len) {
    add(a, v, len, false);
}

void db_add_time(struct db_args *a, int64_t usec) {
    db_add_int64(a, usec - DB_EPOCH_USEC);
}

void db_add_json(struct db_args *a, const char *v) {
    db_add_text(a, v);
}

/*
 * A one-dimensional array as array_recv() reads it: number of dimensions, has-nulls flag, element type; for the dimension
 * its size and lower bound; then each element with its length, -1 for null. An empty array has no dimension.
 */
struct array {
    struct buf bytes;
};

static void array_put32(struct array *array, uint32_t v) {
    char bytes[4];
    db_put32(bytes, v);
    buf_add(&array->bytes, bytes, 4);
}

static struct array array_begin(uint32_t oid, size_t n) {
    struct array array = {0};
    array_put32(&array, n > 0);
    array_put32(&array, 1);
    array_put32(&array, oid);
    if (n > 0) {
        array_put32(&array, (uint32_t) n);
        array_put32(&array, 1);
    }
    return array;
}

static void array_element(struct array *array, const void *data, size_t len) {
    array_put32(array, data ? (uint32_t) len : UINT32_MAX);
    if (data)
        buf_add(&array->bytes, data, len);
}

static void array_end(struct db_args *a, struct array *array) {
    size_t len = array->bytes.len;
    char *data = buf_steal(&array->bytes);
    if (data)
        add(a, data, len, true);
    else {
        buf_done(&array->bytes);
        a->failed = true;
    }
}

static void add_numbers(struct db_args *a, uint32_t oid, const int64_t *v, size_t n, int64_t offset) {
    struct array array = array_begin(oid, n);
    for (size_t i = 0; i < n; i++) {
        char bytes[8];
        db_put64(bytes, (uint64_t) (v[i] - offset));
        array_element(&array, bytes, 8);
    }
    array_end(a, &array);
}

void db_add_int64_array(struct db_args *a, const int64_t *v, size_t n) {
    add_numbers(a, OID_INT8, v, n, 0);
}

void db_add_time_array(struct db_args *a, const int64_t *usec, size_t n) {
    add_numbers(a, OID_TIMESTAMPTZ, usec, n, DB_EPOCH_USEC);
}

void db_add_int32_array(struct db_args *a, const int32_t *v, size_t n) {
    struct array array = array_begin(OID_INT4, n);
    for (size_t i = 0; i < n; i++) {
        char bytes[4];
        db_put32(bytes, (uint32_t) v[i]);
        array_element(&array, bytes, 4);
    }
    array_end(a, &array);
}

void db_add_bool_array(struct db_args *a, const bool *v, size_t n) {
    struct array array = array_begin(OID_BOOL, n);
    for (size_t i = 0; i < n; i++) {
        char byte = v[i];
        array_element(&array, &byte, 1);
    }
    array_end(a, &array);
}

void db_add_text_array(struct db_args *a, const char *const *v, size_t n) {
    struct array array = array_begin(OID_TEXT, n);
    for (size_t i = 0; i < n; i++)
        array_element(&array, v[i], v[i] ? strlen(v[i]) : 0);
    array_end(a, &array);
}

void db_add_bytes_array(struct db_args *a, const struct db_bytes *v, size_t n) {
    struct array array = array_begin(OID_BYTEA, n);
    for (size_t i = 0; i < n; i++)
        array_element(&array, v[i].data, v[i].len);
    array_end(a, &array);
}
