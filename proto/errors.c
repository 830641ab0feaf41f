#include "proto/errors.h"

#include <stdint.h>
#include <string.h>

#include "proto/tsv.h"

static const struct {
    int code;
    const char *symbol;
    const char *text[4]; /* by enum error_text */
} errors[] = {
    [ERROR_NONE] = {0, "NONE", {"", "", "", ""}},
#define ERROR(symbol, code, ja, en, remedy_ja, remedy_en)                                                              \
    [ERROR_##symbol] = {code, #symbol, {ja, en, remedy_ja, remedy_en}},
#include "proto/errors.def"
#undef ERROR
};

static size_t index_of(enum error error) {
    return error > ERROR_NONE && error < ERROR_COUNT ? (size_t) error : ERROR_NONE;
}

int error_code(enum error error) {
    return errors[index_of(error)].code;
}

const char *error_symbol(enum error error) {
    return errors[index_of(error)].symbol;
}

enum error error_from_symbol(const char *symbol) {
    for (size_t i = 1; i < ERROR_COUNT; i++)
        if (strcmp(errors[i].symbol, symbol) == 0)
            return (enum error) i;
    return ERROR_NONE;
}

static size_t count_places(const char *text) {
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, "{}")); p += 2)
        n++;
    return n;
}

void error_text(struct buf *to, enum error error, enum error_text which, const json_t *args) {
    const char *const *texts = errors[index_of(error)].text;
    size_t next = 0;
    if (which == ERROR_REMEDY_JA || which == ERROR_REMEDY_EN)
        next = count_places(texts[which - ERROR_REMEDY_JA + ERROR_MESSAGE_JA]);
    const char *p = texts[which], *place;
    for (; (place = strstr(p, "{}")); p = place + 2) {
        buf_add(to, p, (size_t) (place - p));
        const char *arg = json_string_value(json_array_get(args, next++));
        buf_text(to, arg ? arg : "-");
    }
    buf_text(to, p);
}

json_t *error_json(enum error error, int column, const char *const *args, size_t n_args) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < n_args; i++)
        if (json_array_append_new(list, json_string(args[i])) < 0) {
            json_decref(list);
            return NULL;
        }
    return json_pack("{s:i, s:s, s:i, s:o}", "code", error_code(error), "symbol", error_symbol(error), "column", column,
                     "args", list);
}

static json_t *shown_text(enum error error, enum error_text which, const json_t *args) {
    _cleanup_buf_ struct buf text = {0};
    error_text(&text, error, which, args);
    return json_string(buf_string(&text));
}

/* The arguments for English texts: an argument that is the column's item is named in English. New reference. */
static json_t *english_args(const json_t *args, const char *kind, int column) {
    json_t *copy = json_copy((json_t *) (uintptr_t) args);
    const char *first = json_string_value(json_array_get(copy, 0));
    if (first && *first && strcmp(first, tsv_item(kind, column)) == 0)
        (void) json_array_set_new(copy, 0, json_string(tsv_item_en(kind, column)));
    return copy;
}

json_t *error_shown(const json_t *stored, const char *kind) {
    const char *symbol = json_string_value(json_object_get(stored, "symbol"));
    enum error error = error_from_symbol(symbol ? symbol : "");
    int column = (int) json_integer_value(json_object_get(stored, "column"));
    const json_t *args = json_object_get(stored, "args");
    const char *item = tsv_item(kind, column);

    _cleanup_buf_ struct buf cell = {0};
    buf_printf(&cell, "%d:%d,%s,", error_code(error), column, item);
    error_text(&cell, error, ERROR_MESSAGE_JA, args);
    json_t *english = english_args(args, kind, column);
    json_t *shown =
        json_pack("{s:i, s:i, s:s, s:o, s:o, s:o, s:o, s:s}", "code", error_code(error), "column", column, "item", item,
                  "message", shown_text(error, ERROR_MESSAGE_JA, args), "message_en",
                  shown_text(error, ERROR_MESSAGE_EN, english), "remedy", shown_text(error, ERROR_REMEDY_JA, args),
                  "remedy_en", shown_text(error, ERROR_REMEDY_EN, english), "cell", buf_string(&cell));
    json_decref(english);
    return shown;
}
