/* What the API says of uploads. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "proto/states.h"
#include "services/ingress/uploads/upload.h"
#include "store/upload.h"

#define ROWS_PAGE 1000
#define UPLOADS_PAGE 100

int64_t upload_id(const char *text) {
    int64_t id = 0;
    return text && text_to_int64(text, 1, INT64_MAX, &id) == 0 ? id : 0;
}

static json_t *id_json(int64_t id) {
    char text[24];
    (void) snprintf(text, sizeof(text), "%lld", (long long) id);
    return json_string(text);
}

static json_t *shown_errors(const char *stored, const char *kind) {
    json_t *list = json_array(), *from = json_loads(stored, 0, NULL), *error;
    size_t i;
    json_array_foreach(from, i, error) {
        json_t *shown = error_shown(error, kind);
        if (shown)
            (void) json_array_append_new(list, shown);
    }
    json_decref(from);
    return list;
}

static json_t *upload_json(const struct db_rows *rows, size_t i) {
    char created[CLOCK_TEXT_MAX];
    const char *kind = db_text(rows, i, UPLOAD_KIND);
    return json_pack("{s:o, s:s, s:s, s:b, s:s, s:I, s:I, s:I, s:s, s:s, s:o}", "id",
                     id_json(db_int64(rows, i, UPLOAD_ID)), "kind", kind, "on_error", db_text(rows, i, UPLOAD_ON_ERROR),
                     "dry_run", (int) db_bool(rows, i, UPLOAD_DRY_RUN), "state", db_text(rows, i, UPLOAD_STATE),
                     "rows_total", (json_int_t) db_int64(rows, i, UPLOAD_TOTAL), "rows_ok",
                     (json_int_t) db_int64(rows, i, UPLOAD_OK), "rows_ng", (json_int_t) db_int64(rows, i, UPLOAD_NG),
                     "created", clock_rfc3339(db_time(rows, i, UPLOAD_CREATED), created), "filename",
                     db_text(rows, i, UPLOAD_FILENAME), "errors", shown_errors(db_text(rows, i, UPLOAD_ERRORS), kind));
}

static json_t *text_or_null(const struct db_rows *rows, size_t i, unsigned column) {
    return db_is_null(rows, i, column) ? json_null() : json_string(db_text(rows, i, column));
}

json_t *upload_row_json(const struct db_rows *rows, size_t i, const char *kind) {
    _cleanup_buf_ struct buf serial = {0};
    struct db_bytes number = db_bytes(rows, i, ROW_SERIAL);
    bool issued = !db_is_null(rows, i, ROW_SERIAL);
    if (issued)
        text_serial(&serial, number.data, number.len);
    return json_pack(
        "{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "seq", (json_int_t) db_int64(rows, i, ROW_SEQ), "result",
        text_or_null(rows, i, ROW_RESULT), "state",
        db_is_null(rows, i, ROW_STATE) ? json_null() : json_integer((json_int_t) db_int64(rows, i, ROW_STATE)),
        "application", db_is_null(rows, i, ROW_APPLICATION) ? json_null() : id_json(db_int64(rows, i, ROW_APPLICATION)),
        "serial", issued ? json_string(buf_string(&serial)) : json_null(), "errors",
        shown_errors(db_text(rows, i, ROW_ERRORS), kind), "cn", text_or_null(rows, i, ROW_CN), "manager",
        text_or_null(rows, i, ROW_MANAGER));
}

/* ---- one */

void upload_progress(const json_t *upload, char ret[static UPLOAD_PROGRESS_MAX]) {
    (void) snprintf(ret, UPLOAD_PROGRESS_MAX, "%s.%lld.%lld", json_string_value(json_object_get(upload, "state")),
                    (long long) json_integer_value(json_object_get(upload, "rows_ok")),
                    (long long) json_integer_value(json_object_get(upload, "rows_ng")));
}

