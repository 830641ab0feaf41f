/* The templates of pages and mails. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "template.h"

static const char *partial(void *ctx, const char *name) {
    (void) ctx;
    if (strcmp(name, "row") == 0)
        return "<{{name}}>";
    if (strcmp(name, "loop") == 0)
        return "x{{>loop}}";
    if (strcmp(name, "tree") == 0)
        return "{{v}}{{#down}}{{>tree}}{{/down}}";
    if (strcmp(name, "broken") == 0)
        return "{{#a}}";
    return NULL;
}

static int render(struct buf *to, const char *text, const char *data, enum template_escape escape) {
    json_t *json = json_loads(data, 0, NULL);
    assert_non_null(json);
    int r = template_render(to, text, json, escape, partial, NULL);
    json_decref(json);
    return r;
}

#define shows(text, data, expected)                                                                                    \
    do {                                                                                                               \
        _cleanup_buf_ struct buf got = {0};                                                                            \
        assert_int_equal(render(&got, text, data, TEMPLATE_HTML), 0);                                                  \
        assert_string_equal(buf_string(&got), expected);                                                               \
    } while (0)

#define fails(text, data, expected)                                                                                    \
    do {                                                                                                               \
        _cleanup_buf_ struct buf got = {0};                                                                            \
        assert_int_equal(render(&got, text, data, TEMPLATE_HTML), expected);                                           \
    } while (0)

static void test_values(void **state) {
    (void) state;
    shows("a{{x}}b", "{\"x\": \"1\"}", "a1b");
    shows("{{ x }}{{y}}", "{\"x\": 7, \"y\": true}", "7true");
    shows("{{missing}}{{null}}{{list}}{{object}}", "{\"null\": null, \"list\": [1], \"object\": {}}", "");
    shows("{{a.b.c}}|{{a.x.c}}|{{a.b.c.d}}", "{\"a\": {\"b\": {\"c\": \"deep\"}}}", "deep||");
    shows("{ {x} }}", "{\"x\": 1}", "{ {x} }}");
    shows("{{! {{not}} a tag}}", "{\"not\": 1}", " a tag}}");
    shows("日本{{x}}", "{\"x\": \"語\"}", "日本語");
    shows("", "{}", "");
}

static void test_escaping(void **state) {
    (void) state;
    const char *data = "{\"x\": \"<a href=\\\"b\\\" title='c'>&amp;\"}";
    shows("{{x}}", data, "&lt;a href=&quot;b&quot; title=&#39;c&#39;&gt;&amp;amp;");
    shows("{{{x}}}", data, "<a href=\"b\" title='c'>&amp;");
    _cleanup_buf_ struct buf plain = {0};
    assert_int_equal(render(&plain, "{{x}}", data, TEMPLATE_NONE), 0);
    assert_string_equal(buf_string(&plain), "<a href=\"b\" title='c'>&amp;");
    /* A value is never read as a template. */
    shows("{{x}}", "{\"x\": \"{{y}}\", \"y\": \"no\"}", "{{y}}");
}

static void test_sections(void **state) {
    (void) state;
    shows("{{#l}}({{n}}){{/l}}", "{\"l\": [{\"n\": 1}, {\"n\": 2}]}", "(1)(2)");
    shows("{{#l}}{{.}},{{/l}}", "{\"l\": [\"a\", \"<\"]}", "a,&lt;,");
    shows("{{#o}}{{n}}{{outer}}{{/o}}", "{\"o\": {\"n\": 1}, \"outer\": 2}", "12");
    shows("{{#o}}{{n}}{{/o}}", "{\"o\": {\"n\": \"in\"}, \"n\": \"out\"}", "in");
    shows("{{#t}}yes{{/t}}{{#f}}no{{/f}}{{#e}}no{{/e}}{{#z}}no{{/z}}{{#m}}no{{/m}}{{#s}}no{{/s}}",
          "{\"t\": true, \"f\": false, \"e\": [], \"z\": 0, \"s\": \"\"}", "yes");
    shows("{{#a}}{{#b}}{{c}}{{/b}}{{/a}}", "{\"a\": [{\"b\": [{\"c\": 1}, {\"c\": 2}]}, {\"b\": [{\"c\": 3}]}]}",
          "123");
    shows("{{#a}}1{{#a}}2{{/a}}3{{/a}}", "{\"a\": true}", "123");
    /* An empty list inside hides the outer one of the same name. */
    shows("{{#rows}}{{#errors}}x{{/errors}}{{/rows}}", "{\"errors\": [1], \"rows\": [{\"errors\": []}]}", "");
}

static void test_inverted(void **state) {
    (void) state;
    shows("{{^l}}none{{/l}}", "{\"l\": []}", "none");
    shows("{{^l}}none{{/l}}", "{\"l\": [1]}", "");
    shows("{{^m}}{{x}}{{/m}}", "{\"x\": 1}", "1");
    shows("{{^t}}a{{^f}}b{{/f}}c{{/t}}", "{\"t\": true, \"f\": false}", "");
}

static void test_partials(void **state) {
    (void) state;
    shows("{{#l}}{{>row}}{{/l}}", "{\"l\": [{\"name\": \"a\"}, {\"name\": \"b\"}]}", "<a><b>");
    shows("{{>unknown}}", "{}", "");
    shows("{{>tree}}", "{\"v\": 1, \"down\": {\"v\": 2, \"down\": {\"v\": 3, \"down\": false}}}", "123");
    shows("{{#no}}{{>loop}}{{/no}}", "{}", "");
    fails("{{>loop}}", "{}", -ELOOP);
    fails("{{>broken}}", "{}", -EINVAL);
}

static void test_malformed(void **state) {
    (void) state;
    static const char *const texts[] = {
        "{{#a}}",       "{{/a}}",       "{{#a}}{{#b}}{{/a}}{{/b}}",
        "{{^a}}x",      "{{a",          "{{a}",
        "{{{a}}",       "{{}}",         "{{ }}",
        "{{a b}}",      "{{#a}}{{/b}}", "{{#}}",
        "{{>}",         "{{#a}}{{",     "{{a{b}}",
        "{{#a}}x{{/a}", "{{#a}}{{!c",   "{{^a}}{{/a}}{{/a}}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        fails(texts[i], "{\"a\": true}", -EINVAL);
        fails(texts[i], "{}", -EINVAL);
    }
}

static void test_depth(void **state) {
    (void) state;
    _cleanup_buf_ struct buf deep = {0}, long_name = {0};
    for (int i = 0; i < 33; i++)
        buf_text(&deep, "{{#a}}");
    for (int i = 0; i < 33; i++)
        buf_text(&deep, "{{/a}}");
    fails(buf_string(&deep), "{\"a\": true}", -EINVAL);
    fails(buf_string(&deep), "{}", -EINVAL);
    buf_text(&long_name, "{{");
    for (int i = 0; i < 100; i++)
        buf_char(&long_name, 'n');
    buf_text(&long_name, "}}");
    fails(buf_string(&long_name), "{}", -EINVAL);
}

static void test_bound(void **state) {
    (void) state;
    _cleanup_buf_ struct buf small = {.max = 8};
    assert_int_equal(render(&small, "{{#l}}12345{{/l}}", "{\"l\": [1, 2, 3]}", TEMPLATE_HTML), -ENOMEM);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),   cmocka_unit_test(test_escaping), cmocka_unit_test(test_sections),
        cmocka_unit_test(test_inverted), cmocka_unit_test(test_partials), cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_depth),    cmocka_unit_test(test_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
