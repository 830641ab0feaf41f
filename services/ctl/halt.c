/* halt, resume: whether anything is signed. */
#include "commands.h"
#include "ctl_text.h"
#include "store/operator.h"

const struct command_option halt_options[] = {
    {"reason", "TEXT", "kept in the audit and shown by the signers' readiness", true},
    {0},
};
const struct command_option resume_options[] = {{0}};

const struct statement *const halt_statements[] = {&service_lock_statement, &service_halt_statement, NULL};
const struct statement *const resume_statements[] = {&service_lock_statement, &service_resume_statement, NULL};

int halt_run(struct ctl *c) {
    int r = ctl_check_text("reason", ctl_option(c, "reason"), 500);
    if (r != 0)
        return r;
    _cleanup_args_ struct db_args args = {0};
    db_add_text(&args, ctl_option(c, "reason"));
    db_add_text(&args, c->by);
    return ctl_answer_behind_signing(c, &service_halt_statement, &args);
}

int resume_run(struct ctl *c) {
    _cleanup_args_ struct db_args args = {0};
    db_add_text(&args, c->by);
    int r = ctl_answer_behind_signing(c, &service_resume_statement, &args);
    return r == CTL_OK && !c->result ? ctl_fail(CTL_REFUSED, "it is not halted") : r;
}
