/* Small conversions: each that accepts gives back what it was given. */
#include "base/clock.h"
#include "base/text.h"
#include "fuzz.h"
#include "services/ingress/http/export.h"

static void base64(const char *text, size_t len) {
    _cleanup_buf_ struct buf bytes = {0}, again = {0};
    if (text_from_base64(text, len, &bytes) == 0) {
        text_base64(&again, bytes.data, bytes.len);
        MUST(again.len == len && (len == 0 || memcmp(again.data, text, len) == 0));
    }
    _cleanup_buf_ struct buf url = {0}, url_again = {0};
    if (text_from_base64url(text, len, &url) == 0) {
        text_base64url(&url_again, url.data, url.len);
        MUST(url_again.len == len && (len == 0 || memcmp(url_again.data, text, len) == 0));
    }
}

static void hex_and_percent(const char *text, size_t len) {
    _cleanup_buf_ struct buf bytes = {0}, again = {0}, raw = {0}, escaped = {0}, back = {0};
    if (text_from_hex(text, len, &bytes) == 0) {
        text_hex(&again, bytes.data, bytes.len);
        MUST(again.len == len && (len == 0 || strncasecmp(again.data, text, len) == 0));
    }
    (void) text_from_percent(text, len, &raw);
    text_percent(&escaped, text);
    MUST(text_from_percent(buf_string(&escaped), escaped.len, &back) == 0 && strcmp(buf_string(&back), text) == 0);
    MUST(!strpbrk(buf_string(&escaped), "&=+/?#<>\"' \r\n"));
}

static void serial(const char *text) {
    uint8_t number[16];
    if (text_parse_serial(text, number) < 0)
        return;
    _cleanup_buf_ struct buf decimal = {0};
    uint8_t again[16];
    text_serial(&decimal, number, sizeof(number));
    MUST(!decimal.failed && text_parse_serial(buf_string(&decimal), again) == 0 && memcmp(number, again, 16) == 0);
}

static void plain_and_cell(const char *text) {
    char *copy = strdup(text);
    MUST(copy);
    text_make_plain(copy);
    MUST(strlen(copy) <= strlen(text) && text_is_utf8(copy, strlen(copy)) && !strpbrk(copy, "\r\n\t\x1b\x7f"));
    char *twice = strdup(copy);
    MUST(twice);
    text_make_plain(twice);
    MUST(strcmp(copy, twice) == 0);
    _cleanup_buf_ struct buf cell = {0};
    export_cell(&cell, copy);
    MUST(cell.len < 2 || !strchr("=+-@", cell.data[0]));
    free(copy);
    free(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = fuzz_text(data, size);
    int64_t number = 0;
    base64(text, size);
    hex_and_percent(text, size);
    serial(text);
    plain_and_cell(text);
    if (text_to_int64(text, -1000, 1000, &number) == 0)
        MUST(number >= -1000 && number <= 1000);
    (void) clock_parse_date(text, &number);
    free(text);
    return 0;
}
