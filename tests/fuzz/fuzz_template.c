/* The renderer: a template, a zero byte, and data in JSON; and that no value gets out of HTML's escaping. */
#include <errno.h>

#include "fuzz.h"
#include "template.h"

static const char *partial(void *ctx, const char *name) {
    return strcmp(name, "self") == 0 ? ctx : strcmp(name, "row") == 0 ? "<{{name}}{{#more}}{{>row}}{{/more}}>" : NULL;
}

static void render(const char *text, json_t *data, enum template_escape escape) {
    _cleanup_buf_ struct buf to = {.max = 1 << 16};
    int r = template_render(&to, text, data, escape, partial, (void *) (uintptr_t) text);
    MUST(r == 0 || r == -EINVAL || r == -ELOOP || (r == -ENOMEM && to.failed));
}

static void hold_escaping(const char *value) {
    json_t *data = json_pack("{s:s}", "x", value);
    _cleanup_buf_ struct buf to = {0};
    if (data) {
        MUST(template_render(&to, "{{x}}", data, TEMPLATE_HTML, NULL, NULL) == 0);
        MUST(!strpbrk(buf_string(&to), "<>\"'"));
    }
    json_decref(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *zero = size > 0 ? memchr(data, 0, size) : NULL;
    char *text = fuzz_text(data, zero ? (size_t) (zero - data) : size);
    json_t *values =
        zero ? json_loadb((const char *) zero + 1, size - (size_t) (zero + 1 - data), 0, NULL) : json_object();
    if (values) {
        render(text, values, TEMPLATE_HTML);
        render(text, values, TEMPLATE_NONE);
    }
    hold_escaping(text);
    json_decref(values);
    free(text);
    return 0;
}
