/*
 * Files made of an upload: its lines as they were sent, all or only the bad ones (to mend and send again), and its results as TSV
 * and JSON. The ingress cannot read upload_line; upload_line_of() gives it the lines of the organisation that asks.
 */
#include <string.h>

#include "proto/tsv.h"
#include "services/ingress/http/export.h"
#include "services/ingress/uploads/upload.h"
#include "store/upload.h"

struct source {
    const struct request *r;
    int64_t id;
    json_t *upload; /* as of the API, without rows; owned */
    bool ng_only;
};

/* 1: *ret is filled; 0: the reply says why not; else negative as of a handler. */
static int source_read(struct thread *t, struct request *r, struct reply *p, struct source *ret) {
    const char *result = request_parameter(r, "result");
    *ret = (struct source){.r = r, .id = upload_id(r->segment[0]), .ng_only = result != NULL};
    if (result && strcmp(result, "NG") != 0) {
        (void) reply_bad_parameter(r, p, "result", result, "NG");
        return 0;
    }
    int n = ret->id == 0 ? 0 : upload_get(t, r, &(struct upload_query){.id = ret->id, .no_rows = true}, &ret->upload);
    if (n == 0)
        reply_error(r, p, ERROR_NOT_FOUND, NULL, 0);
    return n;
}

static int send(struct thread *t, struct reply *p, struct source *s, struct export *e, const char *type,
                const char *ending) {
    char name[64];
    (void) snprintf(name, sizeof(name), "upload-%lld%s", (long long) s->id, ending);
    e->ctx = s;
    int result = export_send(t, s->r, p, e, type, name);
    json_decref(s->upload);
    return result;
}

/* ---- lines */

static int put_lines(struct db *db, struct export *e) {
    const struct source *s = e->ctx;
    _cleanup_rows_ struct db_rows *rows = NULL;
    int64_t n = upload_lines(db, s->id, e->at[0], s->ng_only, EXPORT_PAGE_ROWS, &rows);
    for (size_t i = 0; n > 0 && i < (size_t) n; i++) {
        struct db_bytes line = db_bytes(rows, i, 1);
        buf_add(&e->page, line.data, line.len);
        buf_text(&e->page, "\r\n");
    }
    if (n <= 0)
        return (int) n;
    e->next[0] = db_int64(rows, (size_t) n - 1, 0);
    e->more = n == EXPORT_PAGE_ROWS;
    return 0;
}

static int get_lines(struct thread *t, struct request *r, struct reply *p) {
    struct source s;
    struct export e = {.rows = put_lines};
    int n = source_read(t, r, p, &s);
    return n <= 0 ? n : send(t, p, &s, &e, EXPORT_TSV, s.ng_only ? "-errors.tsv" : ".tsv");
}

/* ---- results */

static int read_rows(struct db *db, struct export *e, struct db_rows **ret) {
    const struct source *s = e->ctx;
    int64_t n = upload_rows(db, s->id, e->at[0], s->ng_only, EXPORT_PAGE_ROWS, ret);
    if (n > 0) {
        e->next[0] = db_int64(*ret, (size_t) n - 1, ROW_SEQ);
        e->next[1] = e->at[1] + n;
        e->more = n == EXPORT_PAGE_ROWS;
    }
    return (int) n;
}

static const enum text headings[] = {TEXT_seq,        TEXT_result, TEXT_name, TEXT_manager,       TEXT_serial,
                                     TEXT_error_code, TEXT_column, TEXT_item, TEXT_error_content, TEXT_remedy};

static void put_text(struct buf *to, const json_t *value) {
    if (json_is_integer(value))
        buf_printf(to, "%lld", (long long) json_integer_value(value));
    else
        export_cell(to, json_is_string(value) ? json_string_value(value) : "");
}

