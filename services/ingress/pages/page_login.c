/* Why somebody cannot log in, and what a registrar should know about himself and his organisation on every page. */
#include "base/clock.h"
#include "services/ingress/pages/page_parts.h"

#define EXPIRES_SOON_USEC (30 * SEC_PER_DAY * USEC_PER_SEC)
#define STEPS_MAX 4

static const struct help {
    enum error error;
    enum text title, steps[STEPS_MAX];
    size_t n_steps;
} helps[] = {
    {ERROR_NO_CLIENT_CERTIFICATE, TEXT_login_title, {TEXT_login_1, TEXT_login_2, TEXT_login_3, TEXT_login_4}, 4},
    {ERROR_UNKNOWN_CLIENT_CERTIFICATE,
     TEXT_login_unknown_title,
     {TEXT_login_unknown_1, TEXT_login_unknown_2, TEXT_login_4},
     3},
    {ERROR_EXPIRED_CLIENT_CERTIFICATE,
     TEXT_login_expired_title,
     {TEXT_login_expired_1, TEXT_login_expired_2, TEXT_login_4},
     3},
    {ERROR_REMOVED_REGISTRAR, TEXT_login_removed_title, {TEXT_login_removed_1, TEXT_login_removed_2, TEXT_login_4}, 3},
};

static json_t *steps(const struct request *r, const struct help *help) {
    json_t *list = json_array();
    for (size_t i = 0; i < help->n_steps; i++)
        (void) json_array_append_new(list, json_string(text_get(help->steps[i], r->language)));
    return list;
}

/* The certificate that the browser chose: often it is simply another one than the person believes. */
static json_t *presented(const struct request *r) {
    if (!r->certificate.present)
        return json_null();
    return json_pack("{s:s, s:s, s:o}", "subject", r->certificate.subject, "issuer", r->certificate.issuer, "not_after",
                     page_time(r->certificate.not_after_usec));
}

bool page_login_explain(const struct request *r, enum error error, json_t *data) {
    for (const struct help *help = helps; help < helps + ARRAY_SIZE(helps); help++)
        if (help->error == error)
            return json_object_set_new(data, "title", json_string(text_get(help->title, r->language))) == 0 &&
                   json_object_set_new(
                       data, "login", json_pack("{s:o, s:o}", "steps", steps(r, help), "presented", presented(r))) == 0;
    return false;
}

static void add_error(const struct request *r, json_t *list, enum error error, const char *more) {
    json_t *words = page_error_words(r, error, NULL);
    (void) json_object_set_new(words, "more", json_string(more));
    (void) json_array_append_new(list, words);
}

json_t *page_login_notices(const struct request *r) {
    json_t *list = json_array();
    const struct registrar *who = &r->registrar;
    if (!who->organisation_active)
        add_error(r, list, ERROR_ORGANISATION_INACTIVE, text_get(TEXT_organisation_inactive, r->language));
    else if (who->issuing_expired)
        add_error(r, list, ERROR_ISSUING_EXPIRED, text_get(TEXT_issuing_expired, r->language));
    int64_t end_usec = r->certificate.not_after_usec;
    if (end_usec - clock_realtime_usec() < EXPIRES_SOON_USEC)
        (void) json_array_append_new(
            list, json_pack("{s:s, s:s, s:o}", "message", text_get(TEXT_certificate_ends, r->language), "remedy",
                            text_get(TEXT_certificate_ends_remedy, r->language), "until", page_time(end_usec)));
    return list;
}
