/* status: one screen that tells whether all is well. drill: a trial of the backup, for the same screen. */
#include "status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "commands.h"
#include "ctl_text.h"
#include "daemons.h"
#include "proto/stages.h"
#include "store/operator.h"
#include "x509.h"

const struct command_option status_options[] = {{0}};
const struct command_option database_drill_options[] = {
    {"comment", "TEXT", "what was restored, how long it took, what was found", true},
    {0},
};

const struct statement *const status_statements[] = {&status_service_statement,
                                                     &status_queues_statement,
                                                     &status_issuers_statement,
                                                     &status_whois_statement,
                                                     &status_mails_statement,
                                                     &status_audit_statement,
                                                     NULL};
const struct statement *const database_drill_statements[] = {&drill_record_statement, NULL};

static void set_end(json_t *object, int64_t end_usec) {
    time_t end = (time_t) (end_usec / USEC_PER_SEC);
    struct tm tm;
    char until[32] = "";
    if (gmtime_r(&end, &tm))
        (void) strftime(until, sizeof(until), "%Y-%m-%dT%H:%M:%SZ", &tm);
    (void) json_object_set_new(object, "ends", json_string(until));
    (void) json_object_set_new(object, "left_sec", json_integer((end_usec - clock_realtime_usec()) / USEC_PER_SEC));
}

/* ---- the database's facts */

/* Fills facts.name with the statement's one object, or with the array of its objects. */
static int64_t add_facts(struct ctl *c, const char *name, const struct statement *statement, bool list) {
    json_t *rows = NULL;
    _cleanup_args_ struct db_args args = {0};
    const char *stages[STAGE_COUNT];
    for (int i = 0; i < STAGE_COUNT; i++)
        stages[i] = stage_name((enum stage) i);
    if (statement->params > 0)
        db_add_text_array(&args, stages, STAGE_COUNT);
    int64_t n = ctl_query(c, statement, &args, &rows);
    if (n < 0)
        return n;
    (void) json_object_set(c->result, name, list ? rows : json_array_get(rows, 0));
    json_decref(rows);
    return n;
}

static int64_t add_issuers(struct ctl *c) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    int64_t n = db_run(c->db, &status_issuers_statement, NULL, &rows);
    json_t *list = json_array();
    for (size_t i = 0; n > 0 && i < (size_t) n; i++) {
        struct db_bytes der = db_bytes(rows, i, 1);
        json_t *issuer = json_loads(db_text(rows, i, 0), 0, NULL);
        set_end(issuer, x509_end_usec_of_der(der.data, der.len));
        (void) json_array_append_new(list, issuer);
    }
    if (n >= 0)
        (void) json_object_set(c->result, "issuers", list);
    json_decref(list);
    return n;
}

static bool ask_database(struct ctl *c) {
    if (!db_connected(c->db) || add_facts(c, "signing", &status_service_statement, false) < 0)
        return false;
    (void) json_object_set(c->result, "time", json_object_get(json_object_get(c->result, "signing"), "time"));
    return add_facts(c, "queues", &status_queues_statement, true) >= 0 && add_issuers(c) >= 0 &&
           add_facts(c, "whois", &status_whois_statement, true) >= 0 &&
           add_facts(c, "mail", &status_mails_statement, false) >= 0 &&
           add_facts(c, "audit", &status_audit_statement, false) >= 0;
}

/* ---- the daemons' facts */

/* The certificates that only a daemon knows, from its metrics: TLS of the ingress, S/MIME of the mailer. */
static void take_certificate(json_t *to, const char *metrics, const char *name) {
    char head[100];
    (void) snprintf(head, sizeof(head), "\ninkan_certificate_end_timestamp_seconds{certificate=\"%s\"} ", name);
    const char *at = strstr(metrics, head);
    if (!at)
        return;
    json_t *certificate = json_pack("{s:s}", "certificate", name);
    set_end(certificate, strtoll(at + strlen(head), NULL, 10) * USEC_PER_SEC);
    (void) json_array_append_new(to, certificate);
}

static void ask_daemons(struct ctl *c) {
    json_t *daemons = json_array(), *certificates = json_array();
    for (int i = 0; i < CTL_HEALTH_COUNT; i++) {
        _cleanup_buf_ struct buf metrics = {0};
        long status = 0;
        if (!*c->settings.health[i])
            continue; /* it has no endpoint, by the settings */
        (void) json_array_append_new(daemons, daemon_ready(ctl_daemons[i], c->settings.health[i], &status));
        if (status != 0)
            daemon_metrics(c->settings.health[i], &metrics);
        take_certificate(certificates, buf_string(&metrics), "tls");
        take_certificate(certificates, buf_string(&metrics), "smime");
    }
    (void) json_object_set_new(c->result, "daemons", daemons);
    (void) json_object_set_new(c->result, "certificates", certificates);
}

int status_run(struct ctl *c) {
    c->result = json_object();
    bool up = ask_database(c);
    (void) json_object_set_new(c->result, "database", json_pack("{s:b}", "up", (int) up));
    ask_daemons(c);
    if (status_judge(c->result, c->settings.oldest_usec / USEC_PER_SEC) < 0)
        return ctl_fail(CTL_FAILED, "out of memory");
    status_text(c->result, &c->text);
    return json_is_true(json_object_get(c->result, "well")) ? CTL_OK : CTL_FAILED;
}

int database_drill_run(struct ctl *c) {
    int r = ctl_check_text("comment", ctl_option(c, "comment"), 500);
    if (r != 0)
        return r;
    _cleanup_args_ struct db_args args = {0};
    db_add_text(&args, ctl_option(c, "comment"));
    db_add_text(&args, c->by);
    return ctl_answer_one(c, &drill_record_statement, &args, CTL_FAILED, "nothing was recorded");
}
