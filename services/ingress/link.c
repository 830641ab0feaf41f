/*
 * One-time links, the public listener. GET shows a page and changes nothing: mail scanners follow links. POST delivers
 * under a lease; the link burns when the peer's kernel has acknowledged the whole reply and is given back otherwise.
 */
#include "store/link.h"

#include <errno.h>
#include <openssl/sha.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "log.h"
#include "services/ingress/certificate_view.h"
#include "services/ingress/page_parts.h"

/* Longer than a delivery can take (the connection's time limit and the wait for the peer's acknowledgement), so that no
 * second one begins while the first may still arrive; after a crash the link is free again when it has run out. */
#define LEASE_USEC (60 * USEC_PER_SEC)
#define BUSY_WAIT_USEC (300 * USEC_PER_MSEC)

#define TOKEN_BYTES 32
#define TOKEN_CHARS 43

enum format { FORMAT_PEM, FORMAT_CHAIN, FORMAT_DER, FORMAT_P7B, FORMAT_COUNT };

static const struct {
    const char *name, *suffix, *type;
    enum text title, hint;
} formats[FORMAT_COUNT] = {
    [FORMAT_PEM] = {"pem", ".cer", "application/x-pem-file", TEXT_link_pem, TEXT_link_pem_hint},
    [FORMAT_CHAIN] = {"chain", "-chain.cer", "application/x-pem-file", TEXT_link_chain, TEXT_link_chain_hint},
    [FORMAT_DER] = {"der", ".der", "application/pkix-cert", TEXT_link_der, TEXT_link_der_hint},
    [FORMAT_P7B] = {"p7b", ".p7b", "application/x-pkcs7-certificates", TEXT_link_p7b, TEXT_link_p7b_hint},
};

struct delivery {
    struct context *context;
    int64_t link, number;
};

static bool token_hash(const char *token, uint8_t ret[static LINK_HASH_BYTES]) {
    _cleanup_(buf_wipe) struct buf bytes = {0};
    if (strlen(token) != TOKEN_CHARS || text_from_base64url(token, TOKEN_CHARS, &bytes) < 0 || bytes.len != TOKEN_BYTES)
        return false;
    (void) SHA256((const unsigned char *) bytes.data, bytes.len, ret);
    return true;
}

static void refuse(const struct request *r, struct reply *p, enum link_status status) {
    static const enum error errors[] = {
        [LINK_UNKNOWN] = ERROR_LINK_UNKNOWN,
        [LINK_BUSY] = ERROR_LINK_BUSY,
        [LINK_USED] = ERROR_LINK_USED,
        [LINK_EXPIRED] = ERROR_LINK_EXPIRED,
        [LINK_SUPERSEDED] = ERROR_LINK_SUPERSEDED,
        [LINK_REVOKED] = ERROR_LINK_REVOKED,
    };
    reply_error(r, p, errors[status], NULL, 0);
}

static json_t *format_list(enum language language) {
    json_t *list = json_array();
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        (void) json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b}", "value", formats[i].name, "title",
                                                     text_get(formats[i].title, language), "hint",
                                                     text_get(formats[i].hint, language), "main", i == FORMAT_PEM));
    return list;
}

static int link_page(struct thread *t, struct request *r, struct reply *p) {
    uint8_t hash[LINK_HASH_BYTES];
    enum link_status status = LINK_UNKNOWN;
    _cleanup_rows_ struct db_rows *rows = NULL;
    if (token_hash(r->segment[0], hash)) {
        int result = link_look(t->db_public, hash, &status, &rows);
        if (result < 0)
            return result;
    }
    if (status != LINK_OPEN && status != LINK_BUSY) {
        refuse(r, p, status);
        return 0;
    }
    struct link_seen seen = link_seen(rows);
    json_t *data = certificate_view(seen.der);
    if (!data)
        return -EINVAL;
    bool english = r->language == LANGUAGE_EN;
    json_t *more =
        json_pack("{s:s, s:o, s:s, s:o}", "title", text_get(TEXT_link_title, r->language), "expires",
                  page_time(seen.expires_usec), "organisation", english ? seen.organisation_en : seen.organisation_ja,
                  "formats", format_list(r->language));
    (void) json_object_update_missing(data, more);
    json_decref(more);
    return page_send(r, p, 200, "link", data);
}

