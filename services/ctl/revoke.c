/* revoke, revoke list|show: many certificates for one reason. The signer does it; here they are only selected. */
#include <errno.h>
#include <string.h>

#include "commands.h"
#include "ctl_text.h"
#include "proto/reasons.h"
#include "revoke_selection.h"
#include "store/operator.h"
#include "store/register.h"

#define COMMENT_MAX 128 /* 失効理由コメント */
#define CHUNK_ITEMS 250 /* revoked in one transaction */

const struct command_option revoke_options[] = {
    {"reason", "N", "0, 1 (key compromise), 3, 4 (superseded), 5 (cessation) or 9 (privilege withdrawn)", true},
    {"comment", "TEXT", "why; told to managers and registrars", true},
    {"execute", "CODE", "do it, if the dry run's code is still the same", false},
    {"file", "FILE", "serial numbers, one a line (decimal or 0x…), or a server-revoke TSV file", false},
    {"organisation", "ID|NAME", "of this organisation", false},
    {"domain", "DOMAIN", "with a name in this domain", false},
    {"profile", "N", "of this profile", false},
    {"issuer", "ID", "of this issuing CA", false},
    {"issued-from", "TIME", "issued then or later: a day of JST, or 2026-04-01T00:00:00Z", false},
    {"issued-until", "TIME", "issued on that day or earlier, or before that time", false},
    {"spki", "HASH", "of this key: SHA-256 of its SubjectPublicKeyInfo", false},
    {"key", "FILE", "the same, from a PEM of the public key or of a certificate", false},
    {"policy", "HASH", "issued under this policy (`policy list`)", false},
    {0},
};
const struct command_option revoke_list_options[] = {{0}};
const struct command_option revoke_show_options[] = {{0}};

const struct statement *const revoke_statements[] = {&organisation_find_statement, &service_lock_statement,
                                                     &campaign_preview_statement, &campaign_begin_statement, NULL};
const struct statement *const revoke_list_statements[] = {&campaign_list_statement, NULL};
const struct statement *const revoke_show_statements[] = {&campaign_show_statement, NULL};

struct revoking {
    struct ctl *c;
    const struct selection *selection;
    int64_t reason;
    const char *comment, *code, *given;
};

static int64_t member(const json_t *object, const char *name) {
    return json_integer_value(json_object_get(object, name));
}

/* The counts and the code. */
static int preview(struct revoking *v) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_free_
    struct db_bytes *serials = NULL;
    json_t *rows = NULL;
    int64_t n = selection_args(v->selection, &args, &serials);
    db_add_int32(&args, (int32_t) v->reason);
    if (n == 0)
        n = ctl_query(v->c, &campaign_preview_statement, &args, &rows);
    if (n <= 0)
        return ctl_database_failed(n);
    json_t *found = json_array_get(rows, 0);
    v->c->result = json_incref(found);
    json_decref(rows);
    return member(found, "certificates") + member(found, "in_flight") > 0 ? CTL_OK : CTL_NOT_FOUND;
}

static int execute(struct revoking *v) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_free_
    struct db_bytes *serials = NULL;
    if (selection_args(v->selection, &args, &serials) < 0)
        return ctl_database_failed(DB_FAILED);
    db_add_int32(&args, (int32_t) v->reason);
    db_add_text(&args, v->code);
    db_add_text(&args, v->comment);
    db_add_text(&args, v->c->by);
    db_add_text(&args, v->given);
    db_add_int32(&args, CHUNK_ITEMS);
    int r = ctl_answer_behind_signing(v->c, &campaign_begin_statement, &args);
    if (r != CTL_OK)
        return r;
    if (v->c->result)
        return CTL_OK;
    r = preview(v);
    if (r == CTL_OK)
        return ctl_fail(CTL_REFUSED, "the selection is another than that of code %s; nothing was done", v->code);
    return r == CTL_NOT_FOUND ? ctl_fail(r, "nothing is selected; nothing was done") : r;
}

static int read_reason(const struct ctl *c, int64_t *ret) {
    int r = ctl_number(c, "reason", 0, 10, 0, ret);
    if (r == 0 && !reason_of((int) *ret))
        r = ctl_fail(CTL_USAGE, "--reason: 0, 1, 3, 4, 5 or 9");
    return r != 0 ? r : ctl_check_text("comment", ctl_option(c, "comment"), COMMENT_MAX);
}

static int dry_run(struct revoking *v) {
    int r = preview(v);
    return r == CTL_NOT_FOUND ? ctl_fail(r, "nothing is selected") : r;
}

int revoke_run(struct ctl *c) {
    struct selection selection = {0};
    struct revoking v = {
        .c = c, .selection = &selection, .comment = ctl_option(c, "comment"), .code = ctl_option(c, "execute")};
    int r = read_reason(c, &v.reason);
    if (r == 0)
        r = selection_read(&selection, c);
    if (r == 0) {
        _cleanup_free_
        char *given = json_dumps(selection.given, JSON_COMPACT);
        v.given = given;
        r = !given ? ctl_fail(CTL_FAILED, "out of memory") : v.code ? execute(&v) : dry_run(&v);
    }
    selection_done(&selection);
    return r;
}

int revoke_list_run(struct ctl *c) {
    return ctl_answer_list(c, &campaign_list_statement, NULL);
}

int revoke_show_run(struct ctl *c) {
    int64_t id = 0;
    int r = ctl_id(ctl_argument(c, 0), &id);
    if (r != 0)
        return r;
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, id);
    return ctl_answer_one(c, &campaign_show_statement, &args, CTL_NOT_FOUND, "no campaign %lld", (long long) id);
}
