/* link list|resend: one-time links, for when no registrar is at hand. */
#include <string.h>

#include "base/text.h"
#include "commands.h"
#include "ctl_text.h"
#include "policy.h"
#include "proto/tsv.h"
#include "store/operator.h"
#include "store/policy_store.h"
#include "store/register.h"

#define LIMIT_DEFAULT 1000
#define LIMIT_MAX 1000000

const struct command_option link_list_options[] = {
    {"unfetched", NULL, "only certificates that nobody has fetched", false},
    {"organisation", "ID|NAME", "only its links", false},
    {"limit", "NUMBER", "at most so many (1000)", false},
    {0},
};
const struct command_option link_resend_options[] = {
    {"mail", "ADDRESS", "the manager's address from now on", false},
    {"reason", "TEXT", "kept in the audit", true},
    {0},
};

const struct statement *const link_list_statements[] = {&organisation_find_statement, &link_list_by_operator_statement,
                                                        NULL};
const struct statement *const link_resend_statements[] = {&policy_get_statement, &link_resend_by_operator_statement,
                                                          NULL};

int link_list_run(struct ctl *c) {
    int64_t organisation = 0, limit = 0;
    const char *text = ctl_option(c, "organisation");
    int r = ctl_number(c, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &limit);
    if (r == 0 && text)
        r = ctl_organisation(c, text, &organisation);
    if (r != 0)
        return r;
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, organisation);
    db_add_bool(&args, ctl_switch(c, "unfetched"));
    db_add_int32(&args, (int32_t) limit);
    return ctl_answer_list(c, &link_list_by_operator_statement, &args);
}

/* Days a new link lives, or an exit code as a negative number. */
static int link_days(struct ctl *c) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    _cleanup_buf_ struct buf errors = {0};
    struct policy policy;
    int64_t n = policy_get(c->db, &rows);
    if (n < 0)
        return -ctl_database_failed(n);
    if (n == 0)
        return -ctl_fail(CTL_REFUSED, "no policy is in force: inkanctl policy load");
    const char *body = db_text(rows, 0, 1);
    if (policy_parse(&policy, body, strlen(body), &errors) < 0)
        return -ctl_fail(CTL_FAILED, "the policy in force cannot be read:\n%s", buf_string(&errors));
    return policy.link_days;
}

static int check(const char *which, const struct ctl *c, uint8_t serial[static 16], int64_t *ret_application) {
    const char *mail = ctl_option(c, "mail");
    bool named = text_parse_serial(which, serial) == 0;
    if (text_to_int64(which, 1, INT64_MAX, ret_application) < 0)
        *ret_application = 0;
    if (!named)
        return ctl_fail(CTL_USAGE, "\"%s\" is neither a serial number nor an application's", which);
    if (mail && !tsv_is_manager_mail(mail))
        return ctl_fail(CTL_USAGE, "--mail: \"%s\" is no mail address of at most %d characters", mail,
                        TSV_MANAGER_MAIL_MAX);
    return ctl_check_text("reason", ctl_option(c, "reason"), 500);
}

/* What the function of the database said. */
static int outcome(struct ctl *c, const char *which, json_t *row) {
    const char *status = json_string_value(json_object_get(row, "status"));
    if (status && strcmp(status, "sent") == 0) {
        c->result = json_incref(row);
        return CTL_OK;
    }
    if (status && strcmp(status, "busy") == 0)
        return ctl_fail(CTL_REFUSED, "%s: the certificate is being delivered at this moment", which);
    if (status && strcmp(status, "revoked") == 0)
        return ctl_fail(CTL_REFUSED, "%s: the certificate is revoked", which);
    return ctl_fail(CTL_NOT_FOUND, "%s: no certificate has this serial number or application", which);
}

int link_resend_run(struct ctl *c) {
    const char *which = ctl_argument(c, 0);
    uint8_t serial[16];
    int64_t application = 0;
    int r = check(which, c, serial, &application), days = r == 0 ? link_days(c) : -r;
    if (days < 0)
        return -days;
    _cleanup_args_ struct db_args args = {0};
    db_add_bytes(&args, serial, sizeof(serial));
    db_add_int64(&args, application);
    db_add_int32(&args, days);
    db_add_text(&args, ctl_option(c, "mail"));
    db_add_text(&args, ctl_option(c, "reason"));
    db_add_text(&args, c->by);
    json_t *rows = NULL;
    int64_t n = ctl_query(c, &link_resend_by_operator_statement, &args, &rows);
    if (n < 0)
        return ctl_database_failed(n);
    r = outcome(c, which, json_array_get(rows, 0));
    json_decref(rows);
    return r;
}
