#include "columns.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cp932.h"

struct reading {
    const uint8_t *line;
    struct problems *problems;
    struct buf text;
};

void columns_done(struct columns *c) {
    free(c->memory);
    c->memory = NULL;
}

const struct column *columns_get(const struct columns *c, const struct tsv_format *format, enum tsv_field field,
                                 int *ret_number) {
    static const struct column absent = {.text = ""};
    int number = tsv_column_of(format, field);
    if (ret_number)
        *ret_number = number;
    return number ? &c->column[number - 1] : &absent;
}

/* The half-width characters of each class, by byte. */
static bool half[TSV_CLASSES][UINT8_MAX + 1];
static pthread_once_t half_once = PTHREAD_ONCE_INIT;

static void fill_half(void) {
    for (size_t class = 0; class < TSV_CLASSES; class ++)
        for (const char *c = tsv_classes[class].half; *c; c++)
            half[class][(uint8_t) *c] = true;
}

/* How many bytes from here on are half-width characters of the class, and so mean themselves in CP932 and UTF-8. */
static size_t half_run(enum tsv_class class, const uint8_t *at, const uint8_t *end) {
    const uint8_t *p = at;
    while (p < end && half[class][*p])
        p++;
    return (size_t) (p - at);
}

static bool allowed(enum tsv_class class, enum cp932_kind kind) {
    return kind == CP932_FULL && tsv_classes[class].full;
}

static const char *allowed_shown(enum tsv_class class) {
    switch (class) {
    case TSV_DIGITS:
        return "0-9";
    case TSV_BASE64:
        return "A-Z a-z 0-9 + / =";
    case TSV_FULL_HALF:
        return "ASCII, JIS X 0208";
    default:
        return "ASCII";
    }
}

/* Names the character: itself where it can be shown, and its number. */
static void complain_character(struct problems *p, enum tsv_class class, int column, uint32_t c, enum cp932_kind kind) {
    char what[24];
    _cleanup_buf_ struct buf shown = {0};
    if (kind != CP932_CONTROL && kind != CP932_PRIVATE && c != ' ') {
        cp932_add_utf8(&shown, c);
        buf_char(&shown, ' ');
    }
    (void) snprintf(what, sizeof(what), "%.8sU+%04X", buf_string(&shown), c);
    problem_item(p, class == TSV_DIGITS ? ERROR_NOT_DIGITS : ERROR_BAD_CHARACTER, column, what, allowed_shown(class),
                 NULL);
}

static void complain_encoding(struct problems *p, int column, size_t byte) {
    char number[24];
    (void) snprintf(number, sizeof(number), "%zu", byte + 1);
    problem_add(p, ERROR_ENCODING, column, number, NULL);
}

static void complain_length(struct problems *p, int column, int max, int characters) {
    char number[16], found[16];
    (void) snprintf(number, sizeof(number), "%d", max);
    (void) snprintf(found, sizeof(found), "%d", characters);
    problem_item(p, ERROR_TOO_LONG, column, number, found, NULL);
}

/*
 * Decodes line[from, to) into r->text and returns the offset of the text there, 0 for none; the column's pointer is set
 * when all columns are read.
 */
