/* policy load|list|show: the certificate policy in force. */
#include "policy.h"

#include <string.h>

#include "base/text.h"
#include "commands.h"
#include "store/operator.h"

#define POLICY_BYTES_MAX 65536

const struct command_option policy_load_options[] = {{0}};
const struct command_option policy_list_options[] = {{0}};
const struct command_option policy_show_options[] = {{0}};

const struct statement *const policy_load_statements[] = {&policy_load_statement, NULL};
const struct statement *const policy_list_statements[] = {&policy_list_statement, NULL};
const struct statement *const policy_show_statements[] = {&policy_show_statement, NULL};

int policy_load_run(struct ctl *c) {
    const char *path = ctl_argument(c, 0);
    _cleanup_buf_ struct buf body = {0}, errors = {0}, hash = {0};
    struct policy policy;
    int r = ctl_read_file(path, POLICY_BYTES_MAX, &body);
    if (r < 0)
        return ctl_fail(CTL_FAILED, "%s: %s", path, strerror(-r));
    if (!text_is_utf8(body.data, body.len))
        return ctl_fail(CTL_REFUSED, "%s: not UTF-8", path);
    if (policy_parse(&policy, body.data, body.len, &errors) < 0)
        return ctl_fail(CTL_REFUSED, "%s is refused:\n%s", path, buf_string(&errors));
    _cleanup_args_ struct db_args args = {0};
    db_add_bytes(&args, policy.hash, sizeof(policy.hash));
    db_add_text(&args, policy.name);
    db_add_text(&args, buf_string(&body));
    db_add_text(&args, c->by);
    json_t *rows = NULL;
    int64_t n = ctl_query(c, &policy_load_statement, &args, &rows);
    if (n < 0)
        return ctl_database_failed(n);
    text_hex(&hash, policy.hash, sizeof(policy.hash));
    c->result = n > 0
                    ? json_incref(json_array_get(rows, 0))
                    : json_pack("{s:s, s:s, s:b}", "policy", policy.name, "sha256", buf_string(&hash), "unchanged", 1);
    json_decref(rows);
    return CTL_OK;
}

int policy_list_run(struct ctl *c) {
    return ctl_answer_list(c, &policy_list_statement, NULL);
}

int policy_show_run(struct ctl *c) {
    return ctl_answer_one(c, &policy_show_statement, NULL, CTL_NOT_FOUND,
                          "no policy is in force: inkanctl policy load");
}
