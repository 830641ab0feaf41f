/* What the pages show of an upload, made from what the API says of it (interfaces: GET /api/v1/uploads/{id}). */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "proto/tsv.h"
#include "services/ingress/uploads/page_upload.h"

#define REFRESH_SEC 2

json_t *page_time(int64_t usec) {
    char text[CLOCK_TEXT_MAX];
    return usec == 0 ? json_null() : json_string(clock_jst(usec, text));
}

const char *page_kind_title(const struct request *r, const char *kind) {
    const struct tsv_format *format = tsv_format(kind);
    if (!format)
        return kind;
    return r->language == LANGUAGE_EN ? format->title_en : format->title_ja;
}

json_t *page_time_shown(const json_t *rfc3339) {
    const char *text = json_string_value(rfc3339);
    struct tm tm = {0};
    if (!text || !strptime(text, "%Y-%m-%dT%H:%M:%S", &tm))
        return json_null();
    return page_time((int64_t) timegm(&tm) * USEC_PER_SEC);
}

static const char *text_value(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static enum tsv_deed deed_of(const json_t *upload) {
    const struct tsv_format *format = tsv_format(text_value(upload, "kind"));
    return format ? format->deed : TSV_ISSUE;
}

static enum text state_text(const json_t *upload) {
    const char *state = text_value(upload, "state");
    if (strcmp(state, "received") == 0)
        return TEXT_state_received;
    if (strcmp(state, "checking") == 0)
        return TEXT_state_checking;
    if (strcmp(state, "rejected") == 0)
        return TEXT_state_rejected;
    if (strcmp(state, "accepted") == 0)
        return deed_of(upload) == TSV_REVOKE ? TEXT_state_revoking : TEXT_state_accepted;
    return json_is_true(json_object_get(upload, "dry_run")) ? TEXT_state_checked : TEXT_state_done;
}

int upload_view_facts(const struct request *r, json_t *upload) {
    bool skip = strcmp(text_value(upload, "on_error"), "skip") == 0;
    const char *state = text_value(upload, "state");
    bool bad = strcmp(state, "rejected") == 0, done = strcmp(state, "done") == 0;
    json_t *more = json_pack("{s:s, s:s, s:o, s:s, s:s}", "kind_title", page_kind_title(r, text_value(upload, "kind")),
                             "mode", text_get(skip ? TEXT_on_error_skip : TEXT_on_error_abort, r->language),
                             "created_shown", page_time_shown(json_object_get(upload, "created")), "state_shown",
                             text_get(state_text(upload), r->language), "state_class",
                             bad    ? "ng"
                             : done ? "ok"
                                    : "");
    int result = more ? json_object_update(upload, more) : -1;
    json_decref(more);
    return result < 0 ? -ENOMEM : 0;
}

/* The manual's CODE:column,項目名,メッセージ; of what concerns a row or the file as a whole, the code is enough. */
static json_t *cell(const json_t *error, const char *kind, bool english) {
    int column = (int) json_integer_value(json_object_get(error, "column"));
    int code = (int) json_integer_value(json_object_get(error, "code"));
    const char *message = text_value(error, english ? "message_en" : "message");
    return column > 0 ? json_sprintf("%d:%d,%s,%s", code, column,
                                     english ? tsv_item_en(kind, column) : tsv_item(kind, column), message)
                      : json_sprintf("%d: %s", code, message);
}

/* Each error in the request's language, and its message in the other one: managers may read that one. */
static void add_words(const struct request *r, json_t *errors, const char *kind) {
    bool english = r->language == LANGUAGE_EN;
    size_t i;
    json_t *error;
    json_array_foreach(errors, i, error) {
        (void) json_object_set_new(error, "shown", cell(error, kind, english));
        (void) json_object_set(error, "other", json_object_get(error, english ? "message" : "message_en"));
        (void) json_object_set_new(error, "other_lang", json_string(english ? "ja" : "en"));
        (void) json_object_set(error, "remedy_shown", json_object_get(error, english ? "remedy_en" : "remedy"));
    }
}

static void add_row_marks(const struct request *r, json_t *rows, const char *kind) {
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) {
        const char *result = json_string_value(json_object_get(row, "result"));
        (void) json_object_set_new(row, "good", json_boolean(result && strcmp(result, "OK") == 0));
        (void) json_object_set_new(row, "bad", json_boolean(result && strcmp(result, "NG") == 0));
        (void) json_object_set_new(row, "waiting", json_boolean(!result));
        /* Without a list of its own a row would show that of the file. */
        if (!json_object_get(row, "errors"))
            (void) json_object_set_new(row, "errors", json_array());
        add_words(r, json_object_get(row, "errors"), kind);
    }
}

