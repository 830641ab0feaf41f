#include "row_target.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "proto/reasons.h"

static void read_serial(struct row *row) {
    int column = 0;
    const struct column *c = columns_get(&row->columns, row->problems.format, TSV_FIELD_SERIAL, &column);
    if (c->len == 0 || !c->readable)
        return;
    row->target.named = text_parse_serial(c->text, row->target.serial) == 0;
    if (!row->target.named)
        problem_item(&row->problems, ERROR_SERIAL_FORMAT, column, c->text, NULL);
}

static void read_reason(struct row *row) {
    int column = 0;
    int64_t code = 0;
    const struct column *c = columns_get(&row->columns, row->problems.format, TSV_FIELD_REASON, &column);
    row->target.reason = -1;
    if (c->len == 0 || !c->readable)
        return;
    if (text_to_int64(c->text, 0, 9, &code) == 0 && reason_available((int) code))
        row->target.reason = (int) code;
    else
        problem_item(&row->problems, ERROR_REASON_UNKNOWN, column, c->text, reasons_available, NULL);
}

void row_target_read(struct row *row) {
    read_serial(row);
    read_reason(row);
}

void row_target_dn(struct row *row) {
    const struct column *c = columns_get(&row->columns, row->problems.format, TSV_FIELD_DN, NULL);
    if (c->len > 0 && dn_parse(&row->dn, c->text) < 0)
        row->failed = true;
}

static void complain(struct row *row, enum error error, const char *what) {
    problem_add(&row->problems, error, tsv_column_of(row->problems.format, TSV_FIELD_SERIAL), what, NULL);
}

static void complain_date(struct row *row, enum error error, int64_t usec) {
    char text[CLOCK_TEXT_MAX];
    complain(row, error, clock_jst(usec, text));
}

static bool value_is(const struct dn *dn, enum dn_attribute attribute, const char *wanted, bool any_case) {
    const char *value = dn_value(dn, attribute);
    if (!value)
        value = "";
    return any_case ? strcasecmp(value, wanted) == 0 : strcmp(value, wanted) == 0;
}

static bool is_same_dn(const struct row *row, const struct target *t) {
    return value_is(&row->dn, DN_CN, t->cn, true) && value_is(&row->dn, DN_O, t->o, false) &&
           value_is(&row->dn, DN_L, t->l, false) && value_is(&row->dn, DN_ST, t->st, false);
}

/* Manual 1-2: the name must be the old one, anything else may change. */
static bool is_same_name(const struct row *row, const struct row_rules *rules, const struct target *t) {
    return strcmp(row->match_key, t->match_key) == 0 || (!rules->match_ou && strcmp(row->cn, t->cn) == 0);
}

/* Of a row that asks for no certificate: its name is the certificate's. */
static void judge_named(struct row *row, enum tsv_deed deed, const struct target *t) {
    row->cn = strdup(t->cn);
    row->failed = row->failed || !row->cn;
    if (row->dn.count > 0 && !is_same_dn(row, t)) {
        _cleanup_buf_ struct buf dn = {0};
        buf_printf(&dn, "CN=%s,O=%s,L=%s,ST=%s", t->cn, t->o, t->l, t->st);
        problem_item(&row->problems, ERROR_SERIAL_DN, tsv_column_of(row->problems.format, TSV_FIELD_DN),
                     buf_string(&dn), NULL);
        row->failed = row->failed || dn.failed;
    }
    if (t->revoked_usec)
        complain_date(row, ERROR_ALREADY_REVOKED, t->revoked_usec);
    else if (t->expired && deed == TSV_REVOKE)
        complain_date(row, ERROR_ALREADY_EXPIRED, t->not_after_usec);
}

void row_target_judge(struct row *row, const struct row_rules *rules, const struct target *found) {
    if (!found) {
        const struct column *c = columns_get(&row->columns, row->problems.format, TSV_FIELD_SERIAL, NULL);
        problem_item(&row->problems, ERROR_SERIAL_UNKNOWN, tsv_column_of(row->problems.format, TSV_FIELD_SERIAL),
                     c->text, NULL);
        return;
    }
    row->target.id = found->id;
    enum tsv_deed deed = rules->format->deed;
    if (!tsv_is_request(deed))
        judge_named(row, deed, found);
    if (deed == TSV_RENEW && row->match_key && !is_same_name(row, rules, found))
        problem_item(&row->problems, ERROR_SERIAL_DN, tsv_column_of(row->problems.format, TSV_FIELD_DN), found->cn,
                     NULL);
}
