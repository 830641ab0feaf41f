/*
 * inkan-ingress: the HTTP daemon. Registrars' pages and API, one-time links, CA certificates, CRLs, OCSP.
 *
 * Trusted with: who a registrar is, and taking uploads in. It sees one organisation at a time (row-level security), cannot write a
 * certificate, and its public listener's role can call the functions of links and of a
 * serial's status, and read CA certificates and CRLs, nothing else. It
 * reads what anybody sends; files are copied into the database as they are, and judged by the validator.
 *
 * Talks to: registrars and managers over HTTPS, PostgreSQL as inkan_ingress and inkan_public. Hints validator (check) and mailer
 * (send).
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "log.h"
#include "metrics.h"
#include "services/ingress/certificates/certificate_api.h"
#include "services/ingress/certificates/search_words.h"
#include "services/ingress/http/core.h"
#include "services/ingress/http/tls.h"
#include "services/ingress/pages/pages.h"
#include "services/ingress/pki/responder.h"
#include "store/certificate.h"
#include "store/link.h"
#include "store/ocsp.h"
#include "store/permission.h"
#include "store/pki.h"
#include "store/policy_store.h"
#include "store/registrar.h"
#include "store/statistics.h"
#include "store/upload.h"

#define RESPONDER_INTERVAL_USEC (5 * USEC_PER_SEC)

static struct server_options options;

static const struct setting settings[] = {
    {"ingress", "registrar_listen", SETTING_TEXT, "127.0.0.1:8443", 0, 100, &options.listen[LISTENER_REGISTRAR],
     "registrars' pages and API, https with client certificate, unless a socket is inherited"},
    {"ingress", "public_listen", SETTING_TEXT, "127.0.0.1:8444", 0, 100, &options.listen[LISTENER_PUBLIC],
     "one-time links, https, unless a socket is inherited"},
    {"ingress", "pki_listen", SETTING_TEXT, "127.0.0.1:8080", 0, 100, &options.listen[LISTENER_PKI],
     "CA certificates and CRLs, http, unless a socket is inherited"},
    {"ingress", "tls_certificate", SETTING_PATH, NULL, 0, 0, &options.tls_certificate,
     "PEM: certificate and chain of both https listeners"},
    {"ingress", "tls_key", SETTING_PATH, NULL, 0, 0, &options.tls_key, "PEM: its key"},
    {"ingress", "client_ca", SETTING_PATH, NULL, 0, 0, &options.client_ca, "PEM: CAs of registrars' certificates"},
    {"ingress", "spool", SETTING_PATH, "/var/lib/inkan/ingress", 0, 0, &options.spool,
     "directory for bodies while they are read"},
    {"ingress", "database_threads", SETTING_INT, "4", 1, 32, &options.threads, "threads that run requests"},
    {"ingress", "queue", SETTING_INT, "500", 1, 10000, &options.queue_max,
     "requests that may wait for them; more get 503"},
    {"ingress", "queue_per_registrar", SETTING_INT, "50", 1, 10000, &options.queue_per_registrar,
     "of these, with one client certificate; more get 429"},
    {"ingress", "timestamp_url", SETTING_TEXT, "", 0, 500, &page_options.timestamp_url,
     "address of the time-stamping service that registrars are shown (タイムスタンプURL); empty: there is none"},
    {"ingress", "session_idle", SETTING_DURATION, "30min", 60 * USEC_PER_SEC, SEC_PER_DAY *USEC_PER_SEC,
     &page_options.session_idle_usec, "time without a page after which registrars' pages ask to log in again"},
    {"ingress", "connections", SETTING_INT, "1000", 10, 20000, &options.connections, "connections of each listener"},
    {"ingress", "patience", SETTING_DURATION, "60s", USEC_PER_SEC, 3600 * USEC_PER_SEC, &options.patience_usec,
     "how long a client may take for a request's head, and then for its body or the reply beyond a second for each 4 "
     "kB"},
    {0},
};

static const struct statement *const statements[] = {
    &policy_get_statement,         &registrar_login_statement,
    &server_all_statement,         &upload_any_statement,
    &upload_forget_statement,      &upload_insert_statement,
    &upload_same_statement,        &upload_jobs_statement,
    &upload_get_statement,         &upload_rows_statement,
    &upload_lines_statement,       &upload_list_statement,
    &certificate_list_statement,   &certificate_get_statement,
    &certificate_chosen_statement, &certificate_replacing_statement,
    &certificate_words_statement,  &certificate_history_statement,
    &statistics_statement,         &link_get_statement,
    &link_list_statement,          &link_resend_statement,
    &ocsp_want_statement,          &ocsp_issuers_statement,
    &permission_list_statement,    NULL,
};

static const struct statement *const public_statements[] = {
    &policy_get_statement, &link_look_statement,      &link_take_statement,
    &link_burn_statement,  &link_give_back_statement, &pki_crl_statement,
    &pki_issuer_statement, &ocsp_status_statement,    NULL,
};

int thread_open(struct thread *t, struct context *c) {
    t->context = c;
    t->db = service_db(c, NULL, statements);
    t->db_public = service_db(c, "public", public_statements);
    return t->db && t->db_public ? 0 : -ENOMEM;
}

void thread_close(struct thread *t) {
    db_free(t->db);
    db_free(t->db_public);
}

static int check_options(void) {
    const char *url = page_options.timestamp_url;
    if (!*url || strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0)
        return 0;
    log_error("ingress.timestamp_url: \"%s\" is not an address with http or https", url);
    return -EINVAL;
}

static int init(struct context *c) {
    struct thread probe = {0};
    struct server *server = NULL;
    int r = check_options();
    if (r == 0)
        r = thread_open(&probe, c);
    if (r == 0)
        r = db_connect(probe.db_public);
    if (r == 0)
        r = db_check_statements(probe.db_public);
    thread_close(&probe);
    if (r == 0)
        r = server_open(&server, c, &options);
    c->state = server;
    return r;
}

static void done(struct context *c) {
    server_close(c->state);
}

static int refresh_responder(struct context *c) {
    const struct server *server = c->state;
    return responder_refresh(server->responder, c->db);
}

static void reload(struct context *c) {
    server_reload(c->state, &options);
}

static void readiness(struct context *c, struct buf *reasons) {
    const struct server *server = c->state;
    responder_readiness(server->responder, reasons);
}

static void measure(struct context *c, struct db *db) {
    const struct server *server = c->state;
    (void) db;
    metrics_set_time(METRIC_CERTIFICATE_END, "tls", tls_holder_end_usec(server->tls));
    responder_measure(server->responder);
    search_words_measure();
}

static const struct timer timers[] = {
    {RESPONDER_INTERVAL_USEC, refresh_responder}, {SEARCH_WORDS_INTERVAL_USEC, search_words_fire}, {0}};

static const struct service service = {
    .name = "ingress",
    .summary = "registrars' pages and API, one-time links, CA certificates, CRLs, OCSP",
    .settings = settings,
    .statements = statements,
    .timers = timers,
    .hints = 1u << STAGE_check | 1u << STAGE_send,
    .init = init,
    .done = done,
    .readiness = readiness,
    .reload = reload,
    .measure = measure,
};

int main(int argc, char **argv) {
    return service_run(&service, argc, argv);
}
