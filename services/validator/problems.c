#include "problems.h"

#include <stdarg.h>
#include <string.h>

#include "base/cleanup.h"

#define ARGS_MAX 6
#define ARG_BYTES_MAX 320

void problems_done(struct problems *p) {
    json_decref(p->list);
    p->list = NULL;
}

static size_t cut_length(const char *text) {
    size_t len = strnlen(text, ARG_BYTES_MAX + 1);
    if (len <= ARG_BYTES_MAX)
        return len;
    len = ARG_BYTES_MAX;
    while (len > 0 && ((unsigned char) text[len] & 0xC0) == 0x80)
        len--;
    return len;
}

static void add_argument(struct buf *to, const char *text) {
    size_t len = cut_length(text);
    for (size_t i = 0; i < len; i++)
        buf_char(to, (unsigned char) text[i] < 0x20 || text[i] == 0x7F ? '?' : text[i]);
    if (text[len])
        buf_text(to, "…");
    buf_char(to, '\0');
}

static size_t place_of(const json_t *list, int column) {
    size_t i = json_array_size(list);
    while (i > 0 && json_integer_value(json_object_get(json_array_get(list, i - 1), "column")) > column)
        i--;
    return i;
}

static void insert(struct problems *p, enum error error, int column, const char *item, va_list ap) {
    _cleanup_buf_ struct buf text = {0};
    const char *args[ARGS_MAX];
    size_t n = 0;
    if (item) {
        add_argument(&text, item);
        n++;
    }
    for (const char *arg; n < ARGS_MAX && (arg = va_arg(ap, const char *)); n++)
        add_argument(&text, arg);
    const char *next = text.data;
    for (size_t i = 0; i < n && !text.failed; i++, next += strlen(next) + 1)
        args[i] = next;

    if (!p->list)
        p->list = json_array();
    json_t *json = text.failed || !p->list ? NULL : error_json(error, column, args, n);
    if (!json || json_array_insert_new(p->list, place_of(p->list, column), json) < 0)
        p->failed = true;
}

void problem_add(struct problems *p, enum error error, int column, ...) {
    va_list ap;
    va_start(ap, column);
    insert(p, error, column, NULL, ap);
    va_end(ap);
}

void problem_item(struct problems *p, enum error error, int column, ...) {
    va_list ap;
    va_start(ap, column);
    insert(p, error, column, tsv_item(p->format->kind, column), ap);
    va_end(ap);
}

bool problems_any(const struct problems *p) {
    return json_array_size(p->list) > 0;
}

char *problems_dump(const struct problems *p) {
    return p->list ? json_dumps(p->list, JSON_COMPACT) : strdup("[]");
}
