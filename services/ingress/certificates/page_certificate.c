/* The list of certificates, from which they are chosen for files to renew and to revoke. */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "proto/reasons.h"
#include "services/ingress/certificates/certificate_api.h"
#include "services/ingress/certificates/page_certificate.h"

/* What can be chosen by a name; the API knows each of the manual's states. */
static const struct {
    const char *state;
    enum text text;
} choices[] = {{"", TEXT_status_any},      {"valid", TEXT_status_valid},     {"4", TEXT_status_unfetched},
               {"8", TEXT_status_replace}, {"expired", TEXT_status_expired}, {"revoked", TEXT_status_revoked}};

static json_t *states(const struct request *r) {
    const char *chosen = request_parameter(r, "state");
    json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_SIZE(choices); i++)
        (void) json_array_append_new(list, json_pack("{s:s, s:s, s:b}", "state", choices[i].state, "title",
                                                     text_get(choices[i].text, r->language), "chosen",
                                                     (int) (chosen && strcmp(chosen, choices[i].state) == 0)));
    return list;
}

json_t *page_reasons(const struct request *r, int chosen) {
    json_t *list = json_array();
    for (int code = 0; code <= 9; code++)
        if (reason_available(code))
            (void) json_array_append_new(list, json_pack("{s:i, s:s, s:b}", "code", code, "title",
                                                         page_reason_title(r, code), "chosen", (int) (code == chosen)));
    return list;
}

const char *page_reason_title(const struct request *r, int code) {
    const struct reason *reason = reason_of(code);
    if (!reason)
        return "";
    return r->language == LANGUAGE_EN ? reason->en : reason->ja;
}

static const char *given(const struct request *r, const char *name) {
    const char *value = request_parameter(r, name);
    return value ? value : "";
}

/* The same search, for the link to its next page. */
static json_t *same_search(const struct request *r) {
    _cleanup_buf_ struct buf to = {0};
    request_put_query(r, &to, "cursor");
    return json_string(buf_string(&to));
}

static json_t *days_text(const struct request *r, int64_t days) {
    const char *text = text_get(TEXT_days_left, r->language), *gap = strstr(text, "{}");
    return json_sprintf("%.*s%lld%s", (int) (gap - text), text, (long long) days, gap + 2);
}

/* Expiry is told by words; the class adds a colour. One that was renewed need not be looked after any more. */
void page_days_left(const struct request *r, json_t *one, int64_t days, bool renewed) {
    static const struct {
        int64_t days;
        const char *class;
    } steps[] = {{7, "urgent"}, {30, "soon"}};
    if (days <= 0) {
        (void) json_object_set_new(one, "validity", json_string(text_get(TEXT_status_expired, r->language)));
        (void) json_object_set_new(one, "validity_class", json_string("over"));
        return;
    }
    for (size_t i = 0; !renewed && i < ARRAY_SIZE(steps); i++)
        if (days <= steps[i].days) {
            (void) json_object_set_new(one, "validity", days_text(r, days));
            (void) json_object_set_new(one, "validity_class", json_string(steps[i].class));
            return;
        }
}

static const enum text state_texts[] = {
    [3] = TEXT_certificate_state_3, [4] = TEXT_certificate_state_4,  [5] = TEXT_certificate_state_5,
    [6] = TEXT_certificate_state_6, [7] = TEXT_certificate_state_7,  [8] = TEXT_certificate_state_8,
    [9] = TEXT_certificate_state_9, [10] = TEXT_certificate_state_10};

void page_certificate_shown(const struct request *r, json_t *one) {
    bool revoked = json_is_string(json_object_get(one, "revoked"));
    json_int_t state = json_integer_value(json_object_get(one, "state"));
    (void) json_object_set_new(one, "not_after_shown", page_time_shown(json_object_get(one, "not_after")));
    (void) json_object_set_new(one, "fetched_shown", page_time_shown(json_object_get(one, "fetched")));
    (void) json_object_set_new(one, "is_revoked", json_boolean(revoked));
    if (state >= 3 && state < (json_int_t) ARRAY_SIZE(state_texts))
        (void) json_object_set_new(one, "state_shown", json_string(text_get(state_texts[state], r->language)));
    if (revoked) {
        (void) json_object_set_new(one, "validity", json_string(text_get(TEXT_status_revoked, r->language)));
        (void) json_object_set_new(one, "validity_class", json_string("over"));
    } else
        page_days_left(r, one, json_integer_value(json_object_get(one, "days_left")),
                       json_is_true(json_object_get(one, "renewed")));
}

static void add_shown(const struct request *r, json_t *list) {
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one) page_certificate_shown(r, one);
}

int page_certificate_list(struct thread *t, struct request *r, struct reply *p) {
    struct certificate_query query;
    if (certificate_query_read(r, p, &query) < 0)
        return 0;
    if (query.filter.limit > PAGE_CERTIFICATES)
        query.filter.limit = PAGE_CERTIFICATES;
    json_t *data = NULL;
    int result = certificate_query_run(t, r, &query, &data);
    if (result < 0)
        return result;
    json_t *list = json_object_get(data, "certificates");
    add_shown(r, list);
    json_t *more = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:b, s:b}", "title",
        text_get(TEXT_certificates_title, r->language), "q", given(r, "q"), "state", given(r, "state"), "expires_after",
        given(r, "expires_after"), "expires_before", given(r, "expires_before"), "states", states(r), "query",
        same_search(r), "reasons", page_reasons(r, -1), "rows_max", (json_int_t) t->context->shared.upload_rows_max,
        "has_certificates", (int) (json_array_size(list) > 0), "resent", request_parameter(r, "resent") != NULL);
    result = more ? json_object_update_missing(data, more) : -1;
    json_decref(more);
    if (result < 0) {
        json_decref(data);
        return -ENOMEM;
    }
    return page_send(r, p, 200, "certificates", data);
}

const struct route certificate_page_routes[] = {
    {LISTENER_REGISTRAR, "GET", "/certificates/replacing", ACCESS_REGISTRAR, false, false, page_replacing},
    {LISTENER_REGISTRAR, "POST", "/certificates/tsv", ACCESS_REGISTRAR, true, false, page_certificate_tsv,
     .repeats = "certificate"},
    {LISTENER_REGISTRAR, "GET", "/certificates/{}", ACCESS_REGISTRAR, false, false, page_certificate},
    {LISTENER_REGISTRAR, "GET", "/statistics", ACCESS_REGISTRAR, false, false, page_statistics},
    {.handle = NULL},
};
