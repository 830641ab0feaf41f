#include "base/clock.h"
#include "proto/tsv.h"
#include "services/ingress/page_parts.h"

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

static int page_menu(struct thread *t, struct request *r, struct reply *p) {
    (void) t;
    return page_send(r, p, 200, "menu", json_pack("{s:s}", "title", text_get(TEXT_menu, r->language)));
}

static int page_server_all(struct thread *t, struct request *r, struct reply *p) {
    (void) t;
    return page_send(r, p, 200, "server_all",
                     json_pack("{s:s}", "title", text_get(TEXT_server_all_title, r->language)));
}

const struct route page_routes[] = {
    {LISTENER_REGISTRAR, "GET", "/", ACCESS_REGISTRAR, false, false, page_menu},
    {LISTENER_REGISTRAR, "GET", "/uploads/new", ACCESS_REGISTRAR, false, false, page_upload_form},
    {LISTENER_REGISTRAR, "POST", "/uploads", ACCESS_REGISTRAR, true, true, page_upload_take},
    {LISTENER_REGISTRAR, "GET", "/uploads", ACCESS_REGISTRAR, false, false, page_upload_list},
    {LISTENER_REGISTRAR, "GET", "/uploads/{}", ACCESS_REGISTRAR, false, false, page_upload},
    {LISTENER_REGISTRAR, "GET", "/certificates/all", ACCESS_REGISTRAR, false, false, page_server_all},
    {LISTENER_REGISTRAR, "GET", "/certificates", ACCESS_REGISTRAR, false, false, page_certificate_list},
    {LISTENER_REGISTRAR, "POST", "/certificates/{}/resend", ACCESS_REGISTRAR, true, false, page_certificate_resend},
    {LISTENER_REGISTRAR, "GET", "/api/openapi.json", ACCESS_ANYONE, false, false, page_description},
    {LISTENER_REGISTRAR, "GET", "/static/{}", ACCESS_ANYONE, false, false, page_static},
    {LISTENER_PUBLIC, "GET", "/static/{}", ACCESS_ANYONE, false, false, page_static},
    {.handle = NULL},
};
