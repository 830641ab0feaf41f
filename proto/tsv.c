#include "proto/tsv.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "name.h"

#define TSV_REQUIRED true
#define TSV_OPTIONAL false

#define FORMAT(symbol, kind, deed, ja, en) static const struct tsv_column symbol##_columns[] = {
#define COLUMN(field, ja, en, need, class, max) {ja, en, TSV_##need, TSV_##class, max, TSV_FIELD_##field},
#define END(symbol)                                                                                                    \
    }                                                                                                                  \
    ;                                                                                                                  \
    _Static_assert(ARRAY_SIZE(symbol##_columns) <= TSV_COLUMNS_MAX, "raise TSV_COLUMNS_MAX");
#include "proto/tsv.def"
#undef FORMAT
#undef COLUMN
#undef END

static const struct tsv_format formats[] = {
#define FORMAT(symbol, kind, deed, ja, en) {kind, TSV_##deed, ja, en, symbol##_columns, ARRAY_SIZE(symbol##_columns)},
#define COLUMN(field, ja, en, need, class, max)
#define END(symbol)
#include "proto/tsv.def"
#undef FORMAT
#undef COLUMN
#undef END
};

const struct tsv_class_rule tsv_classes[] = {
#define CLASS(name, half, full, ja, en) [TSV_##name] = {half, full, ja, en},
#include "proto/tsv_classes.def"
#undef CLASS
};

static const char kinds[] =
#define FORMAT(symbol, kind, deed, ja, en) ", " kind
#define COLUMN(field, ja, en, need, class, max)
#define END(symbol)
#include "proto/tsv.def"
#undef FORMAT
#undef COLUMN
#undef END
    ;
const char *const tsv_kinds = kinds + 2;

const struct tsv_format *tsv_format_at(size_t i) {
    return i < ARRAY_SIZE(formats) ? &formats[i] : NULL;
}

const struct tsv_format *tsv_format(const char *kind) {
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
        if (strcmp(formats[i].kind, kind) == 0)
            return &formats[i];
    return NULL;
}

static const struct tsv_column *column_at(const char *kind, int column) {
    const struct tsv_format *format = tsv_format(kind);
    return format && column >= 1 && (size_t) column <= format->columns_count ? &format->columns[column - 1] : NULL;
}

const char *tsv_item(const char *kind, int column) {
    const struct tsv_column *c = column_at(kind, column);
    return c ? c->item : "";
}

const char *tsv_item_en(const char *kind, int column) {
    const struct tsv_column *c = column_at(kind, column);
    return c ? c->item_en : "";
}

bool tsv_is_request(enum tsv_deed deed) {
    return deed == TSV_ISSUE || deed == TSV_RENEW;
}

bool tsv_is_manager_mail(const char *text) {
    return strlen(text) <= TSV_MANAGER_MAIL_MAX && name_is_mail(text);
}

int tsv_column_of(const struct tsv_format *format, enum tsv_field field) {
    for (size_t i = 0; i < format->columns_count; i++)
        if (format->columns[i].field == field)
            return (int) i + 1;
    return 0;
}

int tsv_put_row(struct buf *to, const struct tsv_format *format, const char *const values[static TSV_FIELD_COUNT]) {
    int r = 0;
    for (size_t i = 0; i < format->columns_count; i++) {
        const char *value = values[format->columns[i].field];
        if (i > 0)
            buf_char(to, '\t');
        int put = value ? text_put_cp932(to, value) : 0;
        if (r == 0)
            r = put;
    }
    buf_text(to, "\r\n");
    return to->failed ? -ENOMEM : r;
}
