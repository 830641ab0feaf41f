/*
 * inkan-validator: judges the rows of uploaded files (stage check) and decides over each file (stage decide).
 *
 * Trusted with: what counts as a correct application; reserving names and keys; who a certificate's manager is. It cannot
 * make or alter a certificate, read a key or reach any network but the database's socket and the hints' sockets. It reads what registrars send (TSV lines,
 * CSRs), so it parses hostile ASN.1, and is the only one that decodes a CSR.
 *
 * Talks to: PostgreSQL as inkan_validator. Hears hints from ingress (check), whois and itself (decide); hints whois
 * (ask), itself (decide) and signer (sign, revoke).
 */
#include <errno.h>

#include "cp932.h"
#include "key_list.h"
#include "log.h"
#include "name.h"
#include "parallel.h"
#include "store/application.h"
#include "store/check.h"
#include "store/decide.h"
#include "store/policy_store.h"
#include "validator.h"

static int64_t threads;
static const char *weak_keys;

static const struct setting settings[] = {
    {"validator", "threads", SETTING_INT, "0", 0, 64, &threads,
     "chunks in work at a time, each on a thread and a connection; 0: one a core", false},
    {"validator", "weak_keys", SETTING_PATH, "/usr/share/inkan/debian-weak-keys.txt", 0, 0, &weak_keys,
     "keys of CVE-2008-0166 in the form of openssl-blacklist, read at the start", false},
    {0},
};

static const struct statement *const statements[] = {
    &job_split_statement,
    &policy_get_statement,
    &application_insert_statement,
    &check_ask_statement,
    &check_decide_statement,
    &check_lines_statement,
    &check_progress_statement,
    &check_scope_statement,
    &check_seen_statement,
    &check_targets_statement,
    &decide_amend_statement,
    &decide_amend_all_statement,
    &decide_audit_statement,
    &decide_counts_statement,
    &decide_domains_statement,
    &decide_doubles_statement,
    &decide_finish_statement,
    &decide_jobs_statement,
    &decide_managers_statement,
    &decide_refuse_statement,
    &decide_reserve_keys_statement,
    &decide_reserve_names_statement,
    &decide_revoked_statement,
    &decide_rows_of_statement,
    &decide_scope_statement,
    &decide_seen_statement,
    NULL,
};

static const struct stage_work stages[] = {
    {STAGE_check, check_work, check_poison},
    {STAGE_decide, decide_work, decide_poison},
    {.work = NULL},
};

static int read_weak_keys(void) {
    _cleanup_buf_ struct buf errors = {0};
    int r = key_list_open(weak_keys, &errors);
    if (r < 0)
        log_error("validator.weak_keys: %s", buf_string(&errors));
    else
        log_info("%zu keys of CVE-2008-0166 are known", key_list_count());
    return r;
}

static int init(struct context *c) {
    static struct validator validator;
    int r = cp932_open();
    if (r < 0) {
        log_error("the C library cannot convert CP932 (gconv modules missing?)");
        return r;
    }
    r = read_weak_keys();
    if (r < 0)
        return r;
    r = name_open();
    if (r < 0) {
        log_error("there is no Public Suffix List (package publicsuffix)");
        return r;
    }
    c->lanes = threads > 0 ? (unsigned) threads : parallel_cores();
    c->state = &validator;
    return 0;
}

static void done(struct context *c) {
    (void) c;
    key_list_done();
    name_close();
}

static void readiness(struct context *c, struct buf *reasons) {
    struct validator *v = c->state;
    if (v && atomic_load(&v->no_policy))
        buf_text(reasons, "no policy is in force\n");
}

static const struct service service = {
    .name = "validator",
    .summary = "checks the rows of uploads and decides over them",
    .settings = settings,
    .statements = statements,
    .stages = stages,
    .hints = 1u << STAGE_ask | 1u << STAGE_decide | 1u << STAGE_sign | 1u << STAGE_revoke,
    .init = init,
    .done = done,
    .readiness = readiness,
};

int main(int argc, char **argv) {
    return service_run(&service, argc, argv);
}
