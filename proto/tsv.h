/*
 * The formats of the TSV files (tsv.def, tsv_classes.def): each kind a table of columns, data rather than code.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct buf;

enum tsv_class {
#define CLASS(name, half, full, ja, en) TSV_##name,
#include "proto/tsv_classes.def"
#undef CLASS
    TSV_CLASSES,
};

struct tsv_class_rule {
    const char *half; /* the half-width characters that are allowed */
    bool full;        /* full-width ones of JIS level 1 and 2 too */
    const char *ja, *en;
};
extern const struct tsv_class_rule tsv_classes[]; /* by enum tsv_class */

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
enum tsv_deed { TSV_ISSUE, TSV_RENEW, TSV_REVOKE, TSV_MANAGER };

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

/* For a new certificate: the row has a CSR and goes to the signer. */
bool tsv_is_request(enum tsv_deed deed);

const struct tsv_format *tsv_format(const char *kind); /* NULL: no such kind */
extern const char *const tsv_kinds;                    /* "server-issue, …" */
const struct tsv_format *tsv_format_at(size_t i);      /* NULL after the last */
const char *tsv_item(const char *kind, int column);    /* from 1; "" for column 0 or an unknown kind */
const char *tsv_item_en(const char *kind, int column); /* the same in English */
/* What 利用管理者mail may be, wherever it is given. */
#define TSV_MANAGER_MAIL_MAX 78
bool tsv_is_manager_mail(const char *text);
int tsv_column_of(const struct tsv_format *format, enum tsv_field field); /* from 1; 0: the format has no such field */

/* 失効理由コメント of the revocation of a certificate that was renewed. */
#define TSV_COMMENT_REPLACED "更新に伴う旧証明書の失効"
/*
 * A row of the format, as people upload it: CP932, CRLF; by enum tsv_field, NULL for nothing. 0, -EILSEQ for what CP932 does not have
 * (it becomes "?"), -ENOMEM.
 */
int tsv_put_row(struct buf *to, const struct tsv_format *format, const char *const values[static TSV_FIELD_COUNT]);
