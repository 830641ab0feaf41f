/* The menu, and the pages that are one button or one address. */
#include <string.h>

#include "services/ingress/pages/page_parts.h"

struct page_options page_options;

static const struct item {
    enum text title;
    const char *href; /* NULL: a group begins */
    enum text hint;
} items[] = {
#define MENU_GROUP(title) {TEXT_##title, NULL, TEXT_COUNT},
#define MENU_ITEM(href, title, hint) {TEXT_##title, href, TEXT_##hint},
#include "services/ingress/pages/menu.def"
#undef MENU_GROUP
#undef MENU_ITEM
};

/* The form of 利用管理者情報 更新 has the address of the others and a kind of its own. */
static bool is_here(const struct request *r, const char *href) {
    size_t len = strcspn(href, "?");
    const char *kind = request_parameter(r, "kind");
    bool manager = kind && strcmp(kind, "manager-update") == 0;
    return strncmp(r->path, href, len) == 0 && r->path[len] == '\0' && (href[len] != '\0') == manager;
}

json_t *page_menu_groups(const struct request *r) {
    json_t *groups = json_array(), *of = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
        const char *title = text_get(items[i].title, r->language);
        if (!items[i].href) {
            of = json_array();
            (void) json_array_append_new(groups, json_pack("{s:s, s:o}", "group", title, "items", of));
            continue;
        }
        (void) json_array_append_new(of, json_pack("{s:s, s:s, s:s, s:b}", "href", items[i].href, "label", title,
                                                   "hint", text_get(items[i].hint, r->language), "here",
                                                   (int) is_here(r, items[i].href)));
    }
    return groups;
}

static int page_menu(struct thread *t, struct request *r, struct reply *p) {
    (void) t;
    return page_send(r, p, 200, "menu", json_pack("{s:s}", "title", text_get(TEXT_menu, r->language)));
}

static const struct download {
    const char *path;
    enum text title, lead, form;
    const char *file; /* of the API */
} downloads[] = {
    {"/certificates/all", TEXT_server_all_title, TEXT_server_all_lead, TEXT_server_all_form,
     "/api/v1/certificates.tsv"},
    {"/all-certificates", TEXT_all_kinds_title, TEXT_all_kinds_lead, TEXT_all_kinds_form,
     "/api/v1/all-certificates.tsv"},
    {"/permissions", TEXT_permissions_title, TEXT_permissions_lead, TEXT_permissions_form, "/api/v1/permissions.tsv"},
};

static int page_download(struct thread *t, struct request *r, struct reply *p) {
    (void) t;
    const struct download *d = downloads;
    while (strcmp(d->path, r->path) != 0)
        d++;
    return page_send(r, p, 200, "download",
                     json_pack("{s:s, s:s, s:s, s:s}", "title", text_get(d->title, r->language), "lead",
                               text_get(d->lead, r->language), "form", text_get(d->form, r->language), "file",
                               d->file));
}

static int page_later(struct thread *t, struct request *r, struct reply *p) {
    (void) t;
    bool upload = strcmp(r->path, "/clients/uploads/new") == 0;
    return page_send(
        r, p, 200, "later",
        json_pack("{s:s}", "title", text_get(upload ? TEXT_client_upload_title : TEXT_client_all_title, r->language)));
}

static int page_timestamp(struct thread *t, struct request *r, struct reply *p) {
    (void) t;
    return page_send(r, p, 200, "timestamp",
                     json_pack("{s:s, s:s}", "title", text_get(TEXT_timestamp_title, r->language), "address",
                               page_options.timestamp_url));
}

const struct route page_routes[] = {
    {LISTENER_REGISTRAR, "GET", "/", ACCESS_REGISTRAR, false, false, page_menu},
    {LISTENER_REGISTRAR, "POST", "/login", ACCESS_ANYONE, true, false, page_login},
    {LISTENER_REGISTRAR, "POST", "/logout", ACCESS_ANYONE, true, false, page_logout},
    {LISTENER_REGISTRAR, "GET", "/uploads/new", ACCESS_REGISTRAR, false, false, page_upload_form},
    {LISTENER_REGISTRAR, "POST", "/uploads", ACCESS_REGISTRAR, true, true, page_upload_take},
    {LISTENER_REGISTRAR, "GET", "/uploads", ACCESS_REGISTRAR, false, false, page_upload_list},
    {LISTENER_REGISTRAR, "GET", "/uploads/{}", ACCESS_REGISTRAR, false, false, page_upload},
    {LISTENER_REGISTRAR, "GET", "/certificates/all", ACCESS_REGISTRAR, false, false, page_download},
    {LISTENER_REGISTRAR, "GET", "/all-certificates", ACCESS_REGISTRAR, false, false, page_download},
    {LISTENER_REGISTRAR, "GET", "/permissions", ACCESS_REGISTRAR, false, false, page_download},
    {LISTENER_REGISTRAR, "GET", "/clients/uploads/new", ACCESS_REGISTRAR, false, false, page_later},
    {LISTENER_REGISTRAR, "GET", "/clients/certificates/all", ACCESS_REGISTRAR, false, false, page_later},
    {LISTENER_REGISTRAR, "GET", "/timestamp", ACCESS_REGISTRAR, false, false, page_timestamp},
    {LISTENER_REGISTRAR, "GET", "/certificates", ACCESS_REGISTRAR, false, false, page_certificate_list},
    {LISTENER_REGISTRAR, "GET", "/certificates/{}/resend", ACCESS_REGISTRAR, false, false, page_resend_form},
    {LISTENER_REGISTRAR, "POST", "/certificates/{}/resend", ACCESS_REGISTRAR, true, false, page_resend},
    {LISTENER_REGISTRAR, "GET", "/links", ACCESS_REGISTRAR, false, false, page_links},
    {LISTENER_REGISTRAR, "GET", "/tsv-tool", ACCESS_ANYONE, false, false, page_tool},
    {LISTENER_PUBLIC, "GET", "/tsv-tool", ACCESS_ANYONE, false, false, page_tool},
    {LISTENER_REGISTRAR, "GET", "/api/openapi.json", ACCESS_ANYONE, false, false, page_description},
    {LISTENER_REGISTRAR, "GET", "/static/{}", ACCESS_ANYONE, false, false, page_static},
    {LISTENER_PUBLIC, "GET", "/static/{}", ACCESS_ANYONE, false, false, page_static},
    {.handle = NULL},
};
