/* GET /api/v1/permissions.tsv: 許可リスト一括ダウンロード. */
#include "store/permission.h"

#include <string.h>

#include "services/ingress/http/export.h"
#include "services/ingress/pages/texts.h"

#define PAGE_DOMAINS 100

static const enum text headings[] = {
    TEXT_permission_domain, TEXT_permission_organisation, TEXT_permission_st, TEXT_permission_l,
    TEXT_permission_ou,     TEXT_permission_until,        TEXT_state};

static enum text state_text(const char *state) {
    if (strcmp(state, "permitted") == 0)
        return TEXT_permission_permitted;
    if (strcmp(state, "pending") == 0)
        return TEXT_permission_pending;
    return strcmp(state, "suspended") == 0 ? TEXT_permission_suspended : TEXT_permission_closed;
}

static int put_rows(struct db *db, struct export *e) {
    const struct request *r = e->ctx;
    _cleanup_rows_ struct db_rows *rows = NULL;
    int64_t n = permission_list(db, e->at[0], PAGE_DOMAINS, &rows);
    for (size_t i = 0; n > 0 && i < (size_t) n; i++) {
        for (unsigned column = PERMISSION_DOMAIN; column < PERMISSION_STATE; column++) {
            export_cell(&e->page, db_text(rows, i, column));
            buf_char(&e->page, '\t');
        }
        export_cell(&e->page, text_get(state_text(db_text(rows, i, PERMISSION_STATE)), r->language));
        buf_text(&e->page, "\r\n");
    }
    if (n <= 0)
        return (int) n;
    e->next[0] = db_int64(rows, (size_t) n - 1, PERMISSION_DOMAIN_ID);
    e->more = true;
    return 0;
}

static int permissions(struct thread *t, struct request *r, struct reply *p) {
    struct export e = {.rows = put_rows, .ctx = r};
    export_headings(&e, r, headings, ARRAY_SIZE(headings));
    return export_send(t, r, p, &e, EXPORT_TSV, "permissions.tsv");
}

const struct route permission_api_routes[] = {
    {LISTENER_REGISTRAR, "GET", "/api/v1/permissions.tsv", ACCESS_REGISTRAR, false, false, permissions},
    {.handle = NULL},
};
