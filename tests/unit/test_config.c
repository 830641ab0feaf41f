/* Settings: types, bounds, all errors at once, sections of siblings. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config.h"

static struct {
    char *text, *path, *needed;
    int64_t number, duration, cache;
    bool flag;
} values;

static const struct setting own[] = {
    {"signer", "text", SETTING_TEXT, "default", 0, 10, &values.text, "t"},
    {"signer", "path", SETTING_PATH, "/x", 0, 0, &values.path, "p"},
    {"signer", "number", SETTING_INT, "5", 1, 9, &values.number, "n"},
    {"signer", "flag", SETTING_BOOL, "false", 0, 0, &values.flag, "f"},
    {"signer", "duration", SETTING_DURATION, "30s", 0, INT64_C(90000000), &values.duration, "d"},
    {"whois", "cache", SETTING_DURATION, "10min", 0, INT64_MAX, &values.cache, "c", .guest = true},
    {0},
};
static const struct setting required[] = {{"pki", "url", SETTING_TEXT, NULL, 0, 0, &values.needed, "u"}, {0}};

static int read_text(const char *text, struct buf *errors, bool with_required) {
    const struct setting *const tables[] = {own, with_required ? required : NULL, NULL};
    char path[] = "/tmp/inkan-test-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void) close(fd);
    int r = config_read(path, tables, errors);
    (void) unlink(path);
    return r;
}

static void test_defaults_and_values(void **state) {
    (void) state;
    _cleanup_buf_ struct buf errors = {0};
    assert_int_equal(
        read_text("[signer]\nnumber = 7\nflag = true\nduration = 1min\n[mailer]\nunknown = 1\n[whois]\ncache = 0s\n"
                  "servers = jp=whois.jprs.jp:43\n",
                  &errors, false),
        0);
    assert_string_equal(buf_string(&errors), "");
    assert_string_equal(values.text, "default");
    assert_int_equal(values.number, 7);
    assert_true(values.flag);
    assert_int_equal(values.duration, 60000000);
    assert_int_equal(values.cache, 0);
}

static void test_all_errors_are_told(void **state) {
    (void) state;
    _cleanup_buf_ struct buf errors = {0};
    assert_int_equal(
        read_text("[signer]\nnumber = 10\nflag = yes\nduration = 2min\npath = x\ntext = 12345678901\ntypo = 1\n"
                  "[nonsense]\na = b\n",
                  &errors, true),
        -EINVAL);
    static const char *const wanted[] = {"signer.number: must be 1..9 (found \"10\")",
                                         "signer.flag: must be true or false",
                                         "signer.duration: must be 0ms..90000ms",
                                         "signer.path: must be at most 4096 bytes, absolute",
                                         "signer.text: must be at most 10 bytes",
                                         "signer.typo: no such setting",
                                         "nonsense.a: no such section",
                                         "pki.url: must be given"};
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
        assert_non_null(strstr(buf_string(&errors), wanted[i]));
}

static void test_durations(void **state) {
    (void) state;
    static const char *const bad[] = {"5", "s", "5 s", "5S", "-5s", "5w", "99999999999999999999s", "1.5s"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        _cleanup_buf_ struct buf errors = {0};
        char text[100];
        (void) snprintf(text, sizeof(text), "[signer]\nduration = %s\n", bad[i]);
        assert_int_equal(read_text(text, &errors, false), -EINVAL);
    }
}

static void test_long_line_is_not_cut(void **state) {
    (void) state;
    _cleanup_buf_ struct buf errors = {0};
    char text[2100] = "[signer]\ntext = ";
    memset(text + strlen(text), 'x', 2000);
    assert_int_equal(read_text(text, &errors, false), -EINVAL);
}

static void test_text_goes_on(void **state) {
    (void) state;
    _cleanup_buf_ struct buf errors = {0};
    assert_int_equal(read_text("[signer]\ntext = one\n    two\nnumber = 3\n", &errors, false), 0);
    assert_string_equal(values.text, "one two");
    assert_int_equal(values.number, 3);
}

static void test_missing_file(void **state) {
    (void) state;
    _cleanup_buf_ struct buf errors = {0};
    const struct setting *const tables[] = {own, NULL};
    assert_int_equal(config_read("/nonexistent/inkan.conf", tables, &errors), -ENOENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_and_values), cmocka_unit_test(test_all_errors_are_told),
        cmocka_unit_test(test_durations),           cmocka_unit_test(test_long_line_is_not_cut),
        cmocka_unit_test(test_missing_file),        cmocka_unit_test(test_text_goes_on),
    };
    int r = cmocka_run_group_tests(tests, NULL, NULL);
    free(values.text);
    free(values.path);
    free(values.needed);
    return r;
}
