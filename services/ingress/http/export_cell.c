#include <string.h>

#include "base/text.h"
#include "services/ingress/http/export.h"

/* A lone sign is a text to spreadsheets too, and people write "-" for "none". */
static bool begins_formula(const char *text) {
    static const char *const signs[] = {"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"};
    for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
        if (strncmp(text, signs[i], strlen(signs[i])) == 0)
            return text[strlen(signs[i])] != '\0';
    return false;
}

void export_cell(struct buf *to, const char *text) {
    size_t from = to->len;
    if (begins_formula(text))
        buf_char(to, '\'');
    (void) text_put_cp932(to, text);
    for (size_t i = from; i < to->len; i++) /* none of these bytes is a part of a character in CP932 */
        if (to->data[i] == '\t' || to->data[i] == '\r' || to->data[i] == '\n')
            to->data[i] = ' ';
}
