/* inkanctl: the command line, and what operators may write into the register. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "services/ctl/commands.h"
#include "services/ctl/ctl_text.h"

static const struct command_option options[] = {
    {"reason", "TEXT", "why", true}, {"limit", "N", "how many", false}, {"quick", NULL, "a switch", false}, {0}};
static const struct command table[] = {
    {.name = "halt", .summary = "stops", .examples = "halt --reason x\n", .options = options},
    {.name = "job list", .summary = "lists", .examples = "job list\n"},
    {.name = "job retry", .arguments = "ID", .summary = "again", .examples = "job retry 1\n"},
    {.name = "whois flush", .arguments = "[DOMAIN]", .summary = "forgets", .examples = "whois flush\n"},
    {0},
};

static struct command_line line;
static struct buf message;

static int parse(const char *first, ...) {
    const char *argv[20];
    int argc = 0;
    va_list ap;
    va_start(ap, first);
    for (const char *word = first; word; word = va_arg(ap, const char *))
        argv[argc++] = word;
    va_end(ap);
    buf_reset(&message);
    return command_parse(table, argc, argv, &line, &message);
}

static void assert_refused(int r, const char *why) {
    assert_int_equal(r, -EINVAL);
    if (!strstr(buf_string(&message), why))
        fail_msg("\"%s\" does not tell \"%s\"", buf_string(&message), why);
}

static void test_commands(void **state) {
    (void) state;
    assert_int_equal(parse("job", "list", NULL), 0);
    assert_string_equal(line.command->name, "job list");
    assert_int_equal(parse("--json", "job", "retry", "--config", "/x", "17", NULL), 0);
    assert_true(line.json);
    assert_string_equal(line.config, "/x");
    assert_string_equal(line.arguments[0], "17");
    assert_refused(parse("jo", NULL), "no command \"jo\"");
    assert_refused(parse("job", "lis", NULL), "no command \"job lis\"");
    assert_refused(parse("job", NULL), "further word");
    assert_refused(parse("list", NULL), "no command");
    assert_refused(parse("", NULL), "no command");
    assert_refused(parse(NULL), "no command");
}

static void test_options(void **state) {
    (void) state;
    assert_int_equal(parse("halt", "--reason", "--quick", NULL), 0);
    assert_string_equal(line.values[0], "--quick");
    assert_null(line.values[2]);
    assert_int_equal(parse("halt", "--reason=a=b", "--quick", "--limit=", NULL), 0);
    assert_string_equal(line.values[0], "a=b");
    assert_string_equal(line.values[1], "");
    assert_non_null(line.values[2]);
    assert_refused(parse("halt", NULL), "--reason TEXT is missing");
    assert_refused(parse("halt", "--reason", NULL), "needs a value");
    assert_refused(parse("halt", "--reason", "a", "--reason", "b", NULL), "twice");
    assert_refused(parse("halt", "--reason", "a", "--quick=1", NULL), "takes no value");
    assert_refused(parse("halt", "--reaso", "a", NULL), "no option");
    assert_refused(parse("halt", "-r", "a", NULL), "no option \"-r\"");
    assert_refused(parse("--reason", "a", "halt", NULL), "before a command");
    assert_refused(parse("job", "list", "--reason", "a", NULL), "no option");
}

static void test_arguments(void **state) {
    (void) state;
    assert_refused(parse("job", "retry", NULL), "ID is missing");
    assert_refused(parse("job", "retry", "1", "2", NULL), "too many");
    assert_refused(parse("job", "list", "1", NULL), "too many");
    assert_refused(parse("job", "retry", "1", "2", "3", "4", "5", NULL), "too many");
    assert_int_equal(parse("whois", "flush", NULL), 0);
    assert_int_equal(parse("whois", "flush", "a.jp", NULL), 0);
    assert_refused(parse("whois", "flush", "a.jp", "b.jp", NULL), "too many");
    assert_int_equal(parse("job", "retry", "--", "--1", NULL), 0);
    assert_string_equal(line.arguments[0], "--1");
}

static void test_help(void **state) {
    (void) state;
    struct buf text = {0};
    assert_int_equal(parse("halt", "--help", NULL), 0);
    assert_true(line.help);
    command_help(table, &line, &text);
    assert_non_null(strstr(buf_string(&text), "usage: inkanctl halt --reason TEXT [options]"));
    assert_non_null(strstr(buf_string(&text), "  inkanctl halt --reason x"));
    buf_reset(&text);
    assert_int_equal(parse("help", "job", NULL), 0);
    command_help(table, &line, &text);
    assert_non_null(strstr(buf_string(&text), "job retry"));
    assert_null(strstr(buf_string(&text), "whois"));
    buf_done(&text);
}

/* The real table: every row is whole, its options fit, its examples parse as the command itself. */
static void test_table(void **state) {
    (void) state;
    for (const struct command *c = ctl_commands; c->name; c++) {
        unsigned n = 0;
        for (const struct command_option *o = c->options; o->name; o++, n++)
            assert_true(o->help && *o->help && (o->value || !o->required));
        assert_in_range(n, 0, COMMAND_OPTIONS_MAX);
        assert_non_null(c->examples);
        assert_true(c->run && c->summary && c->statements);
        assert_true(c->examples[strlen(c->examples) - 1] == '\n');
        assert_true(!c->details || c->details[strlen(c->details) - 1] == '\n');
        if (!strstr(c->examples, c->name))
            fail_msg("the examples of \"%s\" do not show it", c->name);
        for (const struct command *other = c + 1; other->name; other++)
            assert_string_not_equal(c->name, other->name);
    }
}

