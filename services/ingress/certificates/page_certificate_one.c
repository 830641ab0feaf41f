/* One certificate: what it says, and every step of its life. */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "services/ingress/certificates/certificate_api.h"
#include "services/ingress/certificates/certificate_view.h"
#include "services/ingress/certificates/page_certificate.h"

static const struct word {
    const char *name;
    enum text text;
} steps[] = {{"received", TEXT_history_received},
             {"accepted", TEXT_history_accepted},
             {"issued", TEXT_history_issued},
             {"link_used", TEXT_history_link_used},
             {"link_expired", TEXT_history_link_expired},
             {"link_resent", TEXT_history_link_resent},
             {"manager_changed", TEXT_history_manager_changed},
             {"renewed", TEXT_history_renewed},
             {"revoked", TEXT_history_revoked},
             {"reminder", TEXT_history_reminder}},
  notices[] = {{"issued", TEXT_notice_issued},       {"fetched", TEXT_notice_fetched},
               {"renewed", TEXT_notice_renewed},     {"replace", TEXT_notice_replace},
               {"revoked", TEXT_notice_revoked},     {"expiring", TEXT_notice_expiring},
               {"unfetched", TEXT_notice_unfetched}, {"lapsed", TEXT_notice_lapsed}},
  notice_states[] = {{"queued", TEXT_link_state_queued},
                     {"sent", TEXT_notice_sent},
                     {"failed", TEXT_link_state_failed}},
  manager_items[] = {{"name", TEXT_manager_name},
                     {"affiliation", TEXT_manager_affiliation},
                     {"mail", TEXT_resend_to},
                     {"software", TEXT_manager_software}};
#define WORD(table, wanted, r) word(table, ARRAY_SIZE(table), wanted, r)

static const char *word(const struct word *table, size_t n, const char *wanted, const struct request *r) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(table[i].name, wanted) == 0)
            return text_get(table[i].text, r->language);
    return wanted;
}

/* ---- a step's particulars, a line each */

static void add_line(json_t *lines, const char *what, const char *value) {
    (void) json_array_append_new(lines, json_pack("{s:s, s:s}", "what", what, "value", value));
}

/* The audit's {"before": {…}, "after": {…}}: what differs. */
static void add_changes(const struct request *r, json_t *lines, const char *detail) {
    json_auto_t *change = json_loads(detail, 0, NULL);
    const json_t *before = json_object_get(change, "before"), *after = json_object_get(change, "after");
    for (size_t i = 0; i < ARRAY_SIZE(manager_items); i++) {
        const char *old = json_string_value(json_object_get(before, manager_items[i].name)),
                   *new = json_string_value(json_object_get(after, manager_items[i].name));
        _cleanup_buf_ struct buf text = {0};
        if (!new || (old && strcmp(old, new) == 0))
            continue;
        buf_printf(&text, "%s → %s", old ? old : "", new);
        add_line(lines, text_get(manager_items[i].text, r->language), buf_string(&text));
    }
}

static void add_serial(const struct request *r, json_t *step, enum text what, struct db_bytes serial) {
    _cleanup_buf_ struct buf text = {0};
    text_serial(&text, serial.data, serial.len);
    (void) json_object_set_new(
        step, "other", json_pack("{s:s, s:s}", "what", text_get(what, r->language), "serial", buf_string(&text)));
}

static void add_revocation(const struct request *r, json_t *lines, const struct db_rows *rows, size_t i) {
    add_line(lines, text_get(TEXT_reason, r->language), page_reason_title(r, (int) db_int64(rows, i, HISTORY_REASON)));
    if (!db_is_null(rows, i, HISTORY_COMMENT) && *db_text(rows, i, HISTORY_COMMENT))
        add_line(lines, text_get(TEXT_reason_comment, r->language), db_text(rows, i, HISTORY_COMMENT));
}

