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

struct deed {
    struct ctl *c;
    const struct statement *statement;
    const char *reason; /* NULL: the statement takes none */
    json_t *rows;
};

/* Waits in line behind every signing transaction that began before, which hold the row FOR SHARE to their end. */
static int switch_service(struct db *db, void *ctx) {
    struct deed *d = ctx;
    json_decref(d->rows);
    d->rows = NULL;
    int64_t n = db_run(db, &service_lock_statement, NULL, NULL);
    if (n < 0)
        return (int) n;
    _cleanup_args_ struct db_args args = {0};
    if (d->reason)
        db_add_text(&args, d->reason);
    db_add_text(&args, d->c->by);
    n = ctl_query(d->c, d->statement, &args, &d->rows);
    return n < 0 ? (int) n : 0;
}

static int do_deed(struct ctl *c, struct deed *d) {
    int r = db_transaction(c->db, d->statement->name, 0, switch_service, d);
    if (r == 0 && json_array_size(d->rows) > 0)
        c->result = json_incref(json_array_get(d->rows, 0));
    json_decref(d->rows);
    return r < 0 ? ctl_database_failed(r) : CTL_OK;
}

int halt_run(struct ctl *c) {
    int r = ctl_check_text("reason", ctl_option(c, "reason"), 500);
    return r != 0 ? r
                  : do_deed(c, &(struct deed){
                                   .c = c, .statement = &service_halt_statement, .reason = ctl_option(c, "reason")});
}

int resume_run(struct ctl *c) {
    int r = do_deed(c, &(struct deed){.c = c, .statement = &service_resume_statement});
    if (r == CTL_OK && !c->result)
        return ctl_fail(CTL_REFUSED, "it is not halted");
    return r;
}
