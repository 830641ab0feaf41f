/* GET /api/v1/statistics, /api/v1/statistics.tsv */
#include "services/ingress/statistics/statistics_api.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "store/statistics.h"

#define MONTHS_BY_DEFAULT 12
#define YEAR_FIRST 2000
#define YEAR_LAST 2199

static int month_now(void) {
    const int offset_sec = JST_OFFSET_SEC;
    time_t at = (time_t) (clock_realtime_usec() / USEC_PER_SEC) + offset_sec;
    struct tm tm = {0};
    (void) gmtime_r(&at, &tm);
    return (tm.tm_year - 70) * 12 + tm.tm_mon;
}

static int month_read(const char *text, int *ret) {
    int64_t year, month;
    char copy[8];
    if (strlen(text) != 7 || text[4] != '-')
        return -EINVAL;
    memcpy(copy, text, sizeof(copy));
    copy[4] = '\0';
    if (text_to_int64(copy, YEAR_FIRST, YEAR_LAST, &year) < 0 || text_to_int64(copy + 5, 1, 12, &month) < 0)
        return -EINVAL;
    *ret = (int) ((year - 1970) * 12 + month - 1);
    return 0;
}

json_t *statistics_month(int month) {
    return json_sprintf("%04d-%02d", 1970 + month / 12, month % 12 + 1);
}

int statistics_query_read(const struct request *r, struct reply *p, struct statistics_query *ret) {
    const char *from = request_parameter(r, "from"), *to = request_parameter(r, "to");
    ret->to = month_now();
    if (to && *to && month_read(to, &ret->to) < 0)
        return reply_bad_parameter(r, p, "to", to, "2026-11");
    ret->from = ret->to - MONTHS_BY_DEFAULT + 1;
    if (from && *from && month_read(from, &ret->from) < 0)
        return reply_bad_parameter(r, p, "from", from, "2026-11");
    if (ret->from > ret->to || ret->to - ret->from >= STATISTICS_MONTHS_MAX)
        return reply_bad_parameter(r, p, "from", from ? from : "", "<= to, 120 months");
    return 0;
}

struct counting {
    const struct statistics_query *query;
    struct db_rows *rows;
};

static int count_work(struct db *db, void *ctx) {
    struct counting *c = ctx;
    db_rows_free(c->rows);
    c->rows = NULL;
    int64_t n = statistics(db, c->query->from, c->query->to, &c->rows);
    return n < 0 ? (int) n : 0;
}

static void count(json_t *to, const char *name, int64_t n) {
    (void) json_object_set_new(to, name, json_integer(json_integer_value(json_object_get(to, name)) + n));
}

static void count_row(json_t *to, const struct db_rows *rows, size_t i) {
    count(to, "issued", db_int64(rows, i, STATISTICS_ISSUED));
    count(to, "renewed", db_int64(rows, i, STATISTICS_RENEWED));
    count(to, "revoked", db_int64(rows, i, STATISTICS_REVOKED));
}

/* That of a list of profiles, ascending; made if it is not there. Borrowed. */
static json_t *profile_of(json_t *profiles, int64_t profile) {
    size_t i;
    json_t *one;
    json_array_foreach(profiles, i, one) {
        json_int_t found = json_integer_value(json_object_get(one, "profile"));
        if (found == profile)
            return one;
        if (found > profile)
            break;
    }
    one = json_pack("{s:I, s:i, s:i, s:i, s:i}", "profile", (json_int_t) profile, "issued", 0, "renewed", 0, "revoked",
                    0, "valid", 0);
    return one && json_array_insert_new(profiles, i, one) == 0 ? one : NULL;
}