static json_t *particulars(const struct request *r, json_t *step, const struct db_rows *rows, size_t i) {
    const char *name = db_text(rows, i, HISTORY_STEP);
    json_t *lines = json_array();
    if (!db_is_null(rows, i, HISTORY_RECIPIENT))
        add_line(lines, text_get(TEXT_recipient, r->language), db_text(rows, i, HISTORY_RECIPIENT));
    if (!db_is_null(rows, i, HISTORY_REASON))
        add_revocation(r, lines, rows, i);
    if (strcmp(name, "manager_changed") == 0)
        add_changes(r, lines, db_text(rows, i, HISTORY_DETAIL));
    if (!db_is_null(rows, i, HISTORY_SERIAL))
        add_serial(r, step, strcmp(name, "issued") == 0 ? TEXT_old_serial : TEXT_new_serial,
                   db_bytes(rows, i, HISTORY_SERIAL));
    if (!db_is_null(rows, i, HISTORY_UPLOAD))
        (void) json_object_set_new(step, "upload",
                                   json_pack("{s:I, s:I}", "id", (json_int_t) db_int64(rows, i, HISTORY_UPLOAD), "seq",
                                             (json_int_t) db_int64(rows, i, HISTORY_SEQ)));
    return lines;
}

static json_t *step_shown(const struct request *r, const struct db_rows *rows, size_t i) {
    const char *name = db_text(rows, i, HISTORY_STEP), *notice = db_text(rows, i, HISTORY_NOTICE),
               *state = db_text(rows, i, HISTORY_STATE), *actor = db_text(rows, i, HISTORY_ACTOR);
    bool is_notice = strcmp(name, "notice") == 0, planned = strcmp(name, "reminder") == 0;
    json_t *step = json_pack("{s:s, s:o, s:s, s:b, s:b}", "step", name, "at", page_time(db_time(rows, i, HISTORY_AT)),
                             "what", is_notice ? WORD(notices, notice, r) : WORD(steps, name, r), "planned",
                             (int) planned, "bad", (int) (strcmp(state, "failed") == 0));
    if (is_notice)
        (void) json_object_set_new(step, "state", json_string(WORD(notice_states, state, r)));
    else if (planned)
        (void) json_object_set_new(step, "state", json_string(WORD(notices, notice, r)));
    if (!db_is_null(rows, i, HISTORY_ACTOR))
        (void) json_object_set_new(step, "actor",
                                   json_string(*actor ? actor : text_get(TEXT_history_operator, r->language)));
    (void) json_object_set_new(step, "lines", particulars(r, step, rows, i));
    return step;
}

/* ---- the page */

struct reading {
    int64_t certificate;
    struct db_rows *rows;
};

static int history_work(struct db *db, void *ctx) {
    struct reading *reading = ctx;
    db_rows_free(reading->rows);
    reading->rows = NULL;
    int64_t n = certificate_history(db, reading->certificate, &reading->rows);
    return n < 0 ? (int) n : 0;
}

static int read_history(struct thread *t, const struct request *r, int64_t certificate, json_t **ret) {
    struct reading reading = {.certificate = certificate};
    int result = db_transaction(t->db, "certificate_history", r->registrar.organisation, history_work, &reading);
    _cleanup_rows_ struct db_rows *rows = reading.rows;
    if (result < 0)
        return result;
    json_t *list = json_array();
    for (size_t i = 0; i < db_rows_count(rows); i++)
        (void) json_array_append_new(list, step_shown(r, rows, i));
    *ret = list;
    return list ? 0 : -ENOMEM;
}

int page_certificate(struct thread *t, struct request *r, struct reply *p) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    json_t *history = NULL;
    int result = certificate_read_one(t, r, r->segment[0], &rows);
    if (result == 0)
        reply_error(r, p, ERROR_NOT_FOUND, NULL, 0);
    if (result > 0)
        result = read_history(t, r, db_int64(rows, 0, CERTIFICATE_ID), &history);
    if (result < 0 || !history)
        return result;
    json_t *view = certificate_view(db_bytes(rows, 0, CERTIFICATE_DER));
    json_t *one = certificate_json(rows, 0);
    if (one) {
        page_certificate_shown(r, one);
        (void) json_object_set_new(
            one, "may_be_revoked",
            json_boolean(db_is_null(rows, 0, CERTIFICATE_REVOKED) && !db_bool(rows, 0, CERTIFICATE_EXPIRED)));
    }
    json_t *data = json_pack("{s:s, s:o, s:o, s:o, s:o, s:b}", "title", text_get(TEXT_certificate_title, r->language),
                             "certificate", one, "view", view, "history", history, "reasons", page_reasons(r, -1),
                             "resent", request_parameter(r, "resent") != NULL);
    return data ? page_send(r, p, 200, "certificate", data) : -ENOMEM;
}
