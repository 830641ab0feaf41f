/*
 * The formats of the TSV files (proto/tsv.def): each kind a table of columns, data rather than code.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum tsv_class {
    TSV_EMPTY, /* must be empty */
    TSV_HALF,  /* half-width: printable ASCII */
    TSV_DIGITS,
    TSV_BASE64,
    TSV_FULL_HALF, /* half-width, or full-width of JIS level 1 and 2 */
};

/* What a column means; kinds of file share meanings, not column numbers. */
enum tsv_field {
    TSV_FIELD_RESERVED,
    TSV_FIELD_DN,
    TSV_FIELD_PROFILE,
    TSV_FIELD_CSR,
    TSV_FIELD_MANAGER_NAME,
    TSV_FIELD_MANAGER_AFFILIATION,
    TSV_FIELD_MANAGER_MAIL,
    TSV_FIELD_FQDN,
    TSV_FIELD_SOFTWARE,
    TSV_FIELD_DNSNAMES,
    TSV_FIELD_SERIAL,
    TSV_FIELD_REASON,
    TSV_FIELD_COMMENT,
    TSV_FIELD_COUNT,
};

/* What a row asks for. */
enum tsv_deed { TSV_ISSUE, TSV_RENEW, TSV_REVOKE };

#define TSV_COLUMNS_MAX 16 /* of any format */

struct tsv_column {
    const char *item; /* 項目名 */
    const char *item_en;
    bool required;
    enum tsv_class class;
    int max; /* characters; 0: no bound */
    enum tsv_field field;
};

struct tsv_format {
    const char *kind; /* "server-issue" */
    enum tsv_deed deed;
    const char *title_ja, *title_en; /* 処理内容: サーバ証明書 発行 */
    const struct tsv_column *columns;
    size_t columns_count;
};

const struct tsv_format *tsv_format(const char *kind); /* NULL: no such kind */
extern const char *const tsv_kinds;                    /* "server-issue, …" */
const struct tsv_format *tsv_format_at(size_t i);      /* NULL after the last */
const char *tsv_item(const char *kind, int column);    /* from 1; "" for column 0 or an unknown kind */
const char *tsv_item_en(const char *kind, int column); /* the same in English */
int tsv_column_of(const struct tsv_format *format, enum tsv_field field); /* from 1; 0: the format has no such field */
