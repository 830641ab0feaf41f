/*
 * inkan-ingress: the HTTP daemon. Registrars' pages and API, one-time links, CA certificates and CRLs.
 *
 * Trusted with: who a registrar is, and taking uploads in. It sees one organisation at a time (row-level security), cannot write a
 * certificate, and its public listener's role can call the functions of links and read CA certificates and CRLs, nothing else. It
 * reads what anybody sends; files are copied into the database as they are, and judged by the validator.
 *
 * Talks to: registrars and managers over HTTPS, PostgreSQL as inkan_ingress and inkan_public. Hints validator (check) and mailer
 * (send).
 */
#include <errno.h>

#include "services/ingress/certificate_api.h"
#include "services/ingress/core.h"
#include "store/certificate.h"
#include "store/link.h"
#include "store/pki.h"
#include "store/policy_store.h"
#include "store/registrar.h"
#include "store/upload.h"

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
    {"ingress", "connections", SETTING_INT, "1000", 10, 20000, &options.connections, "connections of each listener"},
    {0},
};

static const struct statement *const statements[] = {
    &policy_get_statement,       &registrar_login_statement,
    &server_all_statement,       &upload_forget_statement,
    &upload_insert_statement,    &upload_same_statement,
    &upload_jobs_statement,      &upload_get_statement,
    &upload_rows_statement,      &upload_list_statement,
    &certificate_list_statement, &certificate_get_statement,
    &link_resend_statement,      NULL,
};

static const struct statement *const public_statements[] = {
    &policy_get_statement,     &link_look_statement, &link_take_statement,  &link_burn_statement,
    &link_give_back_statement, &pki_crl_statement,   &pki_issuer_statement, NULL,
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

static int init(struct context *c) {
    struct thread probe = {0};
    struct server *server = NULL;
    int r = thread_open(&probe, c);
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

static const struct service service = {
    .name = "ingress",
    .summary = "registrars' pages and API, one-time links, CA certificates and CRLs",
    .settings = settings,
    .statements = statements,
    .hints = 1u << STAGE_check | 1u << STAGE_send,
    .init = init,
    .done = done,
};

int main(int argc, char **argv) {
    return service_run(&service, argc, argv);
}
