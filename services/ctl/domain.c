/* domain add|list|show|change|examine|remove: what an organisation may apply for, with its registrant as examined. */
#include <string.h>

#include "commands.h"
#include "ctl_text.h"
#include "store/operator.h"
#include "store/register.h"
#include "whois_request.h"

#define REGISTRANT_MAX 300

static const char *const states[] = {"pending", "permitted", "suspended", NULL};

const struct command_option domain_add_options[] = {
    {"organisation", "ID|NAME", "whose domain: number or English name", true},
    {"registrant-ja", "TEXT", "組織名, 登録者名 or ネットワークサービス名 as WHOIS names it", false},
    {"registrant-en", "TEXT", "Organization, Registrant or Network Service Name", false},
    {"state", "STATE", "pending (default without registrant), permitted (default with one) or suspended", false},
    {0},
};
const struct command_option domain_list_options[] = {
    {"organisation", "ID|NAME", "only its domains", false},
    {0},
};
const struct command_option domain_change_options[] = {
    {"registrant-ja", "TEXT", "as examined; empty: none", false},
    {"registrant-en", "TEXT", "as examined; empty: none", false},
    {"state", "STATE", "pending, permitted or suspended", false},
    {"organisation", "ID|NAME", "another organisation's from now on", false},
    {0},
};
const struct command_option domain_examine_options[] = {
    {"wait", "SECONDS", "for the answer (default 60)", false},
    {0},
};
const struct command_option domain_show_options[] = {{0}};
const struct command_option domain_remove_options[] = {{0}};

const struct statement *const domain_add_statements[] = {&organisation_find_statement, &domain_add_statement, NULL};
const struct statement *const domain_list_statements[] = {&organisation_find_statement, &domain_list_statement, NULL};
const struct statement *const domain_show_statements[] = {&domain_list_statement, NULL};
const struct statement *const domain_change_statements[] = {&organisation_find_statement, &domain_list_statement,
                                                            &domain_change_statement, NULL};
const struct statement *const domain_remove_statements[] = {&domain_change_statement, NULL};
const struct statement *const domain_examine_statements[] = {&domain_list_statement,
                                                             &domain_change_statement,
                                                             &whois_request_statement,
                                                             &whois_cancel_statement,
                                                             &whois_mark_statement,
                                                             &whois_newer_statement,
                                                             NULL};

static int check_options(const struct ctl *c) {
    int r = ctl_check_text_or_empty("registrant-ja", ctl_option(c, "registrant-ja"), REGISTRANT_MAX);
    if (r == 0)
        r = ctl_check_text_or_empty("registrant-en", ctl_option(c, "registrant-en"), REGISTRANT_MAX);
    return r != 0 ? r : ctl_check_word("state", ctl_option(c, "state"), states);
}

static const char *given(const char *text) {
    return text && *text ? text : NULL;
}

int domain_add_run(struct ctl *c) {
    char name[254];
    int64_t organisation = 0;
    const char *ja = given(ctl_option(c, "registrant-ja")), *en = given(ctl_option(c, "registrant-en"));
    const char *state = ctl_option(c, "state");
    int r = check_options(c);
    if (r == 0)
        r = ctl_domain(ctl_argument(c, 0), name);
    if (r == 0)
        r = ctl_check_public(name);
    if (r == 0)
        r = ctl_organisation(c, ctl_option(c, "organisation"), &organisation);
    if (r != 0)
        return r;
    if (!state)
        state = ja || en ? "permitted" : "pending";
    if (strcmp(state, "permitted") == 0 && !ja && !en)
        return ctl_fail(CTL_REFUSED, "%s: a domain is permitted only with the registrant that was examined", name);
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, organisation);
    db_add_text(&args, name);
    db_add_text(&args, ja);
    db_add_text(&args, en);
    db_add_text(&args, state);
    db_add_text(&args, c->by);
    return ctl_answer_one(c, &domain_add_statement, &args, CTL_REFUSED, "%s is entered already", name);
}

int domain_list_run(struct ctl *c) {
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
    db_add_null(&args);
    return ctl_answer_list(c, &domain_list_statement, &args);
}

/* The domain of the first argument into c->result. */
static int load(struct ctl *c, const char *name) {
    _cleanup_args_ struct db_args args = {0};
    db_add_null(&args);
    db_add_text(&args, name);
    return ctl_answer_one(c, &domain_list_statement, &args, CTL_NOT_FOUND, "no domain %s", name);
}

