#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "services/ingress/certificates/certificate_api.h"
#include "services/ingress/http/listing.h"

#define WORDS_BYTES_MAX 255

/* "2026-11-23" (its first moment, UTC) or "2026-11-23T01:02:03Z". */
static int time_parse(const char *text, int64_t *ret_usec) {
    if (clock_parse_date(text, ret_usec) == 0)
        return 0;
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (!end || *end)
        return -EINVAL;
    *ret_usec = (int64_t) timegm(&tm) * USEC_PER_SEC;
    return 0;
}

static int read_words(const struct request *r, struct reply *p, struct certificate_query *ret) {
    const char *q = request_parameter(r, "q");
    size_t len = q ? strlen(q) : 0;
    if (len > WORDS_BYTES_MAX)
        return reply_bad_parameter(r, p, "q", "...", "<= 255 bytes");
    if (len > 0) {
        ret->filter.part = q;
        if (text_parse_serial(q, ret->serial) == 0)
            ret->filter.serial = ret->serial;
    }
    const char *state = request_parameter(r, "state");
    if (!state || !*state)
        return 0;
    if (strcmp(state, "valid") == 0 || strcmp(state, "expired") == 0 || strcmp(state, "revoked") == 0)
        ret->filter.status = state;
    else if (text_to_int64(state, 0, 10, &ret->filter.state) < 0)
        return reply_bad_parameter(r, p, "state", state, "valid, expired, revoked, 0-10");
    return 0;
}

int certificate_query_read(const struct request *r, struct reply *p, struct certificate_query *ret) {
    *ret = (struct certificate_query){.filter = {.state = -1}};
    const char *before = request_parameter(r, "expires_before"), *after = request_parameter(r, "expires_after");
    if (before && *before && time_parse(before, &ret->filter.expires_before_usec) < 0)
        return reply_bad_parameter(r, p, "expires_before", before, "2026-11-23, 2026-11-23T01:02:03Z");
    if (after && *after && time_parse(after, &ret->filter.expires_after_usec) < 0)
        return reply_bad_parameter(r, p, "expires_after", after, "2026-11-23, 2026-11-23T01:02:03Z");
    if (listing_cursor(r, p, &ret->filter.before) < 0 || listing_limit(r, p, &ret->filter.limit) < 0)
        return -EINVAL;
    return read_words(r, p, ret);
}

static json_t *names_list(const struct db_rows *rows, size_t row) {
    json_t *list = json_array();
    size_t n = 0;
    _cleanup_free_
    const char **names = db_text_array(rows, row, CERTIFICATE_NAMES, &n);
    for (size_t i = 0; names && i < n; i++)
        (void) json_array_append_new(list, json_string(names[i]));
    return list;
}

static json_t *serial_text(const struct db_rows *rows, size_t row) {
    struct db_bytes serial = db_bytes(rows, row, CERTIFICATE_SERIAL);
    _cleanup_buf_ struct buf text = {0};
    text_serial(&text, serial.data, serial.len);
    return json_string(buf_string(&text));
}

json_t *certificate_json(const struct db_rows *rows, size_t row) {
    const char *status = !db_is_null(rows, row, CERTIFICATE_REVOKED) ? "revoked"
                         : db_bool(rows, row, CERTIFICATE_EXPIRED)   ? "expired"
                                                                     : "valid";
    json_t *manager =
        json_pack("{s:s, s:s, s:s, s:s}", "name", db_text(rows, row, CERTIFICATE_MANAGER_NAME), "affiliation",
                  db_text(rows, row, CERTIFICATE_MANAGER_AFFILIATION), "mail",
                  db_text(rows, row, CERTIFICATE_MANAGER_MAIL), "software", db_text(rows, row, CERTIFICATE_SOFTWARE));
    return json_pack(
        "{s:o, s:s, s:o, s:s, s:I, s:s, s:I, s:o, s:I, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o}", "serial",
        serial_text(rows, row), "cn", db_text(rows, row, CERTIFICATE_CN), "names", names_list(rows, row), "dn",
        db_text(rows, row, CERTIFICATE_DN), "profile", (json_int_t) db_int64(rows, row, CERTIFICATE_PROFILE), "status",
        status, "state", (json_int_t) db_int64(rows, row, CERTIFICATE_STATE), "revoked",
        listing_time(rows, row, CERTIFICATE_REVOKED), "days_left",
        (json_int_t) db_int64(rows, row, CERTIFICATE_DAYS_LEFT), "renewed",
        (int) db_bool(rows, row, CERTIFICATE_RENEWED), "not_before", listing_time(rows, row, CERTIFICATE_NOT_BEFORE),
        "not_after", listing_time(rows, row, CERTIFICATE_NOT_AFTER), "issued",
        listing_time(rows, row, CERTIFICATE_ISSUED), "fetched", listing_time(rows, row, CERTIFICATE_FETCHED),
        "application", listing_id(db_int64(rows, row, CERTIFICATE_APPLICATION)), "upload",
        listing_id(db_int64(rows, row, CERTIFICATE_UPLOAD)), "seq", (json_int_t) db_int64(rows, row, CERTIFICATE_SEQ),
        "manager", manager);
}

struct listing {
    struct certificate_filter filter;
    struct db_rows *rows;
};

static int list_work(struct db *db, void *ctx) {
    struct listing *l = ctx;
    db_rows_free(l->rows);
    l->rows = NULL;
    int64_t n = certificate_list(db, &l->filter, &l->rows);
    return n < 0 ? (int) n : 0;
}

int certificate_query_run(struct thread *t, const struct request *r, const struct certificate_query *query,
                          json_t **ret) {
    struct listing l = {.filter = query->filter};
    /* One more than asked for tells whether there is a next page. */
    l.filter.limit++;
    int result = db_transaction(t->db, "certificate_list", r->registrar.organisation, list_work, &l);
    _cleanup_rows_ struct db_rows *rows = l.rows;
    if (result < 0)
        return result;
    size_t n = db_rows_count(rows), shown = n > (size_t) query->filter.limit ? n - 1 : n;
    json_t *list = json_array();
    for (size_t i = 0; i < shown; i++)
        if (json_array_append_new(list, certificate_json(rows, i)) < 0) {
            json_decref(list);
            return -ENOMEM;
        }
    json_t *next = n > shown ? listing_id(db_int64(rows, shown - 1, CERTIFICATE_ID)) : json_null();
    *ret = json_pack("{s:o, s:o}", "certificates", list, "next", next);
    return *ret ? 0 : -ENOMEM;
}

struct getting {
    uint8_t serial[16];
    struct db_rows *rows;
};

static int get_work(struct db *db, void *ctx) {
    struct getting *g = ctx;
    db_rows_free(g->rows);
    g->rows = NULL;
    return (int) certificate_get(db, g->serial, &g->rows);
}

int certificate_read_one(struct thread *t, const struct request *r, const char *serial, struct db_rows **ret) {
    struct getting g = {0};
    int result = 0;
    if (text_parse_serial(serial, g.serial) == 0)
        result = db_transaction(t->db, "certificate_get", r->registrar.organisation, get_work, &g);
    *ret = g.rows;
    return result;
}
