/*
 * The errors of errors.def: a stored error is its symbol's code, a column (0 = the whole row or file) and arguments; texts
 * are made when shown.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"

enum error {
    ERROR_NONE = 0,
#define ERROR(symbol, code, ja, en, remedy_ja, remedy_en) ERROR_##symbol,
#include "proto/errors.def"
#undef ERROR
    ERROR_COUNT,
};

int error_code(enum error error);                 /* 201 … 999 */
const char *error_symbol(enum error error);       /* "REQUIRED": what is stored in the database beside the code */
enum error error_from_symbol(const char *symbol); /* ERROR_NONE for an unknown one */

enum error_text { ERROR_MESSAGE_JA, ERROR_MESSAGE_EN, ERROR_REMEDY_JA, ERROR_REMEDY_EN };

/* The text with its {} filled from args (a JSON array of strings, may be NULL). */
void error_text(struct buf *to, enum error error, enum error_text which, const json_t *args);

/* A stored error: {"code": 212, "symbol": "DN_TAKEN", "column": 1, "args": ["…"]}. New reference, NULL without memory. */
json_t *error_json(enum error error, int column, const char *const *args, size_t n_args);

/*
 * What users see of one stored error: {code, column, item, message, message_en, remedy, remedy_en, cell}, where cell is
 * the manual's `CODE:column,項目名,メッセージ`. kind names the TSV format the column belongs to. New reference.
 */
json_t *error_shown(const json_t *stored, const char *kind);
