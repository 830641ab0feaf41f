/* Every error of the columns that one row can have, each provoked by a row of its own, and the order of several. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unictype.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "rows.h"
#include "services/validator/cp932.h"

static void test_good_rows(void **state) {
    (void) state;
    static const struct expectation rows[] = {
        {"RSA", {{NULL}, {.key = RSA2048}, 0}, ""},
        {"P-384", {{[2] = "11"}, {.key = P384, .digest = EVP_sha384}, 0}, ""},
        {"subject from CN to C",
         {{NULL}, {.subject = "CN=www.example.ac.jp|O=testkikan|L=Chiyoda-ku|ST=Tokyo|C=JP"}, 0},
         ""},
        {"SHA-1", {{NULL}, {.digest = EVP_sha1}, 0}, ""},
        {"blanks around names", {{[1] = "CN=www.example.ac.jp, O =testkikan, L=Chiyoda-ku,ST=Tokyo,C=JP"}, {0}, 0}, ""},
        {"optional columns empty", {{[8] = "", [9] = ""}, {0}, 0}, ""},
        {"dNSName left away", {{NULL}, {0}, 12}, ""},
        {"eight names",
         {{[13] = "dNSName=a.example.ac.jp,dNSName=b.example.ac.jp,dNSName=c.example.ac.jp,dNSName=d.example.ac.jp,"
                  "dNSName=e.example.ac.jp,dNSName=f.example.ac.jp,dNSName=g.example.ac.jp,dNSName=example.jp"},
          {0},
          0},
         ""},
    };
    expect_all(rows, ARRAY_SIZE(rows));
}

static void test_columns(void **state) {
    (void) state;
    static const struct expectation rows[] = {
        {"201 DN", {{[1] = ""}, {0}, 0}, "201:1"},
        {"201 profile", {{[2] = ""}, {0}, 0}, "201:2"},
        {"201 CSR", {{[7] = ""}, {0}, 0}, "201:7"},
        {"201 mail", {{[10] = ""}, {0}, 0}, "201:10"},
        {"201 FQDN", {{[11] = ""}, {0}, 0}, "201:11"},
        {"201 software", {{[12] = ""}, {0}, 0}, "201:12"},
        {"202 profile", {{[2] = "333"}, {0}, 0}, "202:2 913:2"},
        {"202 name",
         {{[8] = "一二三四五六七八九〇一二三四五六七八九〇一二三四五六七八九〇一二三四五六七八九〇"
                 "一二三四五六七八九〇一二三四五六七八九〇一二三四五"},
          {0},
          0},
         "202:8"},
        {"64 characters, not bytes",
         {{[8] = "一二三四五六七八九〇一二三四五六七八九〇一二三四五六七八九〇一二三四五六七八九〇"
                 "一二三四五六七八九〇一二三四五六七八九〇一二三四"},
          {0},
          0},
         ""},
        {"202 software", {{[12] = A50 A50 A50}, {0}, 0}, "202:12"},
        {"202 mail",
         {{[10] = "taro@" A50 "."
                  "aaaaaaaaaaaaaaaaaaaa.jp"},
          {0},
          0},
         "202:10"},
        {"204", {{[2] = "3a"}, {0}, 0}, "204:2"},
        {"204 full-width", {{[2] = "３"}, {0}, 0}, "204:2"},
        {"205 base64", {{[7] = "-----BEGIN"}, {0}, 0}, "205:7"},
        {"205 full-width in mail", {{[10] = "太郎@example.ac.jp"}, {0}, 0}, "205:10"},
        {"205 half-width kana", {{[8] = "ﾀﾛｳ"}, {0}, 0}, "205:8"},
        {"205 NEC row 13", {{[9] = "第①課"}, {0}, 0}, "205:9"},
        {"205 IBM extension", {{[8] = "髙橋"}, {0}, 0}, "205:8"},
        {"205 private use", {{[8] = "\xEE\x80\x80"}, {0}, 0}, "205:8"},
        {"205 control", {{[12] = "a\001b"}, {0}, 0}, "205:12"},
        {"level 2 kanji and symbols", {{[8] = "熙～―", [9] = "Ａγカ"}, {0}, 0}, ""},
        {"206 mail without @", {{[10] = "taro.example.ac.jp"}, {0}, 0}, "206:10"},
        {"206 mail host", {{[10] = "taro@localhost"}, {0}, 0}, "206:10"},
        {"206 mail dots", {{[10] = "ta..ro@example.ac.jp"}, {0}, 0}, "206:10"},
        {"206 two mails", {{[10] = "a@example.jp,b@example.jp"}, {0}, 0}, "206:10"},
        {"911 too few", {{NULL}, {0}, 11}, "911:0"},
        {"911 too many", {{NULL}, {0}, 14}, "911:0"},
        {"912", {{[3] = "x", [6] = "y"}, {0}, 0}, "912:3 912:6"},
        {"913", {{[2] = "5"}, {0}, 0}, "913:2"},
        {"913 leading zero", {{[2] = "03"}, {0}, 0}, "913:2"},
    };
    expect_all(rows, ARRAY_SIZE(rows));
}

static void test_encoding(void **state) {
    (void) state;
    _cleanup_buf_ struct buf line = {0};
    add_row(&line, &(struct fields){.column = {[8] = "X"}});
    char *x = strstr(line.data, "\tX\t");
    x[1] = (char) 0xFD;
    expect_line("910 no character", line.data, line.len, "910:8");
    x[1] = (char) 0x81; /* a lead byte before a TAB */
    expect_line("910 half a character", line.data, line.len, "910:8");

    static const char utf8[] = DN "\t3\t\t\t\t\tAAAA\t国立太郎\t\ttaro@example.ac.jp\twww.example.ac.jp\tApache\t";
    expect_line("910 UTF-8", utf8, sizeof(utf8) - 1, "910:0 914:7");
    static const char bom[] =
        "\xEF\xBB\xBF" DN "\t3\t\t\t\t\tAAAA\t\t\ttaro@example.ac.jp\twww.example.ac.jp\tApache\t";
    expect_line("910 BOM", bom, sizeof(bom) - 1, "910:0 914:7");
    expect_line("NUL", "a\0b", 3, "911:0 205:1 206:1");
    expect_line("empty", "", 0, "911:0 201:1");
}

