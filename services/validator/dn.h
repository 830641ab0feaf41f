/*
 * The subject DN of a row, "CN=…,O=…,L=…,ST=…,C=JP", as text.
 *
 * Values may hold commas, so the text is split only where a comma is followed by the name of an attribute and "=".
 * Blanks around names are passed over, those in values are part of them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "policy.h"

#define DN_ELEMENTS_MAX 16

enum dn_attribute {
    DN_CN,
    DN_OU,
    DN_O,
    DN_L,
    DN_ST,
    DN_C,
    DN_ATTRIBUTES, /* number of those that a DN may have */
    DN_OTHER = DN_ATTRIBUTES,
};

struct dn_element {
    const char *name; /* as written; "" where the text does not begin with one */
    const char *value;
    enum dn_attribute attribute;
};

struct dn {
    struct dn_element element[DN_ELEMENTS_MAX];
    size_t count;
    bool overflow; /* more elements than DN_ELEMENTS_MAX */
    char *memory;
};

/* Takes the text apart, whatever its form. 0 or -ENOMEM. */
int dn_parse(struct dn *ret, const char *text);
void dn_done(struct dn *dn);

const char *dn_attribute_name(enum dn_attribute attribute);
/* The value of the first such element, or NULL. */
const char *dn_value(const struct dn *dn, enum dn_attribute attribute);

/*
 * True when the elements are those the policy wants: in the order CN,OU,O,L,ST,C, each once with a value, OU absent or
 * where the policy knows it any number of times. Otherwise adds what was found: "CN,O,O,ST,C".
 */
bool dn_is_wanted(const struct dn *dn, const struct policy *policy, struct buf *found);
