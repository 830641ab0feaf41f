#include "csr_subject.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "subject.h"

#define ENTRIES_MAX 32

static const int nids[DN_ATTRIBUTES] = {
    [DN_CN] = NID_commonName,  [DN_OU] = NID_organizationalUnitName, [DN_O] = NID_organizationName,
    [DN_L] = NID_localityName, [DN_ST] = NID_stateOrProvinceName,    [DN_C] = NID_countryName};

struct entry {
    enum dn_attribute attribute;
    char name[80];
    unsigned char *value; /* UTF-8; OPENSSL_free() */
    size_t len;
    bool taken; /* found in the DN */
};

struct subject {
    struct entry entry[ENTRIES_MAX];
    size_t count;
    bool shared_rdn;
};

static enum dn_attribute attribute_of(int nid) {
    for (size_t i = 0; i < DN_ATTRIBUTES; i++)
        if (nids[i] == nid)
            return (enum dn_attribute) i;
    return DN_OTHER;
}

static void subject_read(struct subject *s, const X509_NAME *name) {
    int rdn = -1;
    for (int i = 0; i < X509_NAME_entry_count(name) && s->count < ENTRIES_MAX; i++) {
        const X509_NAME_ENTRY *e = X509_NAME_get_entry(name, i);
        struct entry *to = &s->entry[s->count++];
        ASN1_OBJECT *oid = X509_NAME_ENTRY_get_object(e);
        to->attribute = attribute_of(OBJ_obj2nid(oid));
        if (to->attribute == DN_OTHER)
            (void) OBJ_obj2txt(to->name, sizeof(to->name), oid, 0);
        else
            (void) snprintf(to->name, sizeof(to->name), "%s", dn_attribute_name(to->attribute));
        int len = ASN1_STRING_to_UTF8(&to->value, X509_NAME_ENTRY_get_data(e));
        to->len = len > 0 ? (size_t) len : 0;
        s->shared_rdn = s->shared_rdn || X509_NAME_ENTRY_set(e) == rdn;
        rdn = X509_NAME_ENTRY_set(e);
    }
}

static void subject_done(struct subject *s) {
    for (size_t i = 0; i < s->count; i++)
        OPENSSL_free(s->entry[i].value);
}

static void add_separator(struct buf *to) {
    if (to->len > 0)
        buf_text(to, ", ");
}

static void add_value(struct buf *to, const struct entry *e) {
    if (!e || !e->value) {
        buf_char(to, '-');
        return;
    }
    buf_char(to, '"');
    for (size_t i = 0; i < e->len; i++)
        buf_char(to, e->value[i] < 0x20 ? '?' : (char) e->value[i]);
    buf_char(to, '"');
}

/* An entry not yet taken: with this value if equal, else of this attribute only. */
static struct entry *find(struct subject *s, const struct dn_element *element, bool equal) {
    for (size_t i = 0; i < s->count; i++) {
        struct entry *e = &s->entry[i];
        if (e->taken || e->attribute != element->attribute)
            continue;
        if (!equal || (e->value && e->len == strlen(element->value) && memcmp(e->value, element->value, e->len) == 0))
            return e;
    }
    return NULL;
}

static void compare_values(struct subject *s, const struct dn *dn, struct buf *differences) {
    for (size_t i = 0; i < dn->count; i++) {
        const struct dn_element *wanted = &dn->element[i];
        if (wanted->attribute == DN_OTHER)
            continue;
        struct entry *e = find(s, wanted, true);
        if (!e) {
            e = find(s, wanted, false);
            add_separator(differences);
            buf_printf(differences, "%s: ", wanted->name);
            add_value(differences, e);
            buf_printf(differences, " ≠ \"%s\"", wanted->value);
        }
        if (e)
            e->taken = true;
    }
    for (size_t i = 0; i < s->count; i++)
        if (!s->entry[i].taken) {
            add_separator(differences);
            buf_printf(differences, "%s: ", s->entry[i].name);
            add_value(differences, &s->entry[i]);
            buf_text(differences, " ≠ -");
        }
}

/* Both orders are in use: C first as OpenSSL writes it, CN first as the TSV does. */
static void check_order(const struct subject *s, struct buf *differences) {
    bool up = true, down = true;
    for (size_t i = 1; i < s->count; i++) {
        up = up && s->entry[i].attribute >= s->entry[i - 1].attribute;
        down = down && s->entry[i].attribute <= s->entry[i - 1].attribute;
    }
    if ((up || down) && !s->shared_rdn)
        return;
    add_separator(differences);
    for (size_t i = 0; i < s->count; i++)
        buf_printf(differences, "%s%s", i == 0 ? "" : s->shared_rdn ? "+" : ",", s->entry[i].name);
}

static void check_defaults(const struct subject *s, int column, struct problems *problems) {
    for (size_t i = 0; i < s->count; i++) {
        const struct entry *e = &s->entry[i];
        if (!e->value || !subject_is_placeholder((const char *) e->value))
            continue;
        char what[200];
        (void) snprintf(what, sizeof(what), "%s=%.80s", e->name, (const char *) e->value);
        problem_item(problems, ERROR_DEFAULT_VALUE, column, what, NULL);
    }
}

void csr_subject_check(const X509_NAME *subject, const struct dn *dn, int column, struct problems *problems) {
    _cleanup_(subject_done) struct subject s = {0};
    _cleanup_buf_ struct buf differences = {0};
    subject_read(&s, subject);
    compare_values(&s, dn, &differences);
    check_order(&s, &differences);
    if (differences.failed)
        problems->failed = true;
    else if (differences.len > 0)
        problem_item(problems, ERROR_CSR_SUBJECT, column, buf_string(&differences), NULL);
    check_defaults(&s, column, problems);
}
