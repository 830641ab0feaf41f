#include "dn.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static const char *const names[DN_ATTRIBUTES] = {
    [DN_CN] = "CN", [DN_OU] = "OU", [DN_O] = "O", [DN_L] = "L", [DN_ST] = "ST", [DN_C] = "C"};

/* Names that end a value although no DN here may have them: a value must not carry another attribute along. */
static const char *const foreign_names[] = {"S",  "SP",  "E",  "EMAIL", "EMAILADDRESS", "DC",           "STREET",
                                            "SN", "UID", "GN", "T",     "POSTALCODE",   "SERIALNUMBER", "TITLE"};

const char *dn_attribute_name(enum dn_attribute attribute) {
    return names[attribute];
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

/* The name before "=" at text, blanks around it passed over: its length, or 0. *ret_value is what follows "=". */
static size_t name_at(const char *text, const char **ret_name, const char **ret_value) {
    while (is_blank(*text))
        text++;
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    const char *end = text + len;
    while (is_blank(*end))
        end++;
    *ret_name = text;
    *ret_value = end + 1;
    return *end == '=' ? len : 0;
}

static bool is_name(const char *text, size_t len, const char *name) {
    return strlen(name) == len && strncasecmp(text, name, len) == 0;
}

static bool is_known(const char *text, size_t len) {
    for (size_t i = 0; i < DN_ATTRIBUTES; i++)
        if (is_name(text, len, names[i]))
            return true;
    for (size_t i = 0; i < ARRAY_SIZE(foreign_names); i++)
        if (is_name(text, len, foreign_names[i]))
            return true;
    return false;
}

/* The comma that ends the value at text, or its end. */
static char *value_end(char *text) {
    const char *name, *value;
    for (char *p = text; (p = strchr(p, ',')); p++) {
        size_t len = name_at(p + 1, &name, &value);
        if (len > 0 && is_known(name, len))
            return p;
    }
    return text + strlen(text);
}

static enum dn_attribute attribute_of(const char *name) {
    for (size_t i = 0; i < DN_ATTRIBUTES; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum dn_attribute) i;
    return DN_OTHER;
}

static char *take_element(struct dn *dn, char *text) {
    struct dn_element *e = &dn->element[dn->count++];
    const char *name, *value;
    size_t len = name_at(text, &name, &value);
    *e = (struct dn_element){.name = "", .value = text, .attribute = DN_OTHER};
    char *value_start = len > 0 ? text + (value - text) : text;
    char *end = value_end(value_start);
    bool last = *end == '\0';
    *end = '\0';
    if (len > 0) {
        text[(size_t) (name - text) + len] = '\0';
        *e = (struct dn_element){.name = name, .value = value, .attribute = attribute_of(name)};
    }
    return last ? NULL : end + 1;
}

int dn_parse(struct dn *ret, const char *text) {
    *ret = (struct dn){.memory = strdup(text)};
    if (!ret->memory)
        return -ENOMEM;
    char *next = ret->memory;
    while (next && ret->count < DN_ELEMENTS_MAX)
        next = take_element(ret, next);
    ret->overflow = next != NULL;
    return 0;
}

void dn_done(struct dn *dn) {
    free(dn->memory);
    dn->memory = NULL;
}

const char *dn_value(const struct dn *dn, enum dn_attribute attribute) {
    for (size_t i = 0; i < dn->count; i++)
        if (dn->element[i].attribute == attribute)
            return dn->element[i].value;
    return NULL;
}

static bool may_repeat(enum dn_attribute attribute, const struct policy *policy) {
    return attribute == DN_OU && policy->ou != POLICY_OU_REFUSE;
}

static bool is_required(enum dn_attribute attribute, const struct policy *policy) {
    return attribute == DN_L ? policy->locality : attribute == DN_ST ? policy->state_or_province : attribute != DN_OU;
}

static void add_found(struct buf *to, const struct dn *dn) {
    for (size_t i = 0; i < dn->count; i++) {
        const struct dn_element *e = &dn->element[i];
        if (i > 0)
            buf_char(to, ',');
        buf_text(to, *e->name ? e->name : e->value);
        if (*e->name && !*e->value)
            buf_char(to, '=');
    }
    if (dn->overflow)
        buf_text(to, ",…");
}

bool dn_is_wanted(const struct dn *dn, const struct policy *policy, struct buf *found) {
    size_t at = 0;
    bool ok = !dn->overflow;
    for (size_t a = 0; a < DN_ATTRIBUTES; a++) {
        enum dn_attribute attribute = (enum dn_attribute) a;
        bool required = is_required(attribute, policy), seen = false;
        while (at < dn->count && dn->element[at].attribute == attribute && (!seen || may_repeat(attribute, policy)) &&
               (required || may_repeat(attribute, policy))) {
            ok = ok && *dn->element[at].value;
            seen = true;
            at++;
        }
        ok = ok && (seen || !required);
    }
    ok = ok && at == dn->count;
    if (!ok)
        add_found(found, dn);
    return ok;
}
