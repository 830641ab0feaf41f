/* The list of certificates, with their links' 再送. */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "services/ingress/certificate_api.h"
#include "services/ingress/page_parts.h"

static json_t *percent_encoded(const char *text) {
    _cleanup_buf_ struct buf to = {0};
    text_percent(&to, text);
    return json_string(buf_string(&to));
}

/* Adds to each certificate what only the page shows. */
static void add_shown(json_t *list) {
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one) {
        (void) json_object_set_new(one, "not_after_shown", page_time_shown(json_object_get(one, "not_after")));
        (void) json_object_set_new(one, "fetched_shown", page_time_shown(json_object_get(one, "fetched")));
        (void) json_object_set_new(one, "is_revoked", json_boolean(json_is_string(json_object_get(one, "revoked"))));
    }
}

int page_certificate_list(struct thread *t, struct request *r, struct reply *p) {
    struct certificate_query query;
    if (certificate_query_read(r, p, &query) < 0)
        return 0;
    json_t *data = NULL;
    int result = certificate_query_run(t, r, &query, &data);
    if (result < 0)
        return result;
    json_t *list = json_object_get(data, "certificates");
    const char *q = request_parameter(r, "q");
    char *csrf = page_csrf(r, p);
    add_shown(list);
    json_t *more =
        json_pack("{s:s, s:s, s:o, s:s, s:b, s:b}", "title", text_get(TEXT_certificates_title, r->language), "q",
                  q ? q : "", "q_encoded", percent_encoded(q ? q : ""), "csrf", csrf, "has_certificates",
                  (int) (json_array_size(list) > 0), "resent", request_parameter(r, "resent") != NULL);
    free(csrf);
    result = more ? json_object_update_missing(data, more) : -1;
    json_decref(more);
    if (result < 0) {
        json_decref(data);
        return -ENOMEM;
    }
    return page_send(r, p, 200, "certificates", data);
}

int page_certificate_resend(struct thread *t, struct request *r, struct reply *p) {
    if (!page_csrf_right(r)) {
        reply_error(r, p, ERROR_CSRF_TOKEN, NULL, 0);
        return 0;
    }
    int64_t expires_usec;
    int result = certificate_resend(t, r, p, r->segment[0], &expires_usec);
    if (result > 0)
        reply_redirect(p, "/certificates?resent=1");
    return result < 0 ? result : 0;
}
