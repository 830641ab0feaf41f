/* What the ingress does to bytes before any database: lines of a file, and where a request came from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/ingress/http/core.h"
#include "services/ingress/http/export.h"
#include "services/ingress/uploads/lines.h"

/* The lines of text as "seq:bytes|seq:bytes|". */
static void lines_are(const char *text, size_t len, const char *expected) {
    _cleanup_buf_ struct buf got = {0};
    /* A copy of exactly that length, so that a step too far is seen. */
    char *copy = malloc(len + !len);
    memcpy(copy, text, len);
    struct lines lines = {.at = copy, .end = copy + len};
    for (struct line line; lines_next(&lines, &line);) {
        buf_printf(&got, "%d:", line.seq);
        buf_add(&got, line.bytes, line.len);
        buf_char(&got, '|');
    }
    free(copy);
    assert_string_equal(buf_string(&got), expected);
}

static void test_lines(void **state) {
    (void) state;
    lines_are("", 0, "");
    lines_are("a", 1, "1:a|");
    lines_are("a\n", 2, "1:a|");
    lines_are("a\r\nb\r\n", 6, "1:a|2:b|");
    lines_are("a\nb\r\nc", 6, "1:a|2:b|3:c|");
    lines_are("\n\na\n\r\n \t \nb", 11, "3:a|6:b|");
    lines_are("\r\r\n", 3, "1:\r|");
    lines_are("\r", 1, "");
    lines_are("a\0b\n", 4, "1:a");
}

static void test_origin(void **state) {
    (void) state;
    static const struct {
        const char *origin, *fetch_site, *host;
        bool secure, foreign;
    } cases[] = {
        {NULL, NULL, "upki.example.jp", true, false}, /* a program */
        {"https://upki.example.jp", NULL, "upki.example.jp", true, false},
        {"https://UPKI.example.jp", "same-origin", "upki.example.jp", true, false},
        {NULL, "none", "upki.example.jp", true, false}, /* typed by hand */
        {"https://evil.example", NULL, "upki.example.jp", true, true},
        {"https://evil.example", "same-origin", "upki.example.jp", true, true},
        {"https://upki.example.jp", "cross-site", "upki.example.jp", true, true},
        {NULL, "same-site", "upki.example.jp", true, true},
        {"null", NULL, "upki.example.jp", true, true},
        {"http://upki.example.jp", NULL, "upki.example.jp", true, true},
        {"https://upki.example.jp:8443", NULL, "upki.example.jp", true, true},
        {"https://upki.example.jp.evil.example", NULL, "upki.example.jp", true, true},
        {"https://upki.example.jp", NULL, NULL, true, true},
        {"http://upki.example.jp", NULL, "upki.example.jp", false, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(origin_is_foreign(cases[i].origin, cases[i].fetch_site, cases[i].host, cases[i].secure),
                         cases[i].foreign);
}

static void cell_is(const char *text, const char *expected) {
    _cleanup_buf_ struct buf got = {0};
    buf_text(&got, "before\t");
    export_cell(&got, text);
    assert_string_equal(buf_string(&got) + strlen("before\t"), expected);
}

static void test_export_cell(void **state) {
    (void) state;
    cell_is("", "");
    cell_is("www.example.ac.jp", "www.example.ac.jp");
    cell_is("a=1+1", "a=1+1");
    cell_is("=1+1", "'=1+1");
    cell_is("+1", "'+1");
    cell_is("-1", "'-1");
    cell_is("@SUM(A1)", "'@SUM(A1)");
    cell_is("\t=1", "' =1");
    cell_is("\r=1", "' =1");
    cell_is("\n=1", "' =1");
    cell_is("-", "-");
    cell_is("a\tb\r\nc", "a b  c");
    cell_is("＝1", "'\x81\x81"
                   "1");
    cell_is("国立", "\x8d\x91\x97\xa7");
    cell_is("a\U0001F600", "a?");
}

static void test_language(void **state) {
    (void) state;
    static const struct {
        const char *wanted, *cookies, *accepted;
        enum language language;
    } cases[] = {
        {NULL, NULL, NULL, LANGUAGE_JA},
        {"en", "lang=ja", "ja", LANGUAGE_EN},
        {"fr", "lang=en", "ja", LANGUAGE_EN},
        {NULL, "a=b; lang=en", "ja", LANGUAGE_EN},
        {NULL, "xlang=en; lang=", "ja", LANGUAGE_JA},
        {NULL, "lang=english", NULL, LANGUAGE_JA},
        {NULL, NULL, "fr-CH, en-GB;q=0.9, ja;q=0.8", LANGUAGE_EN},
        {NULL, NULL, "ja-JP, en", LANGUAGE_JA},
        {NULL, NULL, "french, men, EN", LANGUAGE_EN},
        {"", ";;; ;", ",,;q=1, ,", LANGUAGE_JA},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(language_choose(cases[i].wanted, cases[i].cookies, cases[i].accepted), cases[i].language);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines), cmocka_unit_test(test_origin),
                                       cmocka_unit_test(test_export_cell), cmocka_unit_test(test_language)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
