/*
 * Checks the audit's seals outside the database: it is shown seals and events in order, computes everything again, and
 * notes each trouble. Pure; what is signed: common/seal.h; what an event's line is: audit_line() in deploy/schema.
 */
#pragma once

#include "base/buf.h"
#include "seal.h"

struct audit_check;

struct audit_event {
    int64_t xid, id, at_usec;
    const char *actor, *kind, *detail;
    const char *subject;                       /* NULL: none */
    int64_t organisation, upload, application; /* 0: none */
};

/* Where the check stands. */
struct audit_standing {
    int64_t seals, events;
    struct seal last; /* number 0: none yet */
    unsigned troubles;
};

struct audit_check *audit_check_new(void); /* NULL without memory */
void audit_check_free(struct audit_check *a);
DEFINE_CLEANUP(struct audit_check *, audit_check_free)

/* A key that may seal. 0, -EINVAL (id is not the hash of public), -ENOMEM. */
int audit_check_key(struct audit_check *a, const void *id, size_t id_len, const void *public_key, size_t public_len);

/* A seal; then each event it covers; then the end. */
void audit_check_seal(struct audit_check *a, const struct seal *seal, const void *key, size_t key_len,
                      const void *signature, size_t signature_len);
void audit_check_event(struct audit_check *a, const struct audit_event *event);
void audit_check_seal_end(struct audit_check *a);

/* Something found elsewhere. */
void audit_check_trouble(struct audit_check *a, const char *format, ...) _printf_(2, 3);

struct audit_standing audit_check_standing(const struct audit_check *a);
const char *audit_check_troubles(const struct audit_check *a); /* a line each, the first 100 */