/* Whatever a column takes can be seen: no control, format, separator, private or unassigned character of Unicode. */
static void test_every_character(void **state) {
    (void) state;
    int taken = 0;
    for (unsigned code = 0; code < 0x10000; code++) {
        uint8_t bytes[2] = {(uint8_t) (code >> 8), (uint8_t) code};
        size_t skip = code < 0x100 ? 1 : 0;
        uint32_t c = 0;
        enum cp932_kind kind = CP932_CONTROL;
        if (cp932_next(bytes + skip, 2 - skip, &c, &kind) != 2 - skip || (kind != CP932_ASCII && kind != CP932_FULL))
            continue;
        taken++;
        if (uc_is_general_category_withtable(c, UC_CATEGORY_MASK_C | UC_CATEGORY_MASK_Zl | UC_CATEGORY_MASK_Zp))
            fail_msg("%04X: U+%04X", code, c);
    }
    assert_int_equal(taken, 95 + 6879); /* ASCII, JIS X 0208 */
}

/* All errors of a row, in column order. */
static void test_all_errors(void **state) {
    (void) state;
    expect(
        "a row of errors",
        &(struct fields){{[1] = "CN=a_b.example.ac.jp,O=x,L=y,ST=z,C=US",
                          [2] = "9",
                          [3] = "1",
                          [8] = "ﾀ",
                          [9] = "①",
                          [10] = "taro",
                          [11] = "www.example.ac.jp",
                          [12] = "",
                          [13] = "dNSName=a.other.jp,",
                          [14] = "1"},
                         {.key = RSA1024, .broken_signature = true},
                         14},
        "911:0 241:1 905:1 906:1 927:1 921:1 913:2 912:3 915:7 917:7 205:8 205:9 206:10 920:11 201:12 901:13 922:13");
}

/* A row of another kind of file: its columns as they are. */
static void expect_columns(const char *what, const char *const column[static 13], const char *errors) {
    _cleanup_buf_ struct buf line = {0};
    for (size_t i = 0; i < 13; i++) {
        size_t len = 0;
        _cleanup_free_
        char *bytes = to_cp932(column[i] ? column[i] : "", &len);
        if (i > 0)
            buf_char(&line, '\t');
        buf_add(&line, bytes, len);
    }
    expect_line(what, line.data, line.len, errors);
}

/* Columns of manager-update by their index from 0; what needs the certificate comes later. */
static void test_manager_update(void **state) {
    (void) state;
    static const struct {
        const char *what, *column[13], *errors;
    } rows[] = {
        {"least", {[0] = DN, [3] = "0x1A", [9] = "a@example.ac.jp"}, ""},
        {"all",
         {DN, [3] = "26", [7] = "国立", [8] = "所属", [9] = "a@example.ac.jp", [10] = "www.example.ac.jp",
          [11] = "nginx"},
         ""},
        {"nothing", {NULL}, "201:1 201:4 201:10"},
        {"serial", {[0] = DN, [3] = "1A", [9] = "a@example.ac.jp"}, "930:4"},
        {"mail", {[0] = DN, [3] = "1", [9] = "a@example"}, "206:10"},
        {"long mail", {[0] = DN, [3] = "1", [9] = A50 "@" A50 ".ac.jp"}, "202:10"},
        {"FQDN", {[0] = DN, [3] = "1", [9] = "a@example.ac.jp", [10] = "other.example.ac.jp"}, "920:11"},
        {"no FQDN", {[0] = DN, [3] = "1", [9] = "a@example.ac.jp", [10] = "a_b.example.ac.jp"}, "921:11 920:11"},
        {"reserved",
         {DN, "3", "x", "1", "0", "x", "x", NULL, NULL, "a@example.ac.jp", NULL, NULL, "x"},
         "912:2 912:3 912:5 912:6 912:7 912:13"},
        {"characters",
         {[0] = DN, [3] = "1", [7] = "①", [8] = "ﾀ", [9] = "a@example.ac.jp", [11] = "①"},
         "205:8 205:9 205:12"},
    };
    rules.format = tsv_format("manager-update");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        expect_columns(rows[i].what, rows[i].column, rows[i].errors);
    rules.format = tsv_format("server-issue");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_good_rows, rows_begin, rows_end),
        cmocka_unit_test_setup_teardown(test_columns, rows_begin, rows_end),
        cmocka_unit_test_setup_teardown(test_encoding, rows_begin, rows_end),
        cmocka_unit_test(test_every_character),
        cmocka_unit_test_setup_teardown(test_all_errors, rows_begin, rows_end),
        cmocka_unit_test_setup_teardown(test_manager_update, rows_begin, rows_end),
    };
    return cmocka_run_group_tests(tests, rows_open, rows_close);
}
