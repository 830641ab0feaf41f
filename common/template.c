#include "template.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define PARTIALS_MAX 8
#define SECTIONS_MAX 32
#define NAME_MAX_BYTES 64

enum tag_kind { TAG_VALUE, TAG_RAW, TAG_SECTION, TAG_INVERTED, TAG_CLOSE, TAG_PARTIAL, TAG_COMMENT };

struct tag {
    enum tag_kind kind;
    char name[NAME_MAX_BYTES];
};

/* What names are looked up in, the innermost section first. */
struct scope {
    json_t *value;
    const struct scope *up;
};

struct renderer {
    struct buf *to;
    enum template_escape escape;
    template_partial partial;
    void *ctx;
    unsigned partials, sections; /* depths */
    bool silent;                 /* inside a section that is not shown: checked for form, nothing written */
};

static int render(struct renderer *r, const char **text, const char *until, const struct scope *scope);

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static enum tag_kind kind_of(char c) {
    switch (c) {
    case '#':
        return TAG_SECTION;
    case '^':
        return TAG_INVERTED;
    case '/':
        return TAG_CLOSE;
    case '>':
        return TAG_PARTIAL;
    case '!':
        return TAG_COMMENT;
    case '{':
        return TAG_RAW;
    default:
        return TAG_VALUE;
    }
}

/* *text stands behind the "{{"; moves it behind the tag. */
static int tag_read(const char **text, struct tag *ret) {
    const char *p = *text;
    ret->kind = kind_of(*p);
    if (ret->kind != TAG_VALUE)
        p++;
    const char *closing = ret->kind == TAG_RAW ? "}}}" : "}}";
    const char *end = strstr(p, closing);
    if (!end)
        return -EINVAL;
    *text = end + strlen(closing);
    ret->name[0] = '\0';
    if (ret->kind == TAG_COMMENT)
        return 0;
    while (p < end && is_blank(*p))
        p++;
    while (end > p && is_blank(end[-1]))
        end--;
    size_t len = (size_t) (end - p);
    if (len == 0 || len >= sizeof(ret->name))
        return -EINVAL;
    for (size_t i = 0; i < len; i++)
        if (is_blank(p[i]) || p[i] == '{' || p[i] == '}')
            return -EINVAL;
    memcpy(ret->name, p, len);
    ret->name[len] = '\0';
    return 0;
}

/* The first part of a dotted name is looked for from the inside out, the others only in what was found. */
static json_t *look_up(const struct scope *scope, const char *name) {
    if (strcmp(name, ".") == 0)
        return scope->value;
    size_t len = strcspn(name, ".");
    json_t *found = NULL;
    for (; scope && !found; scope = scope->up)
        found = json_object_getn(scope->value, name, len);
    for (name += len; found && *name == '.'; name += len) {
        name++;
        len = strcspn(name, ".");
        found = json_object_getn(found, name, len);
    }
    return found;
}

static bool is_shown(const json_t *value) {
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_NULL:
    case JSON_FALSE:
        return false;
    case JSON_ARRAY:
        return json_array_size(value) > 0;
    case JSON_STRING:
        return json_string_length(value) > 0;
    case JSON_INTEGER:
        return json_integer_value(value) != 0;
    case JSON_REAL:
        return json_real_value(value) < 0 || json_real_value(value) > 0;
    case JSON_OBJECT:
    case JSON_TRUE:
        return true;
    }
    return false;
}

static void write_value(struct renderer *r, const json_t *value, bool raw) {
    if (r->silent || !value)
        return;
    if (json_is_string(value) && !raw && r->escape == TEMPLATE_HTML)
        text_html(r->to, json_string_value(value));
    else if (json_is_string(value))
        buf_text(r->to, json_string_value(value));
    else if (json_is_integer(value))
        buf_printf(r->to, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        buf_printf(r->to, "%g", json_real_value(value));
    else if (json_is_boolean(value))
        buf_text(r->to, json_is_true(value) ? "true" : "false");
}

/* Renders the section whose inside *text stands at, and moves *text behind its end. */
static int render_once(struct renderer *r, const char **text, const char *name, json_t *value,
                       const struct scope *scope, bool shown) {
    struct scope inner = {.value = value, .up = scope};
    bool before = r->silent;
    r->silent = before || !shown;
    int result = render(r, text, name, value ? &inner : scope);
    r->silent = before;
    return result;
}

static int render_section(struct renderer *r, const char **text, const struct tag *tag, const struct scope *scope) {
    if (r->sections == SECTIONS_MAX)
        return -EINVAL;
    r->sections++;
    json_t *value = look_up(scope, tag->name);
    bool shown = is_shown(value) != (tag->kind == TAG_INVERTED);
    int result = 0;
    if (shown && tag->kind == TAG_SECTION && json_is_array(value) && !r->silent) {
        const char *start = *text;
        for (size_t i = 0; i < json_array_size(value) && result == 0; i++) {
            *text = start;
            result = render_once(r, text, tag->name, json_array_get(value, i), scope, true);
        }
    } else
        result = render_once(r, text, tag->name, tag->kind == TAG_SECTION ? value : NULL, scope, shown);
    r->sections--;
    return result;
}

static int render_partial(struct renderer *r, const char *name, const struct scope *scope) {
    if (r->silent)
        return 0;
    if (r->partials == PARTIALS_MAX)
        return -ELOOP;
    const char *text = r->partial ? r->partial(r->ctx, name) : NULL;
    if (!text)
        return 0;
    r->partials++;
    int result = render(r, &text, NULL, scope);
    r->partials--;
    return result;
}

/* Until the closing tag of the section named until, or until the end of the text if that is NULL. */
static int render(struct renderer *r, const char **text, const char *until, const struct scope *scope) {
    for (;;) {
        const char *open = strstr(*text, "{{");
        size_t plain = open ? (size_t) (open - *text) : strlen(*text);
        if (!r->silent)
            buf_add(r->to, *text, plain);
        *text += plain;
        if (!open)
            return until ? -EINVAL : 0;
        *text += 2;
        struct tag tag;
        int result = tag_read(text, &tag);
        if (result < 0)
            return result;
        switch (tag.kind) {
        case TAG_CLOSE:
            return until && strcmp(tag.name, until) == 0 ? 0 : -EINVAL;
        case TAG_SECTION:
        case TAG_INVERTED:
            result = render_section(r, text, &tag, scope);
            break;
        case TAG_PARTIAL:
            result = render_partial(r, tag.name, scope);
            break;
        case TAG_VALUE:
        case TAG_RAW:
            write_value(r, look_up(scope, tag.name), tag.kind == TAG_RAW);
            break;
        case TAG_COMMENT:
            break;
        }
        if (result < 0)
            return result;
    }
}

int template_render(struct buf *to, const char *text, json_t *data, enum template_escape escape,
                    template_partial partial, void *ctx) {
    struct renderer r = {.to = to, .escape = escape, .partial = partial, .ctx = ctx};
    struct scope scope = {.value = data};
    int result = render(&r, &text, NULL, &scope);
    return result < 0 ? result : to->failed ? -ENOMEM : 0;
}