bool upload_progress_is_final(const char *progress) {
    char state[UPLOAD_PROGRESS_MAX];
    (void) snprintf(state, sizeof(state), "%.*s", (int) strcspn(progress, "."), progress);
    return state_is_final("UPLOAD", state);
}

struct getting {
    const struct upload_query *query;
    json_t *result;
};

static bool is_unchanged(const struct getting *g) {
    char progress[UPLOAD_PROGRESS_MAX];
    const char *state = json_string_value(json_object_get(g->result, "state"));
    upload_progress(g->result, progress);
    return (g->query->unless_state && strcmp(g->query->unless_state, state) == 0) ||
           (g->query->unless_progress && strcmp(g->query->unless_progress, progress) == 0);
}

static int add_rows(struct getting *g, const struct db_rows *rows, const char *kind) {
    json_t *list = json_array();
    size_t n = db_rows_count(rows), shown = n < ROWS_PAGE ? n : ROWS_PAGE;
    for (size_t i = 0; i < shown; i++)
        (void) json_array_append_new(list, upload_row_json(rows, i, kind));
    json_t *next = n > ROWS_PAGE ? id_json(db_int64(rows, ROWS_PAGE - 1, ROW_SEQ)) : json_null();
    bool whole = json_array_size(list) == shown;
    return json_object_set_new(g->result, "rows", list) == 0 && json_object_set_new(g->result, "next", next) == 0 &&
                   whole
               ? 0
               : -ENOMEM;
}

static int get(struct db *db, void *ctx) {
    struct getting *g = ctx;
    const struct upload_query *query = g->query;
    _cleanup_rows_ struct db_rows *upload = NULL, *rows = NULL;
    json_decref(g->result);
    g->result = NULL;
    int64_t n = upload_find(db, query->id, &upload);
    if (n <= 0)
        return (int) n;
    g->result = upload_json(upload, 0);
    if (!g->result)
        return -ENOMEM;
    if (is_unchanged(g))
        return UPLOAD_UNCHANGED;
    if (query->no_rows)
        return 1;
    n = upload_rows(db, query->id, query->cursor, query->ng_only, ROWS_PAGE + 1, &rows);
    if (n < 0)
        return (int) n;
    int r = add_rows(g, rows, db_text(upload, 0, UPLOAD_KIND));
    return r < 0 ? r : 1;
}

int upload_get(struct thread *t, const struct request *r, const struct upload_query *query, json_t **ret) {
    struct getting g = {.query = query};
    int result = db_transaction(t->db, "upload_get", r->registrar.organisation, get, &g);
    if (result == 1)
        *ret = g.result;
    else
        json_decref(g.result);
    return result;
}

/* ---- all */

struct listing {
    int64_t cursor;
    json_t *result;
};

static int list(struct db *db, void *ctx) {
    struct listing *l = ctx;
    _cleanup_rows_ struct db_rows *rows = NULL;
    json_decref(l->result);
    l->result = NULL;
    int64_t n = upload_page(db, l->cursor, UPLOADS_PAGE + 1, &rows);
    if (n < 0)
        return (int) n;
    json_t *uploads = json_array();
    for (int64_t i = 0; i < n && i < UPLOADS_PAGE; i++)
        (void) json_array_append_new(uploads, upload_json(rows, (size_t) i));
    l->result = json_pack("{s:o, s:o}", "uploads", uploads, "next",
                          n > UPLOADS_PAGE ? id_json(db_int64(rows, UPLOADS_PAGE - 1, UPLOAD_ID)) : json_null());
    return l->result ? 0 : -ENOMEM;
}

int upload_list(struct thread *t, const struct request *r, int64_t cursor, json_t **ret) {
    struct listing l = {.cursor = cursor};
    int result = db_transaction(t->db, "upload_list", r->registrar.organisation, list, &l);
    if (result == 0)
        *ret = l.result;
    else
        json_decref(l.result);
    return result;
}
