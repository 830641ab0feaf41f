/*
 * One-time links, the public listener. GET shows a page (link_page.c) and changes nothing: mail scanners follow links. POST delivers
 * under a lease; the link burns when the peer's kernel has acknowledged the whole reply and is given back otherwise.
 */
#include "store/link.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "log.h"
#include "services/ingress/certificates/certificate_view.h"
#include "services/ingress/links/link_page.h"

/* Longer than a delivery can take (the connection's time limit and the wait for the peer's acknowledgement), so that no
 * second one begins while the first may still arrive; after a crash the link is free again when it has run out. */
#define LEASE_USEC (60 * USEC_PER_SEC)
#define BUSY_WAIT_USEC (300 * USEC_PER_MSEC)

struct delivery {
    struct context *context;
    int64_t link, number;
};

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

static int write_delivery(struct context *c, struct reply *p, enum certificate_form form,
                          const struct link_taken *taken) {
    struct delivery *d = malloc(sizeof(*d));
    if (!d)
        return -ENOMEM;
    *d = (struct delivery){.context = c, .link = taken->link, .number = taken->delivery};
    int r = certificate_put(&p->body, form, taken->der, taken->issuer_der);
    if (r < 0) {
        free(d);
        return r;
    }
    p->type = certificate_forms[form].type;
    /* CN is a host name of letters, digits, hyphens and dots: safe as it is. */
    reply_header(p, "Content-Disposition", "attachment; filename=\"%s%s\"", taken->cn, certificate_forms[form].suffix);
    reply_header(p, "Cache-Control", "no-store");
    p->delivered = delivery_ended;
    p->delivered_ctx = d;
    return 0;
}

static int form_of(const struct request *r, struct reply *p) {
    const char *name = request_parameter(r, "format");
    int form = name ? certificate_form(name) : CERTIFICATE_FORM_PEM;
    return form < 0 ? reply_bad_parameter(r, p, "format", name, "pem, chain, der, p7b") : form;
}

static int link_deliver(struct thread *t, struct request *r, struct reply *p) {
    int form = form_of(r, p);
    if (form < 0)
        return 0;
    uint8_t hash[LINK_HASH_BYTES];
    if (!link_token_hash(r->segment[0], hash))
        return link_page(t, r, p);
    enum link_status status;
    struct link_taken taken;
    _cleanup_rows_ struct db_rows *rows = NULL;
    int result = link_take(t->db_public, hash, LEASE_USEC, &status, &taken, &rows);
    if (result < 0)
        return result;
    /* A delivery is over within milliseconds as a rule: whoever asks again right after it is told how it ended, not 409. */
    if (status == LINK_BUSY && request_waited_usec(r) < BUSY_WAIT_USEC)
        return HANDLER_PARK;
    if (status != LINK_OPEN)
        return link_page_refusal(t, r, p, hash, status);
    result = write_delivery(t->context, p, (enum certificate_form) form, &taken);
    if (result < 0)
        (void) link_give_back(t->db_public, taken.link, taken.delivery);
    return result;
}

const struct route link_routes[] = {
    {LISTENER_PUBLIC, "GET", "/d/{}", ACCESS_ANYONE, false, false, link_page},
    {LISTENER_PUBLIC, "POST", "/d/{}", ACCESS_ANYONE, true, false, link_deliver},
    {.handle = NULL},
};
