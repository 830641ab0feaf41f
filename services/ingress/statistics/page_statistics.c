/* 発行証明書統計照会: tables, and charts of the same numbers. */
#include <errno.h>
#include <string.h>

#include "services/ingress/pages/page_parts.h"
#include "services/ingress/statistics/chart.h"
#include "services/ingress/statistics/statistics_api.h"

enum { ISSUED, RENEWED, REVOKED, KINDS };
static const char *const kinds[KINDS] = {"issued", "renewed", "revoked"};

/* The numbers of a span of months, all profiles together; by month from the first. */
struct span {
    int months;
    int64_t value[KINDS][STATISTICS_MONTHS_MAX];
    char label[STATISTICS_MONTHS_MAX][8];
    const char *labels[STATISTICS_MONTHS_MAX];
};

static int64_t number(const json_t *row, const char *name) {
    return json_integer_value(json_object_get(row, name));
}

static void span_read(struct span *span, const struct statistics_query *query, json_t *rows) {
    size_t at;
    json_t *row;
    *span = (struct span){.months = query->to - query->from + 1};
    for (int i = 0; i < span->months; i++) {
        json_auto_t *month = statistics_month(query->from + i);
        memcpy(span->label[i], json_string_value(month), sizeof(span->label[i]));
        span->labels[i] = span->label[i];
    }
    json_array_foreach(rows, at, row) {
        const char *month = json_string_value(json_object_get(row, "month"));
        for (int i = 0; i < span->months; i++)
            for (int k = 0; k < KINDS && strcmp(span->label[i], month) == 0; k++)
                span->value[k][i] += number(row, kinds[k]);
    }
}

static json_t *month_rows(const struct span *span) {
    json_t *list = json_array();
    for (int i = 0; i < span->months; i++)
        (void) json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:I}", "month", span->label[i], "issued",
                                                     (json_int_t) span->value[ISSUED][i], "renewed",
                                                     (json_int_t) span->value[RENEWED][i], "revoked",
                                                     (json_int_t) span->value[REVOKED][i]));
    return list;
}

static json_t *month_chart(const struct request *r, const struct span *span) {
    const struct chart_series series[KINDS] = {{text_get(TEXT_count_issued, r->language), span->value[ISSUED]},
                                               {text_get(TEXT_count_renewed, r->language), span->value[RENEWED]},
                                               {text_get(TEXT_count_revoked, r->language), span->value[REVOKED]}};
    const struct chart chart = {.id = "months",
                                .title = text_get(TEXT_statistics_months_chart, r->language),
                                .label = span->labels,
                                .labels = (size_t) span->months,
                                .series = series,
                                .series_count = KINDS};
    _cleanup_buf_ struct buf svg = {0};
    chart_columns(&svg, &chart);
    return json_string(buf_string(&svg));
}

/* "11 (ECDSA P-384)": what the policy in force says of it. */
static json_t *profile_title(const struct policy *policy, int64_t profile) {
    const struct policy_profile *known = policy_profile(policy, (int) profile);
    return known ? json_sprintf("%lld (%s)", (long long) profile, known->label)
                 : json_sprintf("%lld", (long long) profile);
}

#define PROFILES_SHOWN 16

static json_t *profile_chart(const struct request *r, json_t *profiles) {
    const char *labels[PROFILES_SHOWN];
    int64_t values[PROFILES_SHOWN];
    size_t i, n = 0;
    json_t *row;
    json_array_foreach(profiles, i, row) {
        if (n == PROFILES_SHOWN)
            break;
        labels[n] = json_string_value(json_object_get(row, "title"));
        values[n++] = number(row, "valid");
    }
    const struct chart_series series = {"", values};
    const struct chart chart = {.id = "profiles",
                                .title = text_get(TEXT_statistics_profiles_chart, r->language),
                                .label = labels,
                                .labels = n,
                                .series = &series,
                                .series_count = 1};
    _cleanup_buf_ struct buf svg = {0};
    chart_bars(&svg, &chart);
    return json_string(buf_string(&svg));
}

static void add_titles(json_t *rows, const struct policy *policy) {
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)(void)
        json_object_set_new(row, "title", profile_title(policy, number(row, "profile")));
}

int page_statistics(struct thread *t, struct request *r, struct reply *p) {
    struct statistics_query query;
    if (statistics_query_read(r, p, &query) < 0)
        return 0;
    const struct policy *policy;
    json_t *data = NULL;
    int result = service_policy(t->context, t->db, &policy);
    if (result == 0)
        result = statistics_query_run(t, r, &query, &data);
    if (result < 0)
        return result;
    json_t *profiles = json_object_get(data, "profiles");
    struct span span;
    span_read(&span, &query, json_object_get(data, "months"));
    add_titles(profiles, policy);
    add_titles(json_object_get(data, "months"), policy);
    json_t *more =
        json_pack("{s:s, s:o, s:o, s:o, s:b, s:b, s:o}", "title", text_get(TEXT_statistics_title, r->language),
                  "by_month", month_rows(&span), "month_chart", month_chart(r, &span), "profile_chart",
                  profile_chart(r, profiles), "has_profiles", (int) (json_array_size(profiles) > 0), "has_several",
                  (int) (json_array_size(profiles) > 1), "at_shown", page_time_shown(json_object_get(data, "at")));
    result = more ? json_object_update_missing(data, more) : -1;
    json_decref(more);
    if (result == 0)
        return page_send(r, p, 200, "statistics", data);
    json_decref(data);
    return -ENOMEM;
}