static void put_error(struct buf *to, const struct source *s, const json_t *error) {
    bool english = s->r->language == LANGUAGE_EN;
    int column = (int) json_integer_value(json_object_get(error, "column"));
    const char *kind = json_string_value(json_object_get(s->upload, "kind"));
    put_text(to, json_object_get(error, "code"));
    buf_char(to, '\t');
    if (column > 0)
        buf_printf(to, "%d", column);
    buf_char(to, '\t');
    export_cell(to, english ? tsv_item_en(kind, column) : tsv_item(kind, column));
    buf_char(to, '\t');
    put_text(to, json_object_get(error, english ? "message_en" : "message"));
    buf_char(to, '\t');
    put_text(to, json_object_get(error, english ? "remedy_en" : "remedy"));
}

/* A line for each error; one for a row without. */
static void put_result(struct buf *to, const struct source *s, const json_t *row) {
    static const char *const facts[] = {"seq", "result", "cn", "manager", "serial"};
    const json_t *errors = json_object_get(row, "errors");
    size_t i = 0;
    do {
        for (size_t k = 0; k < ARRAY_SIZE(facts); k++) {
            put_text(to, json_object_get(row, facts[k]));
            buf_char(to, '\t');
        }
        if (i < json_array_size(errors))
            put_error(to, s, json_array_get(errors, i));
        else
            buf_text(to, "\t\t\t\t");
        buf_text(to, "\r\n");
    } while (++i < json_array_size(errors));
}

static int put_results(struct db *db, struct export *e) {
    const struct source *s = e->ctx;
    _cleanup_rows_ struct db_rows *rows = NULL;
    int n = read_rows(db, e, &rows);
    for (int i = 0; i < n; i++) {
        json_auto_t *row = upload_row_json(rows, (size_t) i, json_string_value(json_object_get(s->upload, "kind")));
        put_result(&e->page, s, row);
    }
    return n < 0 ? n : 0;
}

static int get_results_tsv(struct thread *t, struct request *r, struct reply *p) {
    struct source s;
    struct export e = {.rows = put_results};
    int n = source_read(t, r, p, &s);
    if (n <= 0)
        return n;
    export_headings(&e, r, headings, ARRAY_SIZE(headings));
    /* What is wrong with the file as a whole is told as a row without a number. */
    if (json_array_size(json_object_get(s.upload, "errors")) > 0)
        put_result(&e.page, &s, s.upload);
    return send(t, p, &s, &e, EXPORT_TSV, "-results.tsv");
}

static int put_json(struct db *db, struct export *e) {
    const struct source *s = e->ctx;
    _cleanup_rows_ struct db_rows *rows = NULL;
    int n = read_rows(db, e, &rows);
    for (int i = 0; i < n; i++) {
        json_auto_t *row = upload_row_json(rows, (size_t) i, json_string_value(json_object_get(s->upload, "kind")));
        char *text = json_dumps(row, JSON_COMPACT);
        buf_printf(&e->page, "%s\n%s", e->at[1] + i > 0 ? "," : "", text ? text : "null");
        free(text);
    }
    return n < 0 ? n : 0;
}

static int get_results_json(struct thread *t, struct request *r, struct reply *p) {
    struct source s;
    struct export e = {.rows = put_json, .end = "]}\n"};
    int n = source_read(t, r, p, &s);
    if (n <= 0)
        return n;
    char *upload = json_dumps(s.upload, JSON_COMPACT);
    if (upload)
        buf_printf(&e.page, "%.*s,\"rows\":[", (int) strlen(upload) - 1, upload);
    free(upload);
    return send(t, p, &s, &e, "application/json", "-results.json");
}

const struct route upload_file_routes[] = {
    {LISTENER_REGISTRAR, "GET", "/api/v1/uploads/{}/lines.tsv", ACCESS_REGISTRAR, false, false, get_lines,
     .takes = "result"},
    {LISTENER_REGISTRAR, "GET", "/api/v1/uploads/{}/results.tsv", ACCESS_REGISTRAR, false, false, get_results_tsv,
     .takes = "result"},
    {LISTENER_REGISTRAR, "GET", "/api/v1/uploads/{}/results.json", ACCESS_REGISTRAR, false, false, get_results_json,
     .takes = "result"},
    {.handle = NULL},
};
