/* 未取得証明書一覧, and the page that sends one certificate's link again. */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "services/ingress/links/links_api.h"
#include "services/ingress/pages/page_parts.h"

static const struct shown {
    const char *state;
    enum text text;
    const char *class;
} states[] = {{"queued", TEXT_link_state_queued, ""},
              {"sent", TEXT_link_state_sent, ""},
              {"failed", TEXT_link_state_failed, "ng"},
              {"expired", TEXT_link_state_expired, "ng"},
              {"used", TEXT_link_state_used, "ok"}};

/* Adds to each link what only the pages show. */
static void add_shown(const struct request *r, json_t *list) {
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one) {
        const char *state = json_string_value(json_object_get(one, "state"));
        (void) json_object_set_new(one, "sent_shown", page_time_shown(json_object_get(one, "sent")));
        (void) json_object_set_new(one, "expires_shown", page_time_shown(json_object_get(one, "expires")));
        for (size_t k = 0; state && k < ARRAY_SIZE(states); k++)
            if (strcmp(states[k].state, state) == 0) {
                (void) json_object_set_new(one, "state_shown", json_string(text_get(states[k].text, r->language)));
                (void) json_object_set_new(one, "state_class", json_string(states[k].class));
            }
    }
}

/* from: the page to come back to. */
static int send_page(const struct request *r, struct reply *p, const char *name, enum text title, const char *from,
                     json_t *steal) {
    _cleanup_free_
    char *csrf = page_csrf(r, p);
    json_t *more = csrf ? json_pack("{s:s, s:s, s:s, s:b}", "title", text_get(title, r->language), "csrf", csrf, "from",
                                    from, "resent", request_parameter(r, "resent") != NULL)
                        : NULL;
    int result = more ? json_object_update_missing(steal, more) : -1;
    json_decref(more);
    if (result == 0)
        return page_send(r, p, 200, name, steal);
    json_decref(steal);
    return -ENOMEM;
}

/* The page to come back to: one of ours, or the list of certificates. */
static const char *page_from(const struct request *r) {
    static const char one[] = "certificates/";
    const char *from = request_parameter(r, "from");
    if (from && strcmp(from, "links") == 0)
        return "links";
    if (from && strncmp(from, one, strlen(one)) == 0 &&
        from[strspn(from + strlen(one), "0123456789") + strlen(one)] == '\0')
        return from;
    return "certificates";
}

int page_links(struct thread *t, struct request *r, struct reply *p) {
    struct links_query query;
    if (links_query_read(r, p, &query) < 0)
        return 0;
    json_t *data = NULL;
    int result = links_query_run(t, r, &query, &data);
    if (result < 0)
        return result;
    json_t *list = json_object_get(data, "links");
    add_shown(r, list);
    (void) json_object_set_new(data, "has_links", json_boolean(json_array_size(list) > 0));
    return send_page(r, p, "links", TEXT_links_title, "links", data);
}

int page_resend_form(struct thread *t, struct request *r, struct reply *p) {
    struct links_query query = {.limit = 1};
    json_t *data = NULL;
    int result = 0;
    if (text_to_int64(r->segment[0], 1, INT64_MAX, &query.application) == 0)
        result = links_query_run(t, r, &query, &data);
    if (result < 0)
        return result;
    json_auto_t *found = data;
    json_t *list = json_object_get(found, "links");
    if (json_array_size(list) == 0) {
        reply_error(r, p, ERROR_NOT_FOUND, NULL, 0);
        return 0;
    }
    add_shown(r, list);
    return send_page(r, p, "resend_form", TEXT_resend_title, page_from(r),
                     json_pack("{s:O}", "link", json_array_get(list, 0)));
}

int page_resend(struct thread *t, struct request *r, struct reply *p) {
    if (!page_csrf_right(r)) {
        reply_error(r, p, ERROR_CSRF_TOKEN, NULL, 0);
        return 0;
    }
    int64_t expires_usec;
    int result = links_resend(t, r, p, r->segment[0], &expires_usec);
    if (result > 0)
        reply_redirect(p, "/%s?resent=1", page_from(r));
    return result < 0 ? result : 0;
}
