#include "services/ingress/http/export.h"

#include <errno.h>
#include <string.h>

#include "services/ingress/http/spool.h"

void export_headings(struct export *e, const struct request *r, const enum text *texts, size_t n) {
    for (size_t i = 0; i < n; i++) {
        export_cell(&e->page, text_get(texts[i], r->language));
        buf_text(&e->page, i + 1 < n ? "\t" : "\r\n");
    }
}

static int read_page(struct db *db, void *ctx) {
    struct export *e = ctx;
    buf_reset(&e->page);
    e->more = false;
    int result = e->rows(db, e);
    return result == 0 && e->page.failed ? -ENOMEM : result;
}

static int write_page(const struct export *e, int fd) {
    return e->page.failed ? -ENOMEM : spool_write(fd, e->page.data, e->page.len);
}

static int write_all(struct thread *t, const struct request *r, struct export *e, int fd) {
    int result = write_page(e, fd);
    do {
        if (result == 0)
            result = db_transaction(t->db, "export", r->registrar.organisation, read_page, e);
        if (result == 0)
            result = write_page(e, fd);
        memcpy(e->at, e->next, sizeof(e->at));
    } while (result == 0 && e->more);
    if (result == 0 && e->end)
        result = spool_write(fd, e->end, strlen(e->end));
    return result;
}

int export_send(struct thread *t, const struct request *r, struct reply *p, struct export *e, const char *type,
                const char *filename) {
    p->file_fd = spool_open(r);
    int result = p->file_fd < 0 ? p->file_fd : write_all(t, r, e, p->file_fd);
    buf_done(&e->page);
    if (result < 0)
        return result;
    p->type = type;
    reply_header(p, "Content-Disposition", "attachment; filename=\"%s\"", filename);
    return 0;
}