static void test_domain(void **state) {
    (void) state;
    char name[254];
    assert_int_equal(ctl_domain("Example.AC.jp", name), 0);
    assert_string_equal(name, "example.ac.jp");
    assert_int_equal(ctl_domain("xn--wgv71a119e.jp", name), 0);
    static const char *const wrong[] = {"",       "jp",     "a..jp", ".jp",       "a.jp.",  "-a.jp",    "a-.jp",
                                        "a_b.jp", "a b.jp", "*.jp",  "日本語.jp", "a.jp\n", "a.jp/../b"};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        if (ctl_domain(wrong[i], name) != CTL_USAGE)
            fail_msg("\"%s\" passes", wrong[i]);
    char label[70] = {0};
    memset(label, 'a', 64);
    memcpy(label + 64, ".jp", 4);
    assert_int_equal(ctl_domain(label, name), CTL_USAGE);
    assert_int_equal(ctl_domain(label + 1, name), 0);
}

/* The same function as for the names of a row: tests/unit/test_validator_names.c has more of them. */
static void test_public_domain(void **state) {
    (void) state;
    static const char *const good[] = {"example.ac.jp", "example.org", "city.kawasaki.jp"};
    static const char *const bad[] = {"ac.jp",         "kawasaki.jp",  "foo.kawasaki.jp", "co.uk",
                                      "host.internal", "example.test", "abc.onion",       "1.168.192.in-addr.arpa"};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_int_equal(ctl_check_public(good[i]), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (ctl_check_public(bad[i]) != CTL_REFUSED)
            fail_msg("\"%s\" passes", bad[i]);
}

static void test_mail(void **state) {
    (void) state;
    assert_int_equal(ctl_check_mail("mail", "toroku.hanako+1@example.ac.jp"), 0);
    static const char *const wrong[] = {"",           "a",
                                        "@a.jp",      "a@",
                                        "a@jp",       "a b@a.jp",
                                        "a@b@a.jp",   "a..b@a.jp",
                                        ".a@a.jp",    "a.@a.jp",
                                        "a@a.jp ",    "a@a.jp\r\nBcc: b@b.jp",
                                        "\"a\"@a.jp", "a@a.jp,b@b.jp",
                                        "<a@a.jp>"};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        if (ctl_check_mail("mail", wrong[i]) != CTL_USAGE)
            fail_msg("\"%s\" passes", wrong[i]);
}

static void test_text(void **state) {
    (void) state;
    assert_int_equal(ctl_check_text("x", "東京大学", 4), 0);
    assert_int_equal(ctl_check_text("x", "東京大学", 3), CTL_USAGE);
    assert_int_equal(ctl_check_text("x", NULL, 3), 0);
    assert_int_equal(ctl_check_text("x", "", 3), CTL_USAGE);
    assert_int_equal(ctl_check_text_or_empty("x", "", 3), 0);
    assert_int_equal(ctl_check_text("x", " a", 9), CTL_USAGE);
    assert_int_equal(ctl_check_text("x", "a ", 9), CTL_USAGE);
    assert_int_equal(ctl_check_text("x", "a\nb", 9), CTL_USAGE);
    assert_int_equal(ctl_check_text("x", "\xff", 9), CTL_USAGE);
    assert_int_equal(ctl_check_text("x", "葛\xF3\xA0\x84\x80飾", 9), 0); /* a variant of a kanji, as names have them */
}

/* What cannot be seen, or makes the rest look otherwise, of every kind that Unicode has. */
static void test_invisible(void **state) {
    (void) state;
    static const char *const wrong[] = {
        "a\x7F"
        "b",
        "a\xC2\x85"
        "b", /* U+0085 */
        "a\xC2\xAD"
        "b",           /* soft hyphen */
        "a\u200Bb",    /* zero width */
        "a\u200Db",    /* joiner */
        "a\u200Eb",    /* left to right */
        "a\u202Eb",    // NOLINT(misc-misleading-bidirectional): right to left, over all
        "a\u2066b",    // NOLINT(misc-misleading-bidirectional): isolate
        "a\u2028b",    /* line separator */
        "a\u2029b",    /* paragraph separator */
        "a\u2060b",    /* word joiner */
        "a\uFEFFb",    /* BOM */
        "a\uE000b",    /* private */
        "a\u0378b",    /* not assigned */
        "a\U000E0041b" /* tag */
    };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        if (ctl_check_text("x", wrong[i], 9) != CTL_USAGE)
            fail_msg("number %zu passes", i);
}

/* O, ST and L: the values that certificates carry. */
static void test_subject(void **state) {
    (void) state;
    static const char *const good[] = {"Tokyo", "Chiyoda-ku", "Nanjo", "Naha-shi, Okinawa", "A & B (Japan) Co., Ltd."};
    static const char *const wrong[] = {"Tokyo, C=JP",
                                        "C=JP",
                                        "Tokyo=",
                                        "東京",
                                        "ＡＢ",
                                        "Some-State",
                                        "some-state",
                                        "Internet Widgits Pty Ltd",
                                        "Default City",
                                        "Default Company Ltd",
                                        "-",
                                        ".",
                                        " - ",
                                        "..",
                                        "N/A",
                                        "n.a.",
                                        "None",
                                        "null",
                                        "*",
                                        "(none)"};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_int_equal(ctl_check_subject("x", good[i], 64, "="), 0);
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        if (ctl_check_subject("x", wrong[i], 64, "=") != CTL_USAGE)
            fail_msg("\"%s\" passes", wrong[i]);
    assert_int_equal(ctl_check_subject("x", "Naha-shi, Okinawa", 64, "=,"), CTL_USAGE);
    assert_int_equal(ctl_check_subject("x", NULL, 64, "=,"), 0);
}

static int quiet(void **state) {
    (void) state;
    return freopen("/dev/null", "w", stderr) ? 0 : -1;
}

static int done(void **state) {
    (void) state;
    buf_done(&message);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),      cmocka_unit_test(test_options), cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_help),          cmocka_unit_test(test_table),   cmocka_unit_test(test_domain),
        cmocka_unit_test(test_public_domain), cmocka_unit_test(test_mail),    cmocka_unit_test(test_text),
        cmocka_unit_test(test_invisible),     cmocka_unit_test(test_subject),
    };
    return cmocka_run_group_tests(tests, quiet, done);
}
