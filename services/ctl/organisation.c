/* organisation add|list|show|change|remove: 機関 as examined. */
#include <string.h>

#include "base/clock.h"
#include "commands.h"
#include "ctl_text.h"
#include "store/register.h"

const struct command_option organisation_add_options[] = {
    {"name-en", "TEXT", "O of the subject DN, byte for byte", true},
    {"name-ja", "TEXT", "機関名", true},
    {"st", "TEXT", "ST of the subject DN", true},
    {"l", "TEXT", "L of the subject DN", true},
    {"issue-until", "DATE", "証明書発行有効期限: last day (JST) on which it may apply, YYYY-MM-DD", true},
    {"match-key", "cn|cn+ou", "what makes a name used before (default: as the policy says)", false},
    {0},
};
const struct command_option organisation_change_options[] = {
    {"name-en", "TEXT", "O of the subject DN, byte for byte", false},
    {"name-ja", "TEXT", "機関名", false},
    {"st", "TEXT", "ST of the subject DN", false},
    {"l", "TEXT", "L of the subject DN", false},
    {"issue-until", "DATE", "証明書発行有効期限, YYYY-MM-DD", false},
    {"match-key", "cn|cn+ou|\"\"", "empty: as the policy says", false},
    {"state", "active|suspended|closed", "anything but active refuses uploads (215)", false},
    {0},
};
const struct command_option organisation_list_options[] = {{0}};
const struct command_option organisation_show_options[] = {{0}};
const struct command_option organisation_remove_options[] = {{0}};

const struct statement *const organisation_add_statements[] = {&organisation_add_statement, NULL};
const struct statement *const organisation_list_statements[] = {&organisation_list_statement, NULL};
const struct statement *const organisation_show_statements[] = {&organisation_find_statement,
                                                                &organisation_list_statement, NULL};
const struct statement *const organisation_change_statements[] = {&organisation_find_statement,
                                                                  &organisation_change_statement, NULL};
const struct statement *const organisation_remove_statements[] = {&organisation_find_statement,
                                                                  &organisation_change_statement, NULL};

/* Upper bounds of X.520 as RFC 5280 appendix A.1 lists them: ub-organization-name, ub-state-name, ub-locality-name. */
static int check_options(const struct ctl *c) {
    int64_t usec = 0;
    const char *date = ctl_option(c, "issue-until"), *match_key = ctl_option(c, "match-key");
    static const struct {
        const char *name;
        size_t max;
        const char *forbidden; /* names of organisations have commas ("…, Ltd."), names of places none */
    } subject[] = {{"name-en", 64, "="}, {"st", 128, "=,"}, {"l", 128, "=,"}};
    int r = ctl_check_text("name-ja", ctl_option(c, "name-ja"), 200);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(subject); i++)
        r = ctl_check_subject(subject[i].name, ctl_option(c, subject[i].name), subject[i].max, subject[i].forbidden);
    if (r != 0)
        return r;
    if (date && clock_parse_date(date, &usec) < 0)
        return ctl_fail(CTL_USAGE, "--issue-until: a date, YYYY-MM-DD");
    if (match_key && *match_key && strcmp(match_key, "cn") != 0 && strcmp(match_key, "cn+ou") != 0)
        return ctl_fail(CTL_USAGE, "--match-key: cn or cn+ou");
    return 0;
}

int organisation_add_run(struct ctl *c) {
    static const char *const names[] = {"name-ja", "name-en", "st", "l", "issue-until", "match-key"};
    int r = check_options(c);
    if (r != 0)
        return r;
    _cleanup_args_ struct db_args args = {0};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        db_add_text(&args, ctl_option(c, names[i]));
    db_add_text(&args, c->by);
    return ctl_answer_one(c, &organisation_add_statement, &args, CTL_FAILED, "nothing was entered");
}

int organisation_list_run(struct ctl *c) {
    _cleanup_args_ struct db_args args = {0};
    db_add_null(&args);
    return ctl_answer_list(c, &organisation_list_statement, &args);
}

int organisation_show_run(struct ctl *c) {
    int64_t id = 0;
    int r = ctl_organisation(c, ctl_argument(c, 0), &id);
    if (r != 0)
        return r;
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, id);
    return ctl_answer_one(c, &organisation_list_statement, &args, CTL_NOT_FOUND, "it is gone");
}

static int change(struct ctl *c, const char *state) {
    static const char *const names[] = {"name-ja", "name-en", "st", "l", "issue-until", "match-key"};
    int64_t id = 0;
    int r = ctl_organisation(c, ctl_argument(c, 0), &id);
    if (r != 0)
        return r;
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, id);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        db_add_text(&args, ctl_option(c, names[i]));
    db_add_text(&args, state);
    db_add_text(&args, c->by);
    return ctl_answer_one(c, &organisation_change_statement, &args, CTL_NOT_FOUND, "it is gone");
}

int organisation_change_run(struct ctl *c) {
    static const char *const states[] = {"active", "suspended", "closed", NULL};
    int r = check_options(c);
    if (r == 0)
        r = ctl_check_word("state", ctl_option(c, "state"), states);
    return r != 0 ? r : change(c, ctl_option(c, "state"));
}

int organisation_remove_run(struct ctl *c) {
    return change(c, "closed");
}
