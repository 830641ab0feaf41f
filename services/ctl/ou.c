/* ou add|list|remove: 許可リスト, the values of OU that an organisation may write where the policy has ou = listed. */
#include <string.h>

#include "commands.h"
#include "ctl_text.h"
#include "store/register.h"

#define OU_MAX 64 /* ub-organizational-unit-name, RFC 5280 appendix A.1 */

const struct command_option ou_add_options[] = {{0}};
const struct command_option ou_remove_options[] = {{0}};
const struct command_option ou_list_options[] = {
    {"organisation", "ID|NAME", "only its list", false},
    {0},
};

const struct statement *const ou_add_statements[] = {&organisation_find_statement, &ou_add_statement, NULL};
const struct statement *const ou_remove_statements[] = {&organisation_find_statement, &ou_remove_statement, NULL};
const struct statement *const ou_list_statements[] = {&organisation_find_statement, &ou_list_statement, NULL};

static int take_arguments(struct ctl *c, struct db_args *args) {
    int64_t organisation = 0;
    int r = ctl_check_subject("OU", ctl_argument(c, 1), OU_MAX, "=,");
    if (r == 0)
        r = ctl_organisation(c, ctl_argument(c, 0), &organisation);
    db_add_int64(args, organisation);
    db_add_text(args, ctl_argument(c, 1));
    db_add_text(args, c->by);
    return r;
}

int ou_add_run(struct ctl *c) {
    _cleanup_args_ struct db_args args = {0};
    int r = take_arguments(c, &args);
    return r != 0 ? r : ctl_answer_one(c, &ou_add_statement, &args, CTL_REFUSED, "it is on the list already");
}

int ou_remove_run(struct ctl *c) {
    _cleanup_args_ struct db_args args = {0};
    int r = take_arguments(c, &args);
    return r != 0 ? r : ctl_answer_one(c, &ou_remove_statement, &args, CTL_NOT_FOUND, "it is not on the list");
}

int ou_list_run(struct ctl *c) {
    int64_t organisation = 0;
    const char *text = ctl_option(c, "organisation");
    int r = text ? ctl_organisation(c, text, &organisation) : 0;
    if (r != 0)
        return r;
    _cleanup_args_ struct db_args args = {0};
    if (text)
        db_add_int64(&args, organisation);
    else
        db_add_null(&args);
    return ctl_answer_list(c, &ou_list_statement, &args);
}