int statistics_query_run(struct thread *t, const struct request *r, const struct statistics_query *query,
                         json_t **ret) {
    struct counting c = {.query = query};
    char text[CLOCK_TEXT_MAX];
    int result = db_transaction(t->db, "statistics", r->registrar.organisation, count_work, &c);
    _cleanup_rows_ struct db_rows *rows = c.rows;
    if (result < 0)
        return result;
    json_t *months = json_array(), *profiles = json_array(),
           *total = json_pack("{s:i, s:i, s:i, s:i}", "issued", 0, "renewed", 0, "revoked", 0, "valid", 0);
    for (size_t i = 0; i < db_rows_count(rows); i++) {
        int64_t profile = db_int64(rows, i, STATISTICS_PROFILE);
        json_t *of_profile = profile_of(profiles, profile);
        if (db_is_null(rows, i, STATISTICS_MONTH)) {
            count(of_profile, "valid", db_int64(rows, i, STATISTICS_VALID));
            count(total, "valid", db_int64(rows, i, STATISTICS_VALID));
            continue;
        }
        json_t *month = json_pack("{s:o, s:I}", "month", statistics_month((int) db_int64(rows, i, STATISTICS_MONTH)),
                                  "profile", (json_int_t) profile);
        count_row(month, rows, i);
        count_row(of_profile, rows, i);
        count_row(total, rows, i);
        (void) json_array_append_new(months, month);
    }
    *ret = json_pack("{s:o, s:o, s:s, s:o, s:o, s:o}", "from", statistics_month(query->from), "to",
                     statistics_month(query->to), "at", clock_rfc3339(clock_realtime_usec(), text), "months", months,
                     "profiles", profiles, "total", total);
    return *ret ? 0 : -ENOMEM;
}

static int statistics_json(struct thread *t, struct request *r, struct reply *p) {
    struct statistics_query query;
    json_t *data = NULL;
    if (statistics_query_read(r, p, &query) < 0)
        return 0;
    int result = statistics_query_run(t, r, &query, &data);
    if (result == 0)
        reply_json(p, 200, data);
    return result;
}

/* ---- the file */

static const char headings[] = "年月\t証明書種別\t証明書プロファイルID\t発行数\t更新数\t失効数\t有効数\r\n";

static void put_line(struct buf *to, const char *month, const json_t *row) {
    static const char *const names[] = {"issued", "renewed", "revoked", "valid"};
    (void) text_put_cp932(to, month);
    (void) text_put_cp932(to, "\tサーバ証明書");
    buf_printf(to, "\t%lld", (long long) json_integer_value(json_object_get(row, "profile")));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const json_t *value = json_object_get(row, names[i]);
        buf_char(to, '\t');
        if (value)
            buf_printf(to, "%lld", (long long) json_integer_value(value));
    }
    buf_text(to, "\r\n");
}

static int statistics_tsv(struct thread *t, struct request *r, struct reply *p) {
    struct statistics_query query;
    json_t *data = NULL, *row;
    size_t i;
    if (statistics_query_read(r, p, &query) < 0)
        return 0;
    int result = statistics_query_run(t, r, &query, &data);
    if (result < 0)
        return result;
    json_auto_t *found = data;
    (void) text_put_cp932(&p->body, headings);
    json_array_foreach(json_object_get(found, "months"), i, row)
        put_line(&p->body, json_string_value(json_object_get(row, "month")), row);
    json_array_foreach(json_object_get(found, "profiles"), i, row) put_line(&p->body, "合計", row);
    p->type = "text/tab-separated-values; charset=Shift_JIS";
    reply_header(p, "Content-Disposition", "attachment; filename=\"statistics-%s-%s.tsv\"",
                 json_string_value(json_object_get(found, "from")), json_string_value(json_object_get(found, "to")));
    return p->body.failed ? -ENOMEM : 0;
}

const struct route statistics_api_routes[] = {
    {LISTENER_REGISTRAR, "GET", "/api/v1/statistics", ACCESS_REGISTRAR, false, false, statistics_json,
     .takes = "from, to"},
    {LISTENER_REGISTRAR, "GET", "/api/v1/statistics.tsv", ACCESS_REGISTRAR, false, false, statistics_tsv,
     .takes = "from, to"},
    {.handle = NULL},
};