static int burn(struct db *db, void *ctx) {
    const struct delivery *d = ctx;
    const struct policy *policy = NULL;
    int64_t job = 0;
    int r = service_policy(d->context, db, &policy);
    if (r < 0)
        return r;
    const struct link_reminders reminders = {.replace_days = policy->remind_days,
                                             .old_reason = policy->old_reason,
                                             .expiry_days = policy->expiry_days,
                                             .expiry_count = (size_t) policy->expiry_days_count};
    r = link_burn(db, d->link, d->number, &reminders, &job);
    if (r == 0)
        log_warning("link %lld was delivered after its lease had run out", (long long) d->link);
    return r < 0 ? r : (int) (job > 0);
}

/* The outcome of a delivery, on a database thread. An error leaves the link to its lease: it can then be used again. */
static void delivery_ended(struct thread *t, void *ctx, bool whole) {
    struct delivery *d = ctx;
    int r = whole ? db_transaction(t->db_public, "link_burn", 0, burn, d)
                  : link_give_back(t->db_public, d->link, d->number);
    if (r < 0)
        log_error("link %lld: its delivery cannot be recorded as %s", (long long) d->link, whole ? "whole" : "broken");
    else if (!whole)
        log_notice("link %lld: the certificate did not arrive whole, the link stays", (long long) d->link);
    else if (r > 0)
        bus_hint(t->context->bus, STAGE_send, 0);
}

static int write_certificate(struct reply *p, enum format format, const struct link_taken *taken) {
    switch (format) {
    case FORMAT_CHAIN:
        certificate_pem(&p->body, taken->der);
        certificate_pem(&p->body, taken->issuer_der);
        break;
    case FORMAT_DER:
        buf_add(&p->body, taken->der.data, taken->der.len);
        break;
    case FORMAT_P7B:
        return certificate_p7b(&p->body, taken->der, taken->issuer_der);
    default:
        certificate_pem(&p->body, taken->der);
    }
    return p->body.failed ? -ENOMEM : 0;
}

static int write_delivery(struct context *c, struct reply *p, enum format format, const struct link_taken *taken) {
    struct delivery *d = malloc(sizeof(*d));
    if (!d)
        return -ENOMEM;
    *d = (struct delivery){.context = c, .link = taken->link, .number = taken->delivery};
    int r = write_certificate(p, format, taken);
    if (r < 0) {
        free(d);
        return r;
    }
    p->type = formats[format].type;
    /* CN is a host name of letters, digits, hyphens and dots: safe as it is. */
    reply_header(p, "Content-Disposition", "attachment; filename=\"%s%s\"", taken->cn, formats[format].suffix);
    reply_header(p, "Cache-Control", "no-store");
    p->delivered = delivery_ended;
    p->delivered_ctx = d;
    return 0;
}

static int format_of(const struct request *r, struct reply *p) {
    const char *name = request_parameter(r, "format");
    for (int i = 0; name && i < FORMAT_COUNT; i++)
        if (strcmp(formats[i].name, name) == 0)
            return i;
    if (!name)
        return FORMAT_PEM;
    const char *args[] = {"format", name, "pem, chain, der, p7b"};
    reply_error(r, p, ERROR_BAD_PARAMETER, args, ARRAY_SIZE(args));
    return -EINVAL;
}

static int link_deliver(struct thread *t, struct request *r, struct reply *p) {
    int format = format_of(r, p);
    if (format < 0)
        return 0;
    uint8_t hash[LINK_HASH_BYTES];
    if (!token_hash(r->segment[0], hash)) {
        refuse(r, p, LINK_UNKNOWN);
        return 0;
    }
    enum link_status status;
    struct link_taken taken;
    _cleanup_rows_ struct db_rows *rows = NULL;
    int result = link_take(t->db_public, hash, LEASE_USEC, &status, &taken, &rows);
    if (result < 0)
        return result;
    /* A delivery is over within milliseconds as a rule: whoever asks again right after it is told how it ended, not 409. */
    if (status == LINK_BUSY && request_waited_usec(r) < BUSY_WAIT_USEC)
        return HANDLER_PARK;
    if (status != LINK_OPEN) {
        refuse(r, p, status);
        return 0;
    }
    result = write_delivery(t->context, p, (enum format) format, &taken);
    if (result < 0)
        (void) link_give_back(t->db_public, taken.link, taken.delivery);
    return result;
}

const struct route link_routes[] = {
    {LISTENER_PUBLIC, "GET", "/d/{}", ACCESS_ANYONE, false, false, link_page},
    {LISTENER_PUBLIC, "POST", "/d/{}", ACCESS_ANYONE, true, false, link_deliver},
    {.handle = NULL},
};
