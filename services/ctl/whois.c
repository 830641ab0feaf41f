/* whois ask|flush: what WHOIS says now, and forgetting what it said. */
#include "commands.h"
#include "ctl_text.h"
#include "store/operator.h"
#include "whois_request.h"

const struct command_option whois_ask_options[] = {
    {"wait", "SECONDS", "for the answer (default 60)", false},
    {0},
};
const struct command_option whois_flush_options[] = {{0}};

const struct statement *const whois_ask_statements[] = {&whois_request_statement, &whois_cancel_statement,
                                                        &whois_mark_statement, &whois_newer_statement, NULL};
const struct statement *const whois_flush_statements[] = {&whois_flush_statement, NULL};

int whois_ask_run(struct ctl *c) {
    char name[254];
    int64_t wait_sec = 0;
    int r = ctl_domain(ctl_argument(c, 0), name);
    if (r == 0)
        r = ctl_number(c, "wait", 1, 600, 60, &wait_sec);
    return r != 0 ? r : whois_request(c, name, wait_sec, &c->result);
}

int whois_flush_run(struct ctl *c) {
    char name[254];
    const char *domain = ctl_argument(c, 0);
    int r = domain ? ctl_domain(domain, name) : 0;
    if (r != 0)
        return r;
    _cleanup_args_ struct db_args args = {0};
    db_add_text(&args, domain ? name : NULL);
    return ctl_answer_one(c, &whois_flush_statement, &args, CTL_FAILED, "nothing was deleted");
}
