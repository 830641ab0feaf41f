/*
 * Files of any size for download: written page by page into a spooled file, each page in a short transaction of its own, and
 * sent from there. Memory does not grow with the rows, and no transaction spans a client's pace.
 */
#pragma once

#include "services/ingress/http/http.h"
#include "services/ingress/pages/texts.h"
#include "store/db.h"

#define EXPORT_TSV "text/tab-separated-values; charset=Shift_JIS"
#define EXPORT_PAGE_ROWS 500

struct export {
    /*
     * Appends a page of rows, those behind at, to page; sets next to where the page after it begins, and more when there is one.
     * 0 or negative as of a transaction's work; may run again from the same at.
     */
    int (*rows)(struct db * db, struct export * e);
    void *ctx;
    int64_t at[2], next[2];
    bool more;
    struct buf page; /* what stands in it before the first page comes first: headings */
    const char *end; /* written last; NULL: nothing */
};

/* The words of these as the first line. */
void export_headings(struct export *e, const struct request *r, const enum text *texts, size_t n);
/* The reply is the file that e writes, as an attachment. 0 or negative as of a handler; e's buffer is released. */
int export_send(struct thread *t, const struct request *r, struct reply *p, struct export *e, const char *type,
                const char *filename);

/*
 * One cell of a TSV that people open in spreadsheets: CP932; TABs and line ends become blanks, and an apostrophe stands before
 * what would begin a formula (= + - @, their full-width forms, TAB, CR, LF).
 */
void export_cell(struct buf *to, const char *text);
