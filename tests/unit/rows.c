#include "rows.h"

#include <iconv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "services/validator/cp932.h"
#include "services/validator/key_list.h"

static const struct name_domain domains[] = {
    {1, "example.ac.jp", true}, {2, "example.jp", true}, {3, "pending.ac.jp", false}, {4, "shut.example.ac.jp", false}};
struct policy policy = {
    .profiles = {{3, POLICY_KEY_RSA, 2048, "RSA 2048"}, {11, POLICY_KEY_EC, 384, "ECDSA P-384 (secp384r1)"}},
    .profiles_count = 2,
    .locality = true,
    .state_or_province = true,
    .names_max = 8,
};
struct row_rules rules = {.policy = &policy,
                          .o = "testkikan",
                          .st = "Tokyo",
                          .l = "Chiyoda-ku",
                          .domains = domains,
                          .domains_count = ARRAY_SIZE(domains)};

int rows_open(void **state) {
    (void) state;
    assert_int_equal(cp932_open(), 0);
    assert_int_equal(name_open(), 0);
    _cleanup_buf_ struct buf path = {0}, errors = {0};
    buf_printf(&path, "%s/deploy/debian-weak-keys.txt", getenv("INKAN_SOURCE"));
    assert_int_equal(key_list_open(path.data, &errors), 0);
    assert_int_equal(key_list_count(), 16);
    rules.format = tsv_format("server-issue");
    return 0;
}

int rows_close(void **state) {
    (void) state;
    requests_done();
    key_list_done();
    name_close();
    return 0;
}

char *to_cp932(const char *utf8, size_t *ret_len) {
    size_t left = strlen(utf8), room = 2 * left + 1;
    char *out = malloc(room), *to = out, *from = (char *) (uintptr_t) utf8;
    iconv_t cd = iconv_open("CP932", "UTF-8");
    assert_int_equal(iconv(cd, &from, &left, &to, &room), 0);
    (void) iconv_close(cd);
    *ret_len = (size_t) (to - out);
    return out;
}

void add_row(struct buf *to, const struct fields *f) {
    static const char *const good[] = {NULL,
                                       DN,
                                       "3",
                                       "",
                                       "",
                                       "",
                                       "",
                                       NULL,
                                       "国立　太郎",
                                       "情報基盤センター",
                                       "taro@example.ac.jp",
                                       "www.example.ac.jp",
                                       "Apache 2.4",
                                       ""};
    struct request request = f->request;
    if (!request.subject)
        request.subject = SUBJECT;
    _cleanup_free_
    char *csr = f->column[7] ? NULL : request_text(&request);
    for (size_t i = 1; i <= (f->columns ? f->columns : 13); i++) {
        const char *text = f->column[i] ? f->column[i] : i == 7 ? csr : i <= 13 ? good[i] : "";
        size_t len = 0;
        _cleanup_free_
        char *bytes = to_cp932(text, &len);
        if (i > 1)
            buf_char(to, '\t');
        buf_add(to, bytes, len);
    }
}

static void add_errors(struct buf *to, const struct row *row) {
    size_t i;
    json_t *e;
    assert_false(row->failed);
    json_array_foreach(row->problems.list, i, e) {
        buf_printf(to, "%s%d:%d", i ? " " : "", (int) json_integer_value(json_object_get(e, "code")),
                   (int) json_integer_value(json_object_get(e, "column")));
    }
}

static int wrong; /* rows of the running test that were not as expected: all are shown, not only the first */

int rows_begin(void **state) {
    (void) state;
    wrong = 0;
    return 0;
}

int rows_end(void **state) {
    (void) state;
    return wrong == 0 ? 0 : -1;
}

void expect_line(const char *what, const void *line, size_t len, const char *expected) {
    struct row row = {0};
    row_check(&row, &rules, line, len);
    _cleanup_buf_ struct buf found = {0};
    add_errors(&found, &row);
    if (strcmp(buf_string(&found), expected) != 0) {
        char *dump = problems_dump(&row.problems);
        print_error("%s: expected \"%s\", found %s\n", what, expected, dump);
        free(dump);
    }
    wrong += strcmp(buf_string(&found), expected) != 0;
    row_done(&row);
}

void expect(const char *what, const struct fields *f, const char *expected) {
    _cleanup_buf_ struct buf line = {0};
    add_row(&line, f);
    expect_line(what, line.data, line.len, expected);
}

void expect_all(const struct expectation *e, size_t n) {
    for (size_t i = 0; i < n; i++)
        expect(e[i].what, &e[i].row, e[i].errors);
}
