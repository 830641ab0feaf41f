#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define TEXT_BYTES_MAX 4096

/* Sections that a sibling may own and that this process passes over. */
static const char *const known_sections[] = {"database", "bus",     "job",       "health", "upload", "pki",    "public",
                                             "log",      "ingress", "validator", "whois",  "signer", "mailer", "ctl"};

struct reading {
    const struct setting *const *tables;
    struct buf *errors;
    const char *path;
    const struct setting *last; /* the one set by the line before */
    bool failed;
};

static void complain(struct reading *r, const char *where, const char *what, const char *value) {
    r->failed = true;
    buf_printf(r->errors, "%s: %s: %s%s%s%s\n", r->path, where, what, value ? " (found \"" : "", value ? value : "",
               value ? "\")" : "");
}

static int parse_duration(const char *text, int64_t *ret_usec) {
    static const struct {
        const char *unit;
        int64_t usec;
    } units[] = {{"ms", USEC_PER_MSEC},
                 {"s", USEC_PER_SEC},
                 {"min", 60 * USEC_PER_SEC},
                 {"h", 3600 * USEC_PER_SEC},
                 {"d", SEC_PER_DAY * USEC_PER_SEC}};
    size_t digits = strspn(text, "0123456789");
    char number[20];
    int64_t n = 0;
    if (digits == 0 || digits >= sizeof(number))
        return -EINVAL;
    memcpy(number, text, digits);
    number[digits] = '\0';
    if (text_to_int64(number, 0, INT64_MAX, &n) < 0)
        return -EINVAL;
    if (n == 0 && text[digits] == '\0') {
        *ret_usec = 0;
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(units); i++)
        if (strcmp(text + digits, units[i].unit) == 0)
            return __builtin_mul_overflow(n, units[i].usec, ret_usec) ? -ERANGE : 0;
    return -EINVAL;
}

static void format_bounds(const struct setting *s, struct buf *to) {
    switch (s->type) {
    case SETTING_INT:
        buf_printf(to, "%lld..%lld", (long long) s->min, (long long) s->max);
        break;
    case SETTING_DURATION:
        buf_printf(to, "%lldms..%lldms", (long long) (s->min / USEC_PER_MSEC), (long long) (s->max / USEC_PER_MSEC));
        break;
    case SETTING_BOOL:
        buf_text(to, "true or false");
        break;
    case SETTING_TEXT:
    case SETTING_PATH:
        buf_printf(to, "at most %lld bytes%s", (long long) (s->max ? s->max : TEXT_BYTES_MAX),
                   s->type == SETTING_PATH ? ", absolute" : "");
    }
}

static int set_text(const struct setting *s, const char *value) {
    size_t max = s->max ? (size_t) s->max : TEXT_BYTES_MAX;
    if (strlen(value) > max || !text_is_utf8(value, strlen(value)))
        return -EINVAL;
    if (s->type == SETTING_PATH && *value && *value != '/')
        return -EINVAL;
    char *copy = strdup(value);
    if (!copy)
        return -ENOMEM;
    char **target = s->target;
    free(*target);
    *target = copy;
    return 0;
}

static int set_value(const struct setting *s, const char *value) {
    int64_t n = 0;
    int r = 0;
    switch (s->type) {
    case SETTING_TEXT:
    case SETTING_PATH:
        return set_text(s, value);
    case SETTING_INT:
        r = text_to_int64(value, s->min, s->max, &n);
        break;
    case SETTING_DURATION:
        r = parse_duration(value, &n);
        if (r == 0 && (n < s->min || n > s->max))
            r = -ERANGE;
        break;
    case SETTING_BOOL:
        if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
            return -EINVAL;
        *(bool *) s->target = *value == 't';
        return 0;
    }
    if (r == 0)
        *(int64_t *) s->target = n;
    return r;
}

static void take_value(struct reading *r, const struct setting *s, const char *where, const char *value) {
    int e = set_value(s, value);
    if (e == 0)
        return;
    _cleanup_buf_ struct buf what = {0};
    buf_text(&what, e == -ENOMEM ? "out of memory" : "must be ");
    if (e != -ENOMEM)
        format_bounds(s, &what);
    complain(r, where, buf_string(&what), value);
}

/*
 * A line of the file. inih hands an indented line to the handler as a further value of the name before it: texts go on
 * there, since Debian's inih takes lines of at most 199 bytes.
 */
static void take_line(struct reading *r, const struct setting *s, const char *where, const char *value) {
    bool goes_on = s == r->last;
    r->last = s;
    if (!goes_on || (s->type != SETTING_TEXT && s->type != SETTING_PATH)) {
        take_value(r, s, where, value);
        return;
    }
    _cleanup_buf_ struct buf joined = {0};
    buf_printf(&joined, "%s %s", *(char **) s->target, value);
    take_value(r, s, where, buf_string(&joined));
}

static bool section_known(const char *section) {
    for (size_t i = 0; i < ARRAY_SIZE(known_sections); i++)
        if (strcmp(known_sections[i], section) == 0)
            return true;
    return false;
}

static int handle(void *ctx, const char *section, const char *name, const char *value) {
    struct reading *r = ctx;
    char where[256];
    (void) snprintf(where, sizeof(where), "%.100s.%.100s", section, name);
    bool ours = false;
    for (size_t t = 0; r->tables[t]; t++)
        for (const struct setting *s = r->tables[t]; s->name; s++) {
            if (strcmp(s->section, section) != 0)
                continue;
            ours |= !s->guest;
            if (strcmp(s->name, name) == 0) {
                take_line(r, s, where, value);
                return 1;
            }
        }
    if (ours)
        complain(r, where, "no such setting", NULL);
    else if (!section_known(section))
        complain(r, where, "no such section", NULL);
    return 1;
}

int config_read(const char *path, const struct setting *const *tables, struct buf *errors) {
    struct reading r = {.tables = tables, .errors = errors, .path = path};
    for (size_t t = 0; tables[t]; t++)
        for (const struct setting *s = tables[t]; s->name; s++)
            if (s->fallback)
                take_value(&r, s, s->name, s->fallback);
    FILE *file = fopen(path, "re");
    if (!file)
        return -errno;
    int line = ini_parse_file(file, handle, &r);
    (void) fclose(file);
    if (line != 0) {
        char where[32];
        (void) snprintf(where, sizeof(where), "line %d", line);
        complain(&r, where, "not of the form name = value, or longer than 199 bytes (go on in the next line, indented)",
                 NULL);
    }
    for (size_t t = 0; tables[t]; t++)
        for (const struct setting *s = tables[t]; s->name; s++)
            if (!s->fallback && (s->type == SETTING_TEXT || s->type == SETTING_PATH) && !*(char **) s->target) {
                char where[256];
                (void) snprintf(where, sizeof(where), "%s.%s", s->section, s->name);
                complain(&r, where, "must be given", NULL);
            }
    return r.failed || errors->failed ? -EINVAL : 0;
}

void config_describe(const struct setting *const *tables, struct buf *to) {
    static const char *const types[] = {"text", "path", "number", "duration", "boolean"};
    for (size_t t = 0; tables[t]; t++)
        for (const struct setting *s = tables[t]; s->name; s++) {
            buf_printf(to, "%s.%s\t%s\t%s\t", s->section, s->name, types[s->type],
                       s->fallback ? s->fallback : "(required)");
            format_bounds(s, to);
            buf_printf(to, "\t%s\n", s->help);
        }
}
