/* The result as text for people: a table for an array of objects, "name: value" for one object. Or as JSON. */
#include <stdio.h>
#include <string.h>
#include <uniwidth.h>

#include "ctl.h"

#define COLUMNS_MAX 24

/* A value as one text; the caller frees. NULL without memory. */
static char *cell_text(const json_t *value) {
    char *text = NULL;
    if (!value || json_is_null(value))
        return strdup("");
    if (json_is_string(value))
        return strdup(json_string_value(value));
    if (json_is_boolean(value))
        return strdup(json_is_true(value) ? "yes" : "no");
    if (json_is_integer(value))
        return asprintf(&text, "%lld", (long long) json_integer_value(value)) < 0 ? NULL : text;
    return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* Text from the database came from outside: it cannot move the cursor. Newlines stay where they are allowed. */
static void make_printable(char *text, bool lines) {
    for (char *p = text; *p; p++)
        if (((unsigned char) *p < 0x20 && !(lines && *p == '\n')) || *p == 0x7f)
            *p = '?';
}

static int text_width(const char *text) {
    int n = u8_strwidth((const uint8_t *) text, "UTF-8");
    return n < 0 ? 0 : n;
}

struct table {
    const char *names[COLUMNS_MAX];
    int widths[COLUMNS_MAX];
    size_t columns;
};

static void print_row(const struct table *t, char *const *cells) {
    for (size_t i = 0; i < t->columns; i++) {
        const char *text = cells[i] ? cells[i] : "";
        int gap = i + 1 < t->columns ? t->widths[i] - text_width(text) + 2 : 0;
        (void) printf("%s%*s", text, gap, "");
    }
    (void) putchar('\n');
}

/* cells: rows × COLUMNS_MAX. */
static void fill_table(const json_t *array, struct table *t, char **cells) {
    size_t row;
    const json_t *object;
    json_array_foreach(array, row, object) {
        for (size_t i = 0; i < t->columns; i++) {
            char *text = cell_text(json_object_get(object, t->names[i]));
            cells[row * COLUMNS_MAX + i] = text;
            if (!text)
                continue;
            make_printable(text, false);
            if (text_width(text) > t->widths[i])
                t->widths[i] = text_width(text);
        }
    }
}

static void print_table(const json_t *array) {
    struct table t = {0};
    size_t rows = json_array_size(array);
    const char *name;
    json_t *value;
    if (rows == 0)
        return;
    json_object_foreach(json_array_get(array, 0), name, value) {
        if (t.columns == COLUMNS_MAX)
            break;
        t.widths[t.columns] = text_width(name);
        t.names[t.columns++] = name;
    }
    char **cells = calloc(rows, COLUMNS_MAX * sizeof(*cells));
    if (!cells)
        return;
    fill_table(array, &t, cells);
    char *heads[COLUMNS_MAX] = {0};
    for (size_t i = 0; i < t.columns; i++)
        heads[i] = strdup(t.names[i]);
    print_row(&t, heads);
    for (size_t row = 0; row < rows; row++)
        print_row(&t, cells + row * COLUMNS_MAX);
    for (size_t i = 0; i < t.columns; i++)
        free(heads[i]);
    for (size_t i = 0; i < rows * COLUMNS_MAX; i++)
        free(cells[i]);
    free((void *) cells);
}

static void print_object(const json_t *object) {
    int width = 0;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *) (uintptr_t) object, name, value) width =
        text_width(name) > width ? text_width(name) : width;
    json_object_foreach((json_t *) (uintptr_t) object, name, value) {
        if (json_is_array(value) && json_is_object(json_array_get(value, 0))) {
            (void) printf("\n%s:\n", name);
            print_table(value);
            continue;
        }
        char *text = cell_text(value);
        if (text) {
            bool lines = strchr(text, '\n') != NULL;
            make_printable(text, true);
            (void) printf("%s:%*s%s%s\n", name, lines ? 0 : width - text_width(name) + 1, "", lines ? "\n" : "", text);
        }
        free(text);
    }
}

void ctl_print(const json_t *result, bool as_json) {
    if (!result)
        return;
    if (as_json) {
        (void) json_dumpf(result, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
        (void) putchar('\n');
    } else if (json_is_array(result))
        print_table(result);
    else
        print_object(result);
}