int domain_show_run(struct ctl *c) {
    char name[254];
    int r = ctl_domain(ctl_argument(c, 0), name);
    return r != 0 ? r : load(c, name);
}

struct change {
    const char *registrant_ja, *registrant_en, *state; /* NULL: as it is */
    bool examined;
    int64_t organisation; /* 0: as it is */
};

static int change(struct ctl *c, const char *name, const struct change *to) {
    json_decref(c->result);
    c->result = NULL;
    _cleanup_args_ struct db_args args = {0};
    db_add_text(&args, name);
    db_add_text(&args, to->registrant_ja);
    db_add_text(&args, to->registrant_en);
    db_add_text(&args, to->state);
    db_add_bool(&args, to->examined);
    if (to->organisation > 0)
        db_add_int64(&args, to->organisation);
    else
        db_add_null(&args);
    db_add_text(&args, c->by);
    return ctl_answer_one(c, &domain_change_statement, &args, CTL_NOT_FOUND, "no domain %s", name);
}

/* Whether the domain in c->result has a registrant once the change is made. */
static bool has_registrant(const struct ctl *c, const struct change *to) {
    const char *ja = json_string_value(json_object_get(c->result, "registrant_ja"));
    const char *en = json_string_value(json_object_get(c->result, "registrant_en"));
    return given(to->registrant_ja ? to->registrant_ja : ja) || given(to->registrant_en ? to->registrant_en : en);
}

int domain_change_run(struct ctl *c) {
    char name[254];
    struct change to = {.registrant_ja = ctl_option(c, "registrant-ja"),
                        .registrant_en = ctl_option(c, "registrant-en"),
                        .state = ctl_option(c, "state")};
    const char *organisation = ctl_option(c, "organisation");
    to.examined = to.registrant_ja || to.registrant_en;
    int r = check_options(c);
    if (r == 0)
        r = ctl_domain(ctl_argument(c, 0), name);
    /* Whatever stands in the register can be suspended, under an older list or a newer one. */
    if (r == 0 && !(to.state && strcmp(to.state, "suspended") == 0))
        r = ctl_check_public(name);
    if (r == 0 && organisation)
        r = ctl_organisation(c, organisation, &to.organisation);
    if (r == 0)
        r = load(c, name);
    if (r != 0)
        return r;
    const char *state = to.state ? to.state : json_string_value(json_object_get(c->result, "state"));
    if (state && strcmp(state, "permitted") == 0 && !has_registrant(c, &to)) {
        json_decref(c->result);
        c->result = NULL;
        return ctl_fail(CTL_REFUSED, "%s: a domain is permitted only with the registrant that was examined", name);
    }
    return change(c, name, &to);
}

int domain_remove_run(struct ctl *c) {
    char name[254];
    int r = ctl_domain(ctl_argument(c, 0), name);
    return r != 0 ? r : change(c, name, &(struct change){.state = "suspended"});
}

int domain_examine_run(struct ctl *c) {
    char name[254];
    int64_t wait_sec = 0;
    json_t *answer = NULL;
    int r = ctl_domain(ctl_argument(c, 0), name);
    if (r == 0)
        r = ctl_number(c, "wait", 1, 600, 60, &wait_sec);
    if (r == 0)
        r = ctl_check_public(name);
    if (r == 0)
        r = load(c, name);
    if (r == 0)
        r = whois_request(c, name, wait_sec, &answer);
    if (r != 0)
        return r;
    const char *outcome = json_string_value(json_object_get(answer, "outcome"));
    const char *ja = json_string_value(json_object_get(answer, "registrant_ja"));
    const char *en = json_string_value(json_object_get(answer, "registrant_en"));
    const char *state = json_string_value(json_object_get(c->result, "state"));
    if (!outcome || strcmp(outcome, "found") != 0 || (!given(ja) && !given(en)))
        r = ctl_fail(CTL_REFUSED, "%s: WHOIS names no registrant (%s); nothing was changed", name, outcome);
    else
        /* A suspension is an operator's deed and ends by one alone. */
        r = change(c, name,
                   &(struct change){.registrant_ja = ja ? ja : "",
                                    .registrant_en = en ? en : "",
                                    .state = state && strcmp(state, "pending") == 0 ? "permitted" : NULL,
                                    .examined = true});
    json_decref(answer);
    return r;
}