static json_t *steps(const struct request *r, const json_t *upload, bool dry_run, const char *state) {
    static const enum text words[] = {TEXT_step_received, TEXT_step_checking, TEXT_step_issuing, TEXT_step_done};
    size_t current = strcmp(state, "received") == 0 ? 0 : strcmp(state, "checking") == 0 ? 1 : 2;
    enum tsv_deed deed = deed_of(upload);
    json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (words[i] == TEXT_step_issuing && (dry_run || deed == TSV_MANAGER))
            continue;
        enum text word = words[i] == TEXT_step_issuing && deed == TSV_REVOKE     ? TEXT_step_revoking
                         : words[i] == TEXT_step_checking && deed == TSV_MANAGER ? TEXT_step_checking_alone
                                                                                 : words[i];
        (void) json_array_append_new(list, json_pack("{s:s, s:b, s:s}", "text", text_get(word, r->language), "current",
                                                     i == current, "class",
                                                     i < current    ? "past"
                                                     : i == current ? "current"
                                                                    : ""));
    }
    return list;
}

enum phase { PHASE_WORKING, PHASE_DONE, PHASE_CHECKED, PHASE_REFUSED };

static enum phase phase_of(const char *state, bool dry_run) {
    if (strcmp(state, "rejected") == 0)
        return PHASE_REFUSED;
    if (strcmp(state, "done") == 0)
        return dry_run ? PHASE_CHECKED : PHASE_DONE;
    return PHASE_WORKING;
}

static enum text title_of(enum phase phase, bool dry_run, bool manager) {
    switch (phase) {
    case PHASE_DONE:
        return manager ? TEXT_manager_done_title : TEXT_done_title;
    case PHASE_CHECKED:
        return manager ? TEXT_manager_checked_title : TEXT_checked_title;
    case PHASE_REFUSED:
        return manager ? TEXT_manager_error_title : TEXT_error_title;
    default:
        return manager ? TEXT_manager_progress_title : dry_run ? TEXT_check_progress_title : TEXT_progress_title;
    }
}

/* Rows judged so far; only while checking does this number move. */
static json_t *progress(const json_t *upload, const char *state) {
    json_int_t judged = json_integer_value(json_object_get(upload, "rows_ok")) +
                        json_integer_value(json_object_get(upload, "rows_ng")),
               total = json_integer_value(json_object_get(upload, "rows_total"));
    if (strcmp(state, "checking") != 0 || total == 0)
        return json_null();
    return json_pack("{s:I, s:I}", "value", judged < total ? judged : total, "max", total);
}

json_t *upload_view(const struct request *r, json_t *steal) {
    json_auto_t *upload = steal;
    if (!upload || upload_view_facts(r, upload) < 0)
        return NULL;
    const char *state = text_value(upload, "state");
    bool dry_run = json_is_true(json_object_get(upload, "dry_run"));
    enum phase phase = phase_of(state, dry_run);
    enum tsv_deed deed = deed_of(upload);
    json_t *rows = json_object_get(upload, "rows"), *errors = json_object_get(upload, "errors");
    const char *kind = text_value(upload, "kind");
    add_row_marks(r, rows, kind);
    add_words(r, errors, kind);
    bool bad = json_integer_value(json_object_get(upload, "rows_ng")) > 0 || json_array_size(errors) > 0;
    const char *wanted = request_parameter(r, "result");
    json_t *page = phase == PHASE_WORKING ? json_pack("{s:i, s:s}", "refresh", REFRESH_SEC, "script", "progress.js")
                                          : json_object();
    json_t *file_errors = json_array_size(errors) > 0 ? json_pack("{s:O}", "errors", errors) : json_null();
    return json_pack(
        "{s:s, s:o, s:O, s:O, s:O?, s:o, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:o, s:o}",
        "title", text_get(title_of(phase, dry_run, deed == TSV_MANAGER), r->language), "page", page, "upload", upload,
        "rows", rows, "next", json_object_get(upload, "next"), "file_errors", file_errors, "working",
        phase == PHASE_WORKING, "done", phase == PHASE_DONE, "checked", phase == PHASE_CHECKED, "refused",
        phase == PHASE_REFUSED, "mend", (int) (phase == PHASE_REFUSED || (phase == PHASE_CHECKED && bad)), "go_on",
        (int) (phase == PHASE_CHECKED && !bad), "has_rows", (int) (phase != PHASE_WORKING && json_array_size(rows) > 0),
        "ng_only", (int) (wanted && strcmp(wanted, "NG") == 0), "show_names", phase != PHASE_REFUSED, "revoke",
        deed == TSV_REVOKE, "manager", deed == TSV_MANAGER, "request", (int) tsv_is_request(deed), "steps",
        steps(r, upload, dry_run, state), "progress", progress(upload, state));
}
