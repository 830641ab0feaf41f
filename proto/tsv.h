/*
 * The formats of the TSV files (proto/tsv.def): each kind a table of columns, data rather than code.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum tsv_class {
    TSV_EMPTY,     /* must be empty */
    TSV_HALF,      /* half-width: printable ASCII */
    TSV_DIGITS,
    TSV_BASE64,
    TSV_FULL_HALF, /* half-width, or full-width of JIS level 1 and 2 */
};

struct tsv_column {
    const char *item;    /* 項目名 */
    const char *item_en;
    bool required;
    enum tsv_class class;
    int max;             /* characters */
};

struct tsv_format {
    const char *kind;    /* "server-issue" */
    const char *title_ja, *title_en; /* 処理内容: サーバ証明書 発行 */
    const struct tsv_column *columns;
    size_t columns_count;
};

const struct tsv_format *tsv_format(const char *kind);   /* NULL: no such kind */
const struct tsv_format *tsv_format_at(size_t i);        /* NULL after the last */
const char *tsv_item(const char *kind, int column);      /* from 1; "" for column 0 or an unknown kind */