static size_t read_column(struct reading *r, struct column *ret, int number, size_t from, size_t to) {
    const struct tsv_column *rule = &r->problems->format->columns[number - 1];
    size_t start = r->text.len;
    int characters = 0;
    bool wrong = false;
    for (size_t at = from; at < to; characters++) {
        size_t run = half_run(rule->class, r->line + at, r->line + to);
        buf_add(&r->text, r->line + at, run);
        at += run;
        characters += (int) run;
        if (at == to)
            break;
        uint32_t c = 0;
        enum cp932_kind kind = CP932_CONTROL;
        size_t n = cp932_next(r->line + at, to - at, &c, &kind);
        if (n == 0) {
            complain_encoding(r->problems, number, at);
            buf_char(&r->text, '\0');
            return 0;
        }
        if (!wrong && rule->class != TSV_EMPTY && !allowed(rule->class, kind)) {
            complain_character(r->problems, rule->class, number, c, kind);
            wrong = true;
        }
        cp932_add_utf8(&r->text, c ? c : '?');
        at += n;
    }
    ret->len = r->text.len - start;
    ret->readable = !wrong;
    buf_char(&r->text, '\0');

    if (characters == 0 && rule->required)
        problem_item(r->problems, ERROR_REQUIRED, number, NULL);
    if (rule->max && characters > rule->max)
        complain_length(r->problems, number, rule->max, characters);
    if (characters > 0 && rule->class == TSV_EMPTY) {
        char text[16];
        (void) snprintf(text, sizeof(text), "%d", number);
        problem_add(r->problems, ERROR_RESERVED_COLUMN, number, text, r->text.failed ? "" : r->text.data + start, NULL);
    }
    return start;
}

/* Trailing columns may be left away when the format does not require them. */
static void check_count(struct problems *p, size_t found) {
    const struct tsv_format *format = p->format;
    bool wrong = found > format->columns_count;
    for (size_t i = found; i < format->columns_count; i++)
        wrong = wrong || format->columns[i].required;
    if (!wrong)
        return;
    char have[24], want[24];
    (void) snprintf(have, sizeof(have), "%zu", found);
    (void) snprintf(want, sizeof(want), "%zu", format->columns_count);
    problem_add(p, ERROR_COLUMN_COUNT, 0, have, want, NULL);
}

static size_t ascii_run(const uint8_t *at, const uint8_t *end) {
    const uint8_t *p = at;
    while (p < end && *p < 0x80)
        p++;
    return (size_t) (p - at);
}

/*
 * A line that is well-formed UTF-8 beyond ASCII was saved as UTF-8: as CP932 it would be half-width kana, which are
 * refused anyway, or a row of rare kanji that nobody is called.
 */
static bool refuse_utf8(struct problems *p, const uint8_t *line, size_t len) {
    size_t at = ascii_run(line, line + len);
    if (at == len || !text_is_utf8(line, len))
        return false;
    complain_encoding(p, 0, at);
    return true;
}

static void complain_line(struct problems *p, size_t len) {
    char found[24], max[24];
    (void) snprintf(found, sizeof(found), "%zu", len);
    (void) snprintf(max, sizeof(max), "%d", LINE_BYTES_MAX);
    problem_add(p, ERROR_LINE_TOO_LONG, 0, found, max, NULL);
}

int columns_read(struct columns *ret, const uint8_t *line, size_t len, struct problems *problems) {
    struct reading r = {.line = line, .problems = problems};
    const struct tsv_format *format = problems->format;
    size_t offset[TSV_COLUMNS_MAX] = {0};
    size_t found = 0;

    (void) pthread_once(&half_once, fill_half);
    buf_char(&r.text, '\0'); /* offset 0: the empty text of columns that are not there */
    if (len > LINE_BYTES_MAX) {
        complain_line(problems, len);
        len = 0;
    }
    bool utf8 = refuse_utf8(problems, line, len);
    for (size_t from = 0; from <= len; found++) {
        const uint8_t *tab = memchr(line + from, '\t', len - from);
        size_t to = tab ? (size_t) (tab - line) : len;
        if (found < format->columns_count && (!utf8 || ascii_run(line + from, line + to) == to - from))
            offset[found] = read_column(&r, &ret->column[found], (int) found + 1, from, to);
        from = to + 1;
    }
    check_count(problems, found);
    if (r.text.failed) {
        buf_done(&r.text);
        return -ENOMEM;
    }
    ret->memory = buf_steal(&r.text);
    for (size_t i = 0; i < TSV_COLUMNS_MAX; i++)
        ret->column[i].text = ret->memory + offset[i];
    return 0;
}
