/* Who is still to replace what: renewed certificates whose old one is valid, with the file that revokes the old ones. */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "proto/tsv.h"
#include "services/ingress/certificates/page_certificate.h"
#include "services/ingress/http/listing.h"
#include "store/certificate.h"

static json_t *serial_text(const struct db_rows *rows, size_t i, unsigned column) {
    struct db_bytes serial = db_bytes(rows, i, column);
    _cleanup_buf_ struct buf text = {0};
    text_serial(&text, serial.data, serial.len);
    return json_string(buf_string(&text));
}

static json_t *time_of(const struct db_rows *rows, size_t i, unsigned column) {
    return db_is_null(rows, i, column) ? json_null() : page_time(db_time(rows, i, column));
}

static json_t *row_shown(const struct request *r, const struct db_rows *rows, size_t i) {
    json_t *row = json_pack(
        "{s:o, s:s, s:s, s:s, s:o, s:I, s:o, s:o, s:o, s:o}", "serial", serial_text(rows, i, REPLACING_SERIAL), "cn",
        db_text(rows, i, REPLACING_CN), "manager_name", db_text(rows, i, REPLACING_MANAGER_NAME), "manager_mail",
        db_text(rows, i, REPLACING_MANAGER_MAIL), "since", time_of(rows, i, REPLACING_SINCE), "old_application",
        (json_int_t) db_int64(rows, i, REPLACING_OLD_APPLICATION), "old_serial",
        serial_text(rows, i, REPLACING_OLD_SERIAL), "old_not_after", time_of(rows, i, REPLACING_OLD_NOT_AFTER),
        "reminded", time_of(rows, i, REPLACING_REMINDED), "due", time_of(rows, i, REPLACING_REMINDER_DUE));
    if (row)
        page_days_left(r, row, db_int64(rows, i, REPLACING_OLD_DAYS_LEFT), false);
    return row;
}

struct listing {
    int64_t before;
    struct db_rows *rows;
};

static int list_work(struct db *db, void *ctx) {
    struct listing *l = ctx;
    db_rows_free(l->rows);
    l->rows = NULL;
    int64_t n = certificate_replacing(db, l->before, PAGE_CERTIFICATES + 1, &l->rows);
    return n < 0 ? (int) n : 0;
}

int page_replacing(struct thread *t, struct request *r, struct reply *p) {
    struct listing l = {0};
    if (listing_cursor(r, p, &l.before) < 0)
        return 0;
    const struct policy *policy;
    int result = service_policy(t->context, t->db, &policy);
    if (result == 0)
        result = db_transaction(t->db, "certificate_replacing", r->registrar.organisation, list_work, &l);
    _cleanup_rows_ struct db_rows *rows = l.rows;
    if (result < 0)
        return result;
    size_t n = db_rows_count(rows), shown = n > PAGE_CERTIFICATES ? PAGE_CERTIFICATES : n;
    json_t *list = json_array();
    for (size_t i = 0; i < shown; i++)
        (void) json_array_append_new(list, row_shown(r, rows, i));
    json_t *data =
        json_pack("{s:s, s:o, s:b, s:o, s:s, s:I, s:o}", "title", text_get(TEXT_replacing_title, r->language), "rows",
                  list, "has_rows", (int) (shown > 0), "reasons", page_reasons(r, policy->old_reason), "comment",
                  TSV_COMMENT_REPLACED, "rows_max", (json_int_t) t->context->shared.upload_rows_max, "next",
                  n > shown ? json_integer(db_int64(rows, shown - 1, REPLACING_ID)) : json_null());
    return data ? page_send(r, p, 200, "replacing", data) : -ENOMEM;
}
